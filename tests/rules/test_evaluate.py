"""`digits.evaluate`: measures as numpy, scikit-learn and the textbook give them; weights that do not belong are refused."""

import json
import math
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics
import torch
from conftest import Ran, Refused
from digits.core.arithmetic import processor
from project import RECIPES, RUNS, TENSORS, rewrite, rows
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch

LINEAR, _, PUBLISHED, _, CONVOLUTIONAL, _ = RUNS


def scores(project: Path, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """Compute the network's scores of the test images with numpy, in float64."""
    res = load_file(project / TENSORS[1])["images"].reshape(200, -1) / 255
    for n in range(1, len(tensors) // 2 + 1):
        res = (np.maximum(res, 0) if n > 1 else res) @ tensors[f"w{n}"].astype(float) + tensors[f"b{n}"]
    return np.asarray(res)


def metrics(project: Path, run: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project / run / "metrics.json").read_text())
    return read


@pytest.mark.parametrize("run", [LINEAR, PUBLISHED])
def test_predictions_are_the_networks_scores_in_test_order(measured: Path, run: str) -> None:
    predictions = load_file(measured / run / "predictions.safetensors")
    assert set(predictions) == {"logits", "labels", "counted"}
    np.testing.assert_array_equal(predictions["labels"], load_file(measured / TENSORS[1])["labels"])
    assert predictions["counted"].dtype == np.bool_ and predictions["counted"].all()
    assert predictions["logits"].dtype == np.float32 and predictions["logits"].shape == (200, 10)
    expected = scores(measured, load_file(measured / run / "weights.safetensors"))
    np.testing.assert_allclose(predictions["logits"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("run", [LINEAR, PUBLISHED, CONVOLUTIONAL])
def test_measures_are_those_of_an_independent_computation(measured: Path, run: str) -> None:
    labels = load_file(measured / TENSORS[1])["labels"].astype(int)
    logits = load_file(measured / run / "predictions.safetensors")["logits"].astype(float)
    predicted = logits.argmax(axis=1)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    test = metrics(measured, run)["test"]

    errors = sum(int(a != b) for a, b in zip(predicted, labels, strict=True))
    assert (test["images"], test["errors"]) == (200, errors)
    assert test["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted), abs=1e-15)
    # Wilson 1927: the shares p at which |accuracy - p| is z standard errors of p.
    for p in test["interval"]:
        assert abs(test["accuracy"] - p) == pytest.approx(1.959963985 * math.sqrt(p * (1 - p) / 200), rel=1e-6)
    assert test["interval"][0] < test["accuracy"] < test["interval"][1]
    shifted = logits - logits.max(axis=1, keepdims=True)
    likelihood = shifted[np.arange(200), labels] - np.log(np.exp(shifted).sum(axis=1))
    assert test["negative_log_likelihood"] == pytest.approx(-likelihood.mean(), rel=1e-9)

    gap = 0.0
    for low in np.arange(15) / 15:
        of_bin = (probabilities.max(axis=1) > low) & (probabilities.max(axis=1) <= low + 1 / 15 + 1e-12)
        if of_bin.any():
            accuracy, confidence = (predicted == labels)[of_bin].mean(), probabilities.max(axis=1)[of_bin].mean()
            gap += of_bin.mean() * abs(accuracy - confidence)
    assert test["expected_calibration_error"] == pytest.approx(gap, rel=1e-9)

    confusion = [[int(((labels == i) & (predicted == j)).sum()) for j in range(10)] for i in range(10)]
    assert test["confusion"] == confusion
    for i, row in enumerate(test["per_class"]):
        right, read, true = confusion[i][i], sum(line[i] for line in confusion), sum(confusion[i])
        expected = [right / read if read else 0, right / true, 2 * right / (read + true)]
        assert (row["class"], row["images"]) == (str(i), true)
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(expected, abs=1e-12)


def test_a_run_is_described(measured: Path) -> None:
    apart = ("test", "snapshots", "temperature")
    described = {key: value for key, value in metrics(measured, LINEAR).items() if key not in apart}
    assert described == {
        "model": "linear",
        "seed": 0,
        "parameters": 7850,
        "epochs": 3,
        "train_size": 400,
        "training_flops": 3 * 400 * 2 * 2 * 784 * 10,
        "processors": [processor()],
        "validation_accuracy": float(rows(measured / LINEAR / "history.csv")[-1]["validation_accuracy"]),
    }
    published = metrics(measured, PUBLISHED)
    assert (published["model"], published["parameters"], published["train_size"]) == ("published", 15910, 500)
    assert published["validation_accuracy"] is published["temperature"] is published["test"]["calibrated"] is None
    assert load_file(measured / PUBLISHED / "validation.safetensors")["logits"].shape == (0, 10)


def test_the_temperature_is_fitted_on_the_images_held_out(ran: Ran, measured: Path, target: Path) -> None:
    """It is where the slope of their likelihood is zero; the test images are then measured at this temperature.

    The small project's network classifies under a tenth of the held-out images correctly: its scores are flattened.
    """
    assert metrics(measured, LINEAR)["validation_accuracy"] < 0.1
    assert metrics(measured, LINEAR)["temperature"] == pytest.approx(10_000, rel=1e-3)
    calibrated = metrics(measured, LINEAR)["test"]["calibrated"]
    assert calibrated["negative_log_likelihood"] == pytest.approx(math.log(10), rel=1e-3)
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=100).astype(np.uint8)
    logits = (4 * np.eye(10)[labels] + 3 * rng.normal(size=(100, 10))).astype(np.float32)
    scores, path = logits.astype(float), target / "held-out.safetensors"
    target.mkdir()
    save_file({"logits": logits, "labels": labels}, path)
    ran("evaluate", measured, target, "--validation", path)

    def slope(temperature: float) -> float:
        probabilities = np.exp(scores / temperature - (scores / temperature).max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return float((scores[np.arange(100), labels] - (probabilities * scores).sum(axis=1)).mean())

    temperature = metrics(target, LINEAR)["temperature"]
    assert temperature == pytest.approx(scipy.optimize.brentq(slope, 0.1, 100), rel=1e-6)
    test = metrics(target, LINEAR)["test"]
    predictions = load_file(target / LINEAR / "predictions.safetensors")
    scaled = predictions["logits"].astype(float) / temperature
    probabilities = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = sklearn.metrics.log_loss(predictions["labels"], probabilities, labels=range(10))
    assert test["calibrated"]["negative_log_likelihood"] == pytest.approx(expected)


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
    ("images", "classes", "labels", "reason"),
    [
        (5, 10, [0] * 4, "logits float32 [5, 10], labels "),
        (5, 9, [0] * 5, "scores of 9 classes, but "),
        (5, 9, [9] * 5, "label 9 among scores of 9 "),
    ],
)
def test_scores_of_held_out_images_that_do_not_belong(
    trained: Path, tmp_path: Path, refused: Refused, images: int, classes: int, labels: list[int], reason: str
) -> None:
    path = tmp_path / "validation.safetensors"
    save_file({"logits": np.zeros((images, classes), np.float32), "labels": np.array(labels, np.uint8)}, path)
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


def test_the_scores_of_a_convolutional_network_are_those_of_torch_nn(measured: Path) -> None:
    nn, settings = torch.nn, RECIPES["tiny-conv"]
    tensors = load_torch(measured / CONVOLUTIONAL / "weights.safetensors")
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        *(nn.Linear(8, 10), nn.ReLU(), nn.Linear(10, 10)),
    ).eval()
    layers = ("convolutions.0", "norms.0", "convolutions.1", "norms.1", "dense.0", "dense.1")
    for place, name in zip((0, 1, 3, 4, 8, 10), layers, strict=True):
        of_layer = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        model[place].load_state_dict(of_layer, strict=False)
    pixels = load_torch(measured / TENSORS[0])["images"][:, None] / 255
    mean, std = pixels.mean(), pixels.std(correction=0)
    torch.testing.assert_close((tensors["pixel_mean"], tensors["pixel_std"]), (mean, std))
    assert settings["crop"] == 2 and settings["test_time_shift"] == 3 and settings["validation_size"] == 0
    x = (nn.functional.pad(load_torch(measured / TENSORS[1])["images"][:, None] / 255, (1, 1, 1, 1)) - mean) / std
    views = [x[:, :, y : y + 24, 3:27] for y in (0, 3, 6)] + [x[:, :, 3:27, y : y + 24] for y in (0, 6)]
    logits = load_torch(measured / CONVOLUTIONAL / "predictions.safetensors")["logits"]
    torch.testing.assert_close(logits, sum(model(view).detach() for view in views) / 5, rtol=1e-4, atol=1e-4)


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


def of_all(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    rewrite(path, {name: change(array) for name, array in load_file(path).items()})


NOT_WRITTEN = "not a file that `digits.train` wrote "
BAD_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "NaN": (lambda path: of_all(path, lambda array: array * np.float32(np.nan)), "b1 is not made of finite float32"),
    "16 bits": (lambda path: of_all(path, lambda array: array.astype(np.float16)), "b1 is not made of finite float32"),
    "a header without a key": (lambda path: rewrite(path, classes=None), f"{NOT_WRITTEN}(no 'classes'); "),
    "no header": (lambda path: save_file(load_file(path), path), f"{NOT_WRITTEN}(no 'training'); "),
    "a header of another kind": (lambda path: save_file(load_file(path), path, {"training": "[]"}), NOT_WRITTEN),
    "other classes": (lambda path: rewrite(path, classes=["a", "b"]), "trained on classes ['a', 'b'], but "),
    "a recipe without a key": (
        lambda path: rewrite(path, recipe={"network": "dense"}),
        f"{NOT_WRITTEN}(no 'hidden'); ",
    ),
    "other shape": (
        lambda path: of_all(path, lambda array: array[:5]),
        "weights do not fit the recipe: found b1 5, w1 5×10, expected b1 10, w1 784×10",
    ),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_weights_that_do_not_belong_are_refused(project: Path, refused: Refused, case: str) -> None:
    change, message = BAD_WEIGHTS[case]
    change(project / LINEAR / "weights.safetensors")
    assert refused("evaluate", project).startswith(f"error: {project}/{LINEAR}/weights.safetensors: {message}")


@pytest.mark.parametrize(
    ("run", "changes", "differences"),
    [
        (PUBLISHED, {"hidden": [30]}, "hidden [20], not [30]"),
        (PUBLISHED, {"snapshots": [1, 2]}, "snapshots [1, 3], not [1, 2]"),
        # Tensors of the same shapes, which would be read wrongly without a word.
        (CONVOLUTIONAL, {"padding": False, "crop": 4}, "padding true, not false; crop 2, not 4"),
    ],
)
def test_weights_of_another_recipe_are_refused(
    trained: Path, refused: Refused, run: str, changes: dict[str, object], differences: str
) -> None:
    recipe = json.dumps({**RECIPES[Path(run).parent.name], **changes})
    error = refused("evaluate", trained, "--recipe", recipe, run=run)
    assert error.startswith(
        f"error: {trained}/{run}/weights.safetensors: trained with another recipe ({differences}); "
    )


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


class Hostile:
    """What a pickle can do when it is read: here, make a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_pickle_is_never_run(project: Path, tmp_path: Path, refused: Refused) -> None:
    path, mark = project / LINEAR / "weights.safetensors", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Hostile(mark)))
    pickle.loads(path.read_bytes())
    assert mark.exists(), "the pickle works"
    mark.unlink()
    assert refused("evaluate", project).startswith(f"error: {path}: not a file that `digits.train` wrote (")
    assert not mark.exists()
