"""`digits.plot_mistakes`: what the chosen model misreads, and what every model misreads that reads most images rightly."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.special
from conftest import Ran
from digits.data.form import CENTRED, INK
from digits.data.tensors import Split, load_split
from digits.plot_mistakes import draw_mistakes, draw_shared_mistakes, shared_mistakes
from digits.statistics.predictions import Predictions, load_predictions
from digits.statistics.runs import reliable_models
from drawings import drawn_images, svg_texts
from project import MISTAKE_FIGURES, MISTAKES, RUNS, TABLES, TENSORS, metrics, rows
from safetensors.numpy import load_file, save_file

CHOSEN = RUNS[0]  # linear is the only model of the small project that holds images out


def readings(labels: np.ndarray, read: np.ndarray, counted: np.ndarray | None = None) -> Predictions:
    """Scores by which each image is read as the class given."""
    logits = np.eye(max(read.max(), labels.max()) + 1, dtype=np.float32)[read]
    return Predictions(logits, labels, np.ones(len(labels), dtype=bool) if counted is None else counted)


def test_confusion_counts_what_the_chosen_model_read(built: Path) -> None:
    confusion = json.loads((built / CHOSEN / "metrics.json").read_text())["test"]["confusion"]
    texts = svg_texts(built / MISTAKE_FIGURES["confusion"])
    assert texts[:22] == [*"0123456789", "predicted class", *"0123456789", "true class"]
    assert texts[22:] == [str(count) for row in confusion for count in row if count]


def test_mistakes_are_the_most_confident_ones(built: Path) -> None:
    test, scores = load_split(built / TENSORS[1]), load_predictions(built / CHOSEN / "predictions.safetensors")
    logits = scores.logits
    temperature = metrics(built, CHOSEN)["temperature"]
    assert temperature not in (None, 1)
    confidence = scipy.special.softmax(logits.astype(float) / temperature, axis=1).max(axis=1)
    wrong = [i for i in range(200) if logits[i].argmax() != test.labels[i]]
    worst = sorted(wrong, key=lambda i: -confidence[i])[:24]
    figure = draw_mistakes(test, CENTRED, scores, temperature)
    shown = drawn_images(built / MISTAKE_FIGURES["mistakes"], figure)
    numbers = [int(re.split("no. ", axis.get_title())[1]) for axis in figure.axes if axis.images]
    assert np.sort(confidence[numbers]) == pytest.approx(np.sort(confidence[worst]))
    for number, picture, axis in zip(numbers, shown, figure.axes, strict=False):
        np.testing.assert_allclose(picture, test.images[number], atol=2)
        read, share = logits[number].argmax(), f"{100 * confidence[number]:.1f}\u202f%"
        assert axis.get_title() == f"{test.labels[number]}\n→ {read}\n{share}\nno. {number}"
        assert float(axis.title.get_fontsize()) >= 10, "it can be read on a telephone"


def test_an_image_of_a_class_that_the_recipe_leaves_out_is_no_mistake(built: Path) -> None:
    test = load_split(built / TENSORS[1])
    never_0 = readings(test.labels, np.where(test.labels == 0, 1, test.labels), counted=test.labels != 0)
    (axis,) = draw_mistakes(test, CENTRED, never_0, None).axes
    assert [text.get_text() for text in axis.texts] == ["no mistakes"]
    assert shared_mistakes(test.labels, [never_0, never_0], test.classes).empty


def test_shared_mistakes_are_those_of_all_runs_the_agreed_ones_first() -> None:
    labels = np.array([0, 1, 2, 2, 1])
    runs = [readings(labels, np.array(read)) for read in ([1, 1, 1, 0, 2], [1, 1, 0, 0, 1], [2, 0, 1, 0, 0])]
    found = shared_mistakes(labels, runs, ["a", "b", "c"]).to_dict("records")
    assert found == [
        {"image": 3, "label": "c", "predicted": "a", "agree": 3, "runs": 3},
        {"image": 0, "label": "a", "predicted": "b", "agree": 2, "runs": 3},
        {"image": 2, "label": "c", "predicted": "b", "agree": 2, "runs": 3},
    ]
    images = np.zeros((5, 28, 28), np.uint8)
    shared = shared_mistakes(labels, runs, ["a", "b", "c"])
    titles = [axis.get_title() for axis in draw_shared_mistakes(Split(images, labels, ["a"]), INK, shared).axes]
    assert titles[:2] == ["c\n→ a\n3 of 3\nno. 3", "a\n→ b\n2 of 3\nno. 0"]


def test_where_no_run_counts_no_mistake_does() -> None:
    """Without a run to disagree, every image would be misclassified by all of them."""
    shared = shared_mistakes(np.array([0, 1]), [], ["a", "b"])
    (axis,) = draw_shared_mistakes(
        Split(np.zeros((2, 28, 28), np.uint8), np.array([0, 1]), ["a", "b"]), INK, shared
    ).axes
    assert shared.empty and len(axis.texts) == 1


def test_counted_are_models_that_read_most_images_rightly_in_every_run() -> None:
    metrics = pd.DataFrame(
        [("poor", 0.3, 100), ("poor", 0.9, 100), ("half", 0.5, 100), ("part", 0.9, 50), ("good", 0.8, 100), ("good", 0.51, 100)],
        columns=["model", "test_accuracy", "test_images"],
    )  # fmt: skip
    assert reliable_models(metrics) == ["good"]


def test_the_table_and_picture_of_models_that_count(ran: Ran, project: Path) -> None:
    """No model of the small project counts; here one does, which reads all but five images, in the same way in both runs."""
    test = load_split(project / TENSORS[1])
    scores = np.eye(10, dtype=np.float32)[test.labels]
    scores[:5] = np.eye(10, dtype=np.float32)[(test.labels[:5] + 1) % 10]
    for run in RUNS[:2]:
        path = project / run / "predictions.safetensors"
        save_file({**load_file(path), "logits": scores}, path)
    metrics = pd.read_csv(project / TABLES["metrics"])
    right = {"test_accuracy": 0.975, "test_errors": 5, "test_interval_high": 0.99}
    metrics.loc[metrics["model"] == "linear", [*right]] = [*right.values()]
    metrics = metrics.astype({"test_errors": int})
    metrics.to_csv(project / TABLES["metrics"], index=False)
    ran("plot_mistakes", project, project)
    found = rows(project / MISTAKES)
    assert [int(row["image"]) for row in found] == list(range(5))
    assert [(int(row["predicted"]) - int(row["label"])) % 10 for row in found] == [1] * 5
    assert {(row["agree"], row["runs"]) for row in found} == {("2", "2")}
