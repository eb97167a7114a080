"""`digits.explore`: every prediction, images, and exact weights, for the page to answer with."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from conftest import Ran, Refused
from digits.data.tensors import Split, load_split, save_split
from digits.explore import PICTURE, UNCOUNTED
from digits.rendering.sheet import decode
from project import CONFIG, EXPLORER, FIRST_RUNS, RUNS, TABLES, TENSORS, Arrays, header, metrics, rewrite
from safetensors.numpy import load_file, save_file

CONVOLUTION = "convolutions.1.weight"
WEIGHTS = f"{FIRST_RUNS['published']}/weights.safetensors"


@pytest.fixture
def explorer(built: Path) -> dict[str, Any]:
    return dict(json.loads((built / EXPLORER).read_text()))


def explored(ran: Ran, project: Path, *more: object) -> dict[str, Any]:
    ran("explore", project, project, *more)
    return dict(json.loads((project / EXPLORER).read_text()))


def floats(text: str, kind: str = "<f4") -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_every_prediction_is_there_with_its_calibrated_probability(built: Path, explorer: dict[str, Any]) -> None:
    test = load_split(built / TENSORS[1])
    assert (decode(explorer["labels"], "u1") == test.labels).all()
    assert [model["name"] for model in explorer["models"]] == CONFIG["models"]
    temperatures = []
    for model in explorer["models"]:
        measured = metrics(built, FIRST_RUNS[model["name"]])
        logits = load_file(built / FIRST_RUNS[model["name"]] / "predictions.safetensors")["logits"].astype(float)
        shares = scipy.special.softmax(logits / (measured["temperature"] or 1), axis=1)
        assert (decode(model["read"], "u1") == logits.argmax(axis=1)).all()
        assert decode(model["shares"], "<u2") / 10_000 == pytest.approx(shares.max(axis=1), abs=0.51e-4)
        assert model["temperature"] == measured["temperature"] and model["confusion"] == measured["test"]["confusion"]
        temperatures.append(model["temperature"])
    assert temperatures[0] is not None and temperatures[1:] == [None, None]
    assert [model["sigmoids"] for model in explorer["models"]] == [True, True, False]


def test_every_image_has_a_place_on_every_models_map(explorer: dict[str, Any]) -> None:
    assert sorted(explorer["circle"]) == list(range(10))
    maps = [decode(model["places"], "u1").reshape(200, 2) for model in explorer["models"]]
    assert all(len(np.unique(found, axis=0)) > 50 for found in maps)
    assert not (maps[0] == maps[1]).all()


def test_the_images_of_the_small_project_are_all_there(explorer: dict[str, Any]) -> None:
    assert explorer["images"]["numbers"] == list(range(200))
    assert len(base64.b64decode(explorer["images"]["picture"])) < PICTURE


def test_suspected_label_errors_are_named(ran: Ran, project: Path) -> None:
    assert explored(ran, project, "--label-errors", "[7, 3]")["suspected"] == [7, 3]


def test_an_image_that_a_model_is_not_tested_on_has_no_probability(ran: Ran, project: Path) -> None:
    path = project / FIRST_RUNS["linear"] / "predictions.safetensors"
    arrays = load_file(path)
    save_file({**arrays, "counted": np.arange(200) >= 5}, path)
    shares = decode(explored(ran, project)["models"][0]["shares"], "<u2")
    assert (shares[:5] == UNCOUNTED).all() and (shares[5:] <= 10_000).all()


def test_two_classes_have_no_map(ran: Ran, project: Path) -> None:
    test = load_split(project / TENSORS[1])
    save_split(project / TENSORS[1], Split(test.images.copy(), test.labels % 2, ["a", "b"]))
    for run in FIRST_RUNS.values():
        arrays = load_file(project / run / "predictions.safetensors")
        save_file(
            {**arrays, "logits": arrays["logits"][:, :2].copy(), "labels": arrays["labels"] % 2},
            project / run / "predictions.safetensors",
        )
    found = explored(ran, project, "--weights")
    assert found["circle"] == [] and {model["places"] for model in found["models"]} == {None}


def test_weights_and_examples_are_exact_but_for_a_dense_networks_half_precision(
    built: Path, explorer: dict[str, Any]
) -> None:
    dense, convolutional = explorer["networks"]
    assert [dense["model"], convolutional["model"]] == CONFIG["report"]["networks"]
    arrays = load_file(built / WEIGHTS)
    for number, layer in enumerate(dense["members"][0]["layers"], 1):
        assert (floats(layer["weights"], "<f2") == arrays[f"w{number}"].ravel().astype(np.float16)).all()
        assert (floats(layer["biases"]) == arrays[f"b{number}"]).all()
    assert (dense["half"], dense["sigmoids"], convolutional["half"], convolutional["sigmoids"]) == (
        True,
        True,
        False,
        False,
    )
    arrays = load_file(built / FIRST_RUNS["tiny-conv"] / "weights.safetensors")
    (member,) = convolutional["members"]
    for number, layer in enumerate(member["layers"][:2]):
        weights = arrays[f"convolutions.{number}.weight"]
        assert (floats(layer["weights"]) == weights.transpose(2, 3, 1, 0).ravel()).all()
        assert (floats(layer["norm"]["variance"]) == arrays[f"norms.{number}.running_var"]).all()
    assert np.float32(member["mean"]) == arrays["pixel_mean"] and convolutional["crop"] == 2
    assert (dense["shift"], convolutional["shift"]) == (0, 3)
    images = load_split(built / TENSORS[1]).images
    for example in explorer["examples"]:
        assert base64.b64decode(example["pixels"]) == images[example["number"]].tobytes()


def test_what_half_precision_changes_and_where_all_say_no_is_counted(ran: Ran, project: Path) -> None:
    path = project / WEIGHTS
    size = 2.0**-12  # half precision has 11 bits: 1 + size is rounded to 1, so that class 0 and class 1 are a draw
    w1, w2 = np.zeros((784, 20), np.float32), np.zeros((20, 10), np.float32)
    w1[:, 0], w2[0, 0], w2[0, 1], w2[0, 2:] = 1, 1, 1 + size, -1
    bias = np.full(10, -100, np.float32)
    rewrite(path, {"w1": w1, "b1": np.zeros(20, np.float32), "w2": w2, "b2": bias})
    ink = load_split(project / TENSORS[1]).images.reshape(200, -1).astype(np.float32).sum(axis=1) / 255
    (found,) = explored(ran, project, "--weights", path)["networks"]
    assert found["changed"] == 200
    assert found["none"] == (ink < 100).sum() and 0 < found["none"] < 200
    rewrite(path, {"w1": w1 * 1e5})
    (found,) = explored(ran, project, "--weights", path)["networks"]
    assert (found["half"], found["changed"], found["none"]) == (False, 0, None)


def test_without_networks_nothing_is_there_to_try(ran: Ran, project: Path) -> None:
    found = explored(ran, project, "--weights")
    assert found["networks"] == found["examples"] == [] and len(found["models"]) == len(CONFIG["models"])


def test_a_network_for_some_classes_has_outputs_for_these(ran: Ran, project: Path) -> None:
    path = project / WEIGHTS
    arrays, recipe = load_file(path), {**header(path)["recipe"], "classes": ["7", "3"]}
    rewrite(path, {"w2": arrays["w2"][:, :2].copy(), "b2": arrays["b2"][:2]}, recipe=recipe)
    assert explored(ran, project)["networks"][0]["outputs"] == [3, 7]


def test_networks_that_the_page_has_no_room_for_are_left_out(
    ran: Ran, project: Path, monkeypatch: pytest.MonkeyPatch, explorer: dict[str, Any]
) -> None:
    first, second = (len(json.dumps(network)) for network in explorer["networks"])
    monkeypatch.setattr("digits.explore.NETWORKS", max(first, second))
    ran_log = ran("explore", project, project)
    left = json.loads((project / EXPLORER).read_text())["networks"]
    assert [network["model"] for network in left] == ["published"] and "tiny-conv/seed-0" in ran_log


@pytest.mark.parametrize(
    ("arrays", "training", "reason"),
    [
        ({"w1": np.zeros((784, 7), np.float32)}, {}, "weights [784, 7] in a layer from 784 to 20 values"),
        ({"b2": np.full(10, np.nan, np.float32)}, {}, "b2 is not made of finite float32 numbers"),
        ({"b2": np.zeros(10)}, {}, "b2 is not made of finite float32 numbers"),
        ({CONVOLUTION: np.zeros((8, 3, 3, 3), np.float32)}, {}, "weights [8, 3, 3, 3] for 8 channels of 4×3×3"),
        ({}, {"classes": ["a", "b"]}, "trained on classes ['a', 'b'], but the test images have ['0', "),
        ({"w2": np.zeros((20, 3), np.float32), "b2": np.zeros(3, np.float32)}, {}, "3 outputs for 10 classes"),
        ({}, {"recipe": {}}, "no '"),
    ],
)
def test_other_weights(project: Path, refused: Refused, arrays: Arrays, training: dict[str, Any], reason: str) -> None:
    path = project / FIRST_RUNS["tiny-conv" if CONVOLUTION in arrays else "published"] / "weights.safetensors"
    rewrite(path, arrays, **training)
    error = refused("explore", project)
    assert error.startswith(f"error: {path}: not a file that `digits.train` wrote ({reason}")


def test_predictions_that_do_not_belong(project: Path, refused: Refused) -> None:
    assert refused("explore", project, "--models", "linear").startswith("error: --predictions: 3 files for 1 runs")
    error = refused("explore", project, "--metrics", project / RUNS[0] / "metrics.json")
    assert error == "error: --metrics: 1 files for 3 models; name one for each, in their order"
    measures = [project / FIRST_RUNS[model] / "metrics.json" for model in ("published", "linear", "tiny-conv")]
    error = refused("explore", project, "--metrics", *measures)
    assert error == f"error: {measures[0]}: it is about published, but --models has linear in its place"
    error = refused("explore", project, "--models", "a", "b", "c")
    assert error.startswith(f"error: {project / TABLES['summary']}: chose ")
    path = project / FIRST_RUNS["linear"] / "predictions.safetensors"
    arrays = load_file(path)
    save_file({**arrays, "labels": arrays["labels"][::-1].copy()}, path)
    assert refused("explore", project).startswith(f"error: {path}: not about the same images as {project / TENSORS[1]}")
