"""`digits.evaluate`: measures as numpy, scikit-learn and the textbook give them; weights that do not belong are refused."""

import json
import math
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Ran, Refused
from digits.core.arithmetic import processor
from digits.statistics.by_class import averages_by_class
from digits.statistics.metrics import evaluate_logits, fit_temperature
from project import RECIPES, RUNS, TENSORS, metrics, rewrite, rows
from safetensors.numpy import load_file, save_file

LINEAR, _, PUBLISHED, _, CONVOLUTIONAL, _ = RUNS
Changes = dict[str, object]
Labels = list[int]


def scores(project: Path, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Compute the network's scores of the test images with numpy, in float64."""
    res = load_file(project / TENSORS[1])["images"].reshape(200, -1) / 255
    for n in range(1, len(tensors) // 2 + 1):
        res = (np.maximum(res, 0) if n > 1 else res) @ tensors[f"w{n}"].astype(float) + tensors[f"b{n}"]
    return np.asarray(res)


@pytest.mark.parametrize("run", [LINEAR, PUBLISHED])
def test_predictions_are_the_networks_scores_in_test_order_and_measured(measured: Path, run: str) -> None:
    predictions = load_file(measured / run / "predictions.safetensors")
    assert set(predictions) == {"logits", "labels", "counted"}
    np.testing.assert_array_equal(predictions["labels"], load_file(measured / TENSORS[1])["labels"])
    assert predictions["counted"].dtype == np.bool_ and predictions["counted"].all()
    assert predictions["logits"].dtype == np.float32 and predictions["logits"].shape == (200, 10)
    expected = scores(measured, load_file(measured / run / "weights.safetensors"))
    np.testing.assert_allclose(predictions["logits"], expected, rtol=1e-4, atol=1e-4)
    given = predictions["logits"], predictions["labels"], list("0123456789"), metrics(measured, run)["temperature"]
    assert metrics(measured, run)["test"] == evaluate_logits(*given, run=(Path(run).parent.name, 0))


def test_a_run_is_described(measured: Path) -> None:
    last = rows(measured / LINEAR / "history.csv")[-1]
    expected = {"model": "linear", "seed": 0, "parameters": 7850, "epochs": 3, "train_size": 400}
    expected |= {"training_flops": 3 * 400 * 2 * 2 * 784 * 10, "processors": [processor()]}
    expected |= {"validation_accuracy": float(last["validation_accuracy"])}
    found = metrics(measured, LINEAR)
    assert found.items() >= expected.items() and found.keys() - expected == {
        "validation",
        "test",
        "snapshots",
        "temperature",
    }
    held_out = load_file(measured / LINEAR / "validation.safetensors")
    answers = held_out["logits"].argmax(axis=1)
    assert found["validation"] == averages_by_class(answers, held_out["labels"], 10, "validation", "linear", 0)
    published = metrics(measured, PUBLISHED)
    assert (published["model"], published["parameters"], published["train_size"]) == ("published", 15910, 500)
    assert (
        published["validation_accuracy"]
        is published["validation"]
        is published["temperature"]
        is published["test"]["calibrated"]
        is None
    )
    assert load_file(measured / PUBLISHED / "validation.safetensors")["logits"].shape == (0, 10)


def test_the_temperature_is_fitted_on_the_images_held_out(ran: Ran, measured: Path, target: Path) -> None:
    """The small project's network classifies under a tenth of them correctly: its scores are flattened."""
    assert metrics(measured, LINEAR)["validation_accuracy"] < 0.1
    assert metrics(measured, LINEAR)["temperature"] == pytest.approx(10_000, rel=1e-3)
    calibrated = metrics(measured, LINEAR)["test"]["calibrated"]
    assert calibrated["negative_log_likelihood"] == pytest.approx(math.log(10), rel=1e-3)
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=100).astype(np.uint8)
    logits = (4 * np.eye(10)[labels] + 3 * rng.normal(size=(100, 10))).astype(np.float32)
    path = target / "held-out.safetensors"
    target.mkdir()
    save_file({"logits": logits, "labels": labels}, path)
    ran("evaluate", measured, target, "--validation", path)
    assert metrics(target, LINEAR)["temperature"] == fit_temperature(logits, labels) != 10_000


def test_suspected_label_errors_are_left_out_of_a_second_count(ran: Ran, measured: Path, target: Path) -> None:
    predictions = load_file(measured / LINEAR / "predictions.safetensors")
    wrong = np.flatnonzero(predictions["logits"].argmax(axis=1) != predictions["labels"]).tolist()
    suspected = [*wrong[:3], next(i for i in range(200) if i not in wrong)]
    ran("evaluate", measured, target, "--label-errors", json.dumps(suspected))
    test = metrics(target, LINEAR)["test"]
    errors = len(wrong) - 3
    assert test["without_label_errors"] == {"images": 196, "errors": errors, "accuracy": (196 - errors) / 196}
    assert {**test, "without_label_errors": None} == metrics(measured, LINEAR)["test"], "nothing else changes"


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("[3, 200]", "dataset.label_errors: 200: "),
        ("[-1]", "dataset.label_errors: -1: "),
        *((text, "--label-errors: expected a JSON list") for text in ("[1.5]", "[true]", "7")),
        ("947,", "--label-errors: not JSON (Extra data: line 1 column 4 (char 3))"),
    ],
)
def test_label_errors_that_are_no_test_images(trained: Path, refused: Refused, numbers: str, message: str) -> None:
    assert refused("evaluate", trained, "--label-errors", numbers).startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("classes", "labels", "reason"),
    [
        (10, [0] * 4, "labels: uint8 [4] is not uint8 [5]"),
        (9, [0] * 5, "scores of 9 classes, but "),
        (9, [9] * 5, "label 9 of 9 classes"),
    ],
)
def test_other_scores(
    tmp_path: Path, trained: Path, refused: Refused, classes: int, labels: Labels, reason: str
) -> None:
    path = tmp_path / "validation.safetensors"
    save_file({"logits": np.zeros((5, classes), np.float32), "labels": np.array(labels, np.uint8)}, path)
    error = refused("evaluate", trained, "--validation", path)
    assert error.startswith(f"error: {path}: not a file that `digits.train` wrote ({reason}")


