"""`digits.plot_results`: the figures show the histories, accuracies, confusions, mistakes and weights of the runs."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.special
from conftest import Command, Refused
from digits.lib.tensors import load_split
from digits.plot_results import (
    draw_accuracies,
    draw_curves,
    draw_first_layers,
    draw_mistakes,
    read_filters,
    read_history,
)
from drawings import assert_plain, drawn_images, svg_texts
from matplotlib.collections import LineCollection
from project import CONFIG, RESULT_FIGURES, RUNS, TABLES, TENSORS, arguments, built_by
from safetensors.numpy import load_file, save_file

CHOSEN = RUNS[0]  # linear is the only model of the small project that holds images out


def test_curves_are_the_histories(built: Path) -> None:
    assert [text for text in svg_texts(built / RESULT_FIGURES["curves"]) if text[0].isalpha()] == [
        "epoch",
        "training loss, each model's own",
        "Loss on the training images",
        "epoch",
        "validation accuracy",
        "Accuracy on the images held out",
        "linear",
        "published",
        "tiny-conv",
    ]
    metrics = pd.read_csv(built / TABLES["metrics"])
    histories = {(run.split("/")[2], int(run[-1])): read_history(built / run / "history.csv") for run in RUNS}
    left, right = draw_curves(metrics, histories).axes
    for line, accuracy, run in zip(left.lines, right.lines, RUNS, strict=True):
        with (built / run / "history.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert (
            np.asarray(line.get_xdata()).tolist()
            == np.asarray(accuracy.get_xdata()).tolist()
            == list(range(1, len(rows) + 1))
        )
        assert np.asarray(line.get_ydata()).tolist() == [float(row["train_loss"]) for row in rows]
        held_out = [float(row["validation_accuracy"] or "nan") for row in rows]
        np.testing.assert_array_equal(accuracy.get_ydata(), held_out)


def test_accuracies_have_their_intervals_and_the_reported_one_as_a_mark(built: Path) -> None:
    texts = svg_texts(built / RESULT_FIGURES["accuracies"])
    assert "34.81% in the tutorial's post" in texts and "by chance" in texts
    assert set(CONFIG["models"]) < set(texts)
    metrics = pd.read_csv(built / TABLES["metrics"])
    (axis,) = draw_accuracies(metrics, CONFIG["references"], 10).axes
    shown = [line for line in axis.lines if line.get_marker() == "o"]
    assert np.concatenate([line.get_xdata() for line in shown]).tolist() == metrics["test_accuracy"].tolist()
    bars = [collection for collection in axis.collections if isinstance(collection, LineCollection)]
    whiskers = [segment[:, 0] for lines in bars for segment in lines.get_segments()]
    np.testing.assert_allclose(whiskers, metrics[["test_interval_low", "test_interval_high"]])
    (mark,) = [line for line in axis.lines if line.get_marker() == "D"]
    assert np.asarray(mark.get_xdata()).tolist() == [0.3481]
    (axis,) = draw_accuracies(metrics, [], 10).axes
    assert "D" not in [line.get_marker() for line in axis.lines], "nobody reports this model"


def test_confusion_counts_what_the_chosen_model_read(built: Path) -> None:
    confusion = json.loads((built / CHOSEN / "metrics.json").read_text())["test"]["confusion"]
    texts = svg_texts(built / RESULT_FIGURES["confusion"])
    assert texts[:22] == [*"0123456789", "read as", *"0123456789", "true class"]
    assert texts[22:] == [str(count) for row in confusion for count in row if count]


def test_mistakes_are_the_most_confident_ones(built: Path) -> None:
    test, logits = load_split(built / TENSORS[1]), load_file(built / CHOSEN / "predictions.safetensors")["logits"]
    confidence = scipy.special.softmax(logits.astype(float), axis=1).max(axis=1)
    wrong = [i for i in range(200) if logits[i].argmax() != test.labels[i]]
    worst = sorted(wrong, key=lambda i: -confidence[i])[:24]
    figure = draw_mistakes(test, logits)
    shown = drawn_images(built / RESULT_FIGURES["mistakes"], figure)
    numbers = [int(re.split("no. ", axis.get_title())[1]) for axis in figure.axes if axis.images]
    assert np.sort(confidence[numbers]) == pytest.approx(np.sort(confidence[worst]))
    for number, picture, axis in zip(numbers, shown, figure.axes, strict=False):
        np.testing.assert_allclose(picture, test.images[number], atol=2)
        read, share = logits[number].argmax(), f"{confidence[number]:.1%}"
        assert axis.get_title() == f"{test.labels[number]}\n→ {read}\n{share}, no. {number}"


def test_a_network_without_mistakes_is_told_so(built: Path) -> None:
    test = load_split(built / TENSORS[1])
    (axis,) = draw_mistakes(test, np.eye(10, dtype=np.float32)[test.labels]).axes
    assert [text.get_text() for text in axis.texts] == ["no mistakes"]


def test_first_layers_show_the_weights_of_each_model(built: Path) -> None:
    weights = {run.split("/")[2]: load_file(built / run / "weights.safetensors") for run in RUNS[::2]}
    expected = {
        "linear": weights["linear"]["w1"].T.reshape(10, 28, 28),
        "published": weights["published"]["w1"].T.reshape(20, 28, 28),
        "tiny-conv": weights["tiny-conv"]["convolutions.0.weight"].reshape(4, 3, 3),
    }
    filters = {run.split("/")[2]: read_filters(built / run / "weights.safetensors", (28, 28)) for run in RUNS[::2]}
    for panel, (model, units) in zip(draw_first_layers(filters).subfigs, expected.items(), strict=True):
        shown = [np.asarray(axis.images[0].get_array()) for axis in panel.axes if axis.images]
        np.testing.assert_array_equal(np.stack(shown), units)
        assert panel.get_suptitle() == f"{model}: {len(units)} of {len(units)} units"


def test_the_units_of_a_cropped_network_are_of_the_pixels_that_it_sees(tmp_path: Path) -> None:
    w1 = np.arange(6 * 2, dtype=np.float32).reshape(6, 2)  # of images of 4 × 5 pixels without their border
    save_file({"w1": w1}, tmp_path / "weights", {"training": json.dumps({"recipe": {"crop": 1}})})
    np.testing.assert_array_equal(read_filters(tmp_path / "weights", (4, 5)), [w1[:, n].reshape(2, 3) for n in (0, 1)])


def test_twice_gives_the_same_bytes(command: Command, built: Path, target: Path) -> None:
    result = command("plot_results", *arguments("plot_results", built, target))
    assert (result.status, result.output) == (0, "")
    assert built_by("plot_results", target) == built_by("plot_results", built)


@pytest.mark.parametrize("figure", RESULT_FIGURES.values())
def test_a_figure_has_the_format_of_its_name_and_no_date(built: Path, figure: str) -> None:
    assert_plain(built / figure)


def test_runs_that_are_not_the_tables(built: Path, refused: Refused) -> None:
    assert refused("plot_results", built, "--runs", built / RUNS[0]) == (
        f"error: --runs: 1 folders, but {built}/results/metrics.csv has 6 runs; name one for each, in its order"
    )
