"""`digits.explore`: confusion matrices, the images behind them, and exact weights, for the page to answer with."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ran, Refused
from digits.data.tensors import Split, load_split, save_split
from PIL import Image
from project import CONFIG, EXPLORER, FIRST_RUNS, TABLES, TENSORS, Arrays, header, metrics, rewrite
from safetensors.numpy import load_file, save_file

CONVOLUTION = "convolutions.1.weight"
WEIGHTS = f"{FIRST_RUNS['published']}/weights.safetensors"


@pytest.fixture
def explorer(built: Path) -> dict[str, Any]:
    return dict(json.loads((built / EXPLORER).read_text()))


def explored(ran: Ran, project: Path, *more: object) -> dict[str, Any]:
    ran("explore", project, project, *more)
    return dict(json.loads((project / EXPLORER).read_text()))


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_the_matrices_are_those_of_the_measures(built: Path, explorer: dict[str, Any]) -> None:
    assert [model["name"] for model in explorer["models"]] == CONFIG["models"]
    for model in explorer["models"]:
        assert model["confusion"] == metrics(built, FIRST_RUNS[model["name"]])["test"]["confusion"]


def test_images_stand_behind_the_cells_that_they_are_counted_in(built: Path, explorer: dict[str, Any]) -> None:
    test = load_split(built / TENSORS[1])
    shown = set()
    for model in explorer["models"]:
        logits = load_file(built / FIRST_RUNS[model["name"]] / "predictions.safetensors")["logits"]
        for true, read, images in model["cells"]:
            assert 0 < len(images) <= model["confusion"][true][read]
            if model["name"] == explorer["chosen"] and true != read:
                assert len(images) == model["confusion"][true][read], "all mistakes of the chosen model"
            for number, first, *_ in images:
                assert test.labels[number] == true and logits[number].argmax() == read == first
                shown.add(number)
        cells = [[true, read] for true, read, _ in model["cells"]]
        assert sorted(cells) == np.argwhere(np.array(model["confusion"])).tolist()
    assert explorer["images"]["numbers"] == sorted(shown)


def test_one_picture_holds_the_images_in_16_greys(built: Path, explorer: dict[str, Any]) -> None:
    test, images = load_split(built / TENSORS[1]), explorer["images"]
    picture = Image.open(io.BytesIO(base64.b64decode(images["picture"])))
    grey = 255 - np.asarray(picture.convert("L")).astype(int)
    for place, number in enumerate(images["numbers"]):
        top, left = 28 * (place // images["columns"]), 28 * (place % images["columns"])
        assert np.abs(grey[top : top + 28, left : left + 28] - test.images[number]).max() <= 8
    assert len(np.unique(grey)) <= 16


def test_weights_and_examples_are_exact(built: Path, explorer: dict[str, Any]) -> None:
    dense, convolutional = explorer["networks"]
    assert [dense["model"], convolutional["model"]] == CONFIG["report"]["networks"]
    arrays = load_file(built / WEIGHTS)
    for number, layer in enumerate(dense["members"][0]["layers"], 1):
        assert (floats(layer["weights"]) == arrays[f"w{number}"].ravel()).all()
        assert (floats(layer["biases"]) == arrays[f"b{number}"]).all()
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


def test_without_networks_nothing_is_there_to_try(ran: Ran, project: Path) -> None:
    found = explored(ran, project, "--weights")
    assert found["networks"] == found["examples"] == [] and len(found["models"]) == len(CONFIG["models"])


def test_a_network_for_some_classes_has_outputs_for_these(ran: Ran, project: Path) -> None:
    path = project / WEIGHTS
    arrays, recipe = load_file(path), {**header(path)["recipe"], "classes": ["7", "3"]}
    rewrite(path, {"w2": arrays["w2"][:, :2].copy(), "b2": arrays["b2"][:2]}, recipe=recipe)
    assert explored(ran, project)["networks"][0]["outputs"] == [3, 7]


def test_images_that_are_not_square_have_nothing_to_draw_on(ran: Ran, project: Path) -> None:
    test = load_split(project / TENSORS[1])
    save_split(project / TENSORS[1], Split(test.images[:, :, :20], test.labels, test.classes))
    assert "28×20 pixels" in ran("explore", project, project)
    assert json.loads((project / EXPLORER).read_text())["networks"] == []


@pytest.mark.parametrize(
    ("arrays", "training", "reason"),
    [
        ({"w1": np.zeros((784, 7), np.float32)}, {}, "weights [784, 7] in a layer from 784 to 20 values"),
        ({"b2": np.full(10, np.nan, np.float32)}, {}, "something else than finite float32 numbers"),
        ({"b2": np.zeros(10)}, {}, "something else than finite float32 numbers"),
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
    error = refused("explore", project, "--models", "a", "b", "c")
    assert error.startswith(f"error: {project / TABLES['summary']}: chose ")
    path = project / FIRST_RUNS["linear"] / "predictions.safetensors"
    arrays = load_file(path)
    save_file({**arrays, "labels": arrays["labels"][::-1].copy()}, path)
    assert refused("explore", project).startswith(f"error: {path}: not about the same images as {project / TENSORS[1]}")