def test_snapshots_are_measured_at_their_epochs(measured: Path) -> None:
    labels = load_file(measured / TENSORS[1])["labels"]
    tensors = load_file(measured / PUBLISHED / "snapshots.safetensors")
    expected = []
    for epoch in (1, 3):
        of_epoch = {name: tensors[f"epoch-{epoch}.{name}"] for name in ("w1", "b1", "w2", "b2")}
        right = (scores(measured, of_epoch).argmax(axis=1) == labels).sum()
        expected.append({"epoch": epoch, "accuracy": right / 200})
    snapshots = metrics(measured, PUBLISHED)["snapshots"]
    assert snapshots == expected
    assert snapshots[-1]["accuracy"] == metrics(measured, PUBLISHED)["test"]["accuracy"]
    assert metrics(measured, LINEAR)["snapshots"] == []


def test_pixels_are_normalised_as_the_training_images_are(measured: Path) -> None:
    """That the scores follow from the tensors is in tests/browser/test_networks.py, by the page's own code."""
    weights = load_file(measured / CONVOLUTIONAL / "weights.safetensors")
    pixels = load_file(measured / TENSORS[0])["images"] / 255
    assert [weights["pixel_mean"], weights["pixel_std"]] == pytest.approx([pixels.mean(), pixels.std()])


def test_a_network_of_some_classes_with_anothers_features(ran: Ran, measured: Path, target: Path) -> None:
    """Trained on few images of two classes; measured on the test images of these alone."""
    changes = {"classes": ["7", "3"], "labels_per_class": 5, "features_of": "published", "batch_size": 10}
    recipe = ["--recipe", json.dumps({**RECIPES["published"], **changes, "learning_rate": 1, "validation_size": 100})]
    features = measured / PUBLISHED / "weights.safetensors"
    ran("train", measured, target, *recipe, "--features", features, run=PUBLISHED)
    of_source, of_target = load_file(features), load_file(target / PUBLISHED / "weights.safetensors")
    assert all(np.array_equal(of_source[name], of_target[name]) for name in ("w1", "b1"))
    assert (of_target["w2"].shape, of_target["b2"].shape) == ((20, 2), (2,))
    held_out = load_file(target / PUBLISHED / "validation.safetensors")
    assert set(held_out["labels"].tolist()) == {3, 7} and held_out["logits"].shape == (len(held_out["labels"]), 10)

    (target / TENSORS[1]).parent.mkdir(parents=True)
    shutil.copy(measured / TENSORS[1], target / TENSORS[1])
    ran("evaluate", target, target, *recipe, run=PUBLISHED)
    labels = load_file(target / TENSORS[1])["labels"]
    logits = load_file(target / PUBLISHED / "predictions.safetensors")["logits"]
    others = [number for number in range(10) if number not in (3, 7)]
    assert logits.shape == (200, 10) and np.isneginf(logits[:, others]).all()
    np.testing.assert_allclose(logits[:, [3, 7]], scores(target, of_target), rtol=1e-4, atol=1e-4)
    wanted = np.isin(labels, (3, 7))
    right = (np.where(logits[:, 3] >= logits[:, 7], 3, 7) == labels)[wanted]
    measures = metrics(target, PUBLISHED)
    assert (measures["train_size"], measures["test"]["images"]) == (10, wanted.sum())
    assert measures["test"]["accuracy"] == pytest.approx(right.mean(), abs=1e-12)
    assert measures["snapshots"][-1] == {"epoch": 3, "accuracy": pytest.approx(right.mean(), abs=1e-12)}
    held_out_right = held_out["logits"].argmax(axis=1) == held_out["labels"]
    assert measures["validation_accuracy"] == pytest.approx(held_out_right.mean(), abs=1e-12)
    assert np.isfinite(measures["test"]["negative_log_likelihood"])


NOT_WRITTEN = "not a file that `digits.train` wrote "
BAD_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "NaN": (
        lambda path: rewrite(path, {"b1": np.full(10, np.nan, np.float32)}),
        f"{NOT_WRITTEN}(b1 is not made of finite float32",
    ),
    "no header": (lambda path: save_file(load_file(path), path), f"{NOT_WRITTEN}(no 'training'); "),
    "a header of another kind": (lambda path: save_file(load_file(path), path, {"training": "[]"}), NOT_WRITTEN),
    "other classes": (lambda path: rewrite(path, classes=["a", "b"]), "trained on classes ['a', 'b'], but "),
    "one side": (
        lambda path: rewrite(path, shape=[28]),
        f"{NOT_WRITTEN}(shape is not an image's: [height, width] or [3, ",
    ),
    "four colours": (lambda path: rewrite(path, shape=[4, 28, 28]), f"{NOT_WRITTEN}(shape is not an image's: "),
    "half a recipe": (lambda path: rewrite(path, recipe={"network": "dense"}), f"{NOT_WRITTEN}(no 'recipe.hidden'); "),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_weights_that_do_not_belong_are_refused(project: Path, refused: Refused, case: str) -> None:
    change, message = BAD_WEIGHTS[case]
    change(project / LINEAR / "weights.safetensors")
    assert refused("evaluate", project).startswith(f"error: {project}/{LINEAR}/weights.safetensors: {message}")


@pytest.mark.parametrize(
    ("run", "changes", "found"),
    [
        (PUBLISHED, {"snapshots": [1, 2]}, "snapshots [1, 3], not [1, 2]"),
        # Tensors of the same shapes, which would be read wrongly without a word.
        (CONVOLUTIONAL, {"padding": False, "crop": 4}, "padding true, not false; crop 2, not 4"),
    ],
)
def test_weights_of_another_recipe(trained: Path, refused: Refused, run: str, changes: Changes, found: str) -> None:
    recipe = json.dumps({**RECIPES[Path(run).parent.name], **changes})
    error = refused("evaluate", trained, "--recipe", recipe, run=run)
    path = trained / run / "weights.safetensors"
    assert error.startswith(f"error: {path}: trained with another recipe ({found}); ")


def test_snapshots_of_another_training_are_refused(trained: Path, refused: Refused) -> None:
    weights = f"{trained}/{PUBLISHED}/weights.safetensors"
    for path, message in {
        f"{RUNS[3]}/snapshots": f"not of the same training as {weights} (seed 1, not 0); ",
        f"{LINEAR}/snapshots": "trained with another recipe (hidden [], not [20]; ",
        f"{PUBLISHED}/weights": "weights do not fit the recipe: found no tensors, expected ",
    }.items():
        snapshots = f"{trained}/{path}.safetensors"
        error = refused("evaluate", trained, "--snapshots", snapshots, run=PUBLISHED)
        assert error.startswith(f"error: {snapshots}: {message}")


def test_a_pickle_is_never_run(project: Path, tmp_path: Path, refused: Refused) -> None:
    path, mark = project / LINEAR / "weights.safetensors", tmp_path / "mark"
    path.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % bytes(mark))
    pickle.loads(path.read_bytes())
    assert mark.exists(), "the pickle works"
    mark.unlink()
    assert refused("evaluate", project).startswith(f"error: {path}: not a file that `digits.train` wrote (")
    assert not mark.exists()
