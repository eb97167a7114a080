"""`digits.explore`: confusion matrices, the images behind them, and exact weights, for the page to answer with."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command, Refused
from digits.core.arrays import read_arrays
from digits.data.tensors import Split, load_split, save_split
from PIL import Image
from project import CONFIG, EXPLORER, FIRST_RUNS, TABLES, TENSORS, arguments, built_by
from safetensors.numpy import load_file, save

WEIGHTS = f"{FIRST_RUNS['published']}/weights.safetensors"


@pytest.fixture
def explorer(built: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((built / EXPLORER).read_text())
    return found


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(built, tmp_path / "project")


def explored(command: Command, project: Path, *more: object) -> dict[str, Any]:
    result = command("explore", *arguments("explore", project, project), *more)
    assert result.status == 0, result.output
    found: dict[str, Any] = json.loads((project / EXPLORER).read_text())
    return found


def rewrite_weights(path: Path, arrays: dict[str, np.ndarray], **training: object) -> None:
    """Write changed arrays and a changed header into a weights file."""
    before, texts = read_arrays(path)
    header = {**json.loads(texts["training"]), **training}
    path.write_bytes(save({**before, **arrays}, metadata={"training": json.dumps(header)}))


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_the_matrices_are_those_of_the_measures(built: Path, explorer: dict[str, Any]) -> None:
    assert [model["name"] for model in explorer["models"]] == CONFIG["models"]
    for model in explorer["models"]:
        measured = json.loads((built / FIRST_RUNS[model["name"]] / "metrics.json").read_text())
        assert model["confusion"] == measured["test"]["confusion"]


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
        assert {(true, read) for true, read, _ in model["cells"]} == set(
            zip(*map(list, np.nonzero(np.array(model["confusion"]))), strict=True)
        )
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
    networks = explorer["networks"]
    assert [network["model"] for network in networks] == CONFIG["report"]["networks"]
    ((dense,), (convolutional,)) = (network["members"] for network in networks)
    arrays = load_file(built / WEIGHTS)
    for number, layer in enumerate(dense["layers"], 1):
        assert (floats(layer["weights"]) == arrays[f"w{number}"].ravel()).all()
        assert (floats(layer["biases"]) == arrays[f"b{number}"]).all()
    arrays = load_file(built / FIRST_RUNS["tiny-conv"] / "weights.safetensors")
    for number, layer in enumerate(convolutional["layers"][:2]):
        weights = arrays[f"convolutions.{number}.weight"]
        assert (floats(layer["weights"]) == weights.transpose(2, 3, 1, 0).ravel()).all()
        assert (floats(layer["norm"]["variance"]) == arrays[f"norms.{number}.running_var"]).all()
    assert np.float32(convolutional["mean"]) == arrays["pixel_mean"]
    assert [(network["crop"], network["shift"]) for network in networks] == [(0, 0), (2, 3)]
    images = load_split(built / TENSORS[1]).images
    for example in explorer["examples"]:
        assert base64.b64decode(example["pixels"]) == images[example["number"]].tobytes()


def test_elsewhere_it_has_the_same_bytes(command: Command, built: Path, project: Path) -> None:
    (project / EXPLORER).unlink()
    explored(command, project)
    assert built_by("explore", project) == built_by("explore", built)


def test_without_networks_nothing_is_there_to_try(command: Command, project: Path) -> None:
    found = explored(command, project, "--weights")
    assert found["networks"] == found["examples"] == [] and len(found["models"]) == len(CONFIG["models"])


def test_a_network_for_some_classes_has_outputs_for_these(command: Command, project: Path) -> None:
    path = project / WEIGHTS
    arrays, texts = read_arrays(path)
    recipe = {**json.loads(texts["training"])["recipe"], "classes": ["7", "3"]}
    rewrite_weights(path, {"w2": arrays["w2"][:, :2], "b2": arrays["b2"][:2]}, recipe=recipe)
    assert explored(command, project)["networks"][0]["outputs"] == [3, 7]


def test_images_that_are_not_square_have_nothing_to_draw_on(command: Command, project: Path) -> None:
    test = load_split(project / TENSORS[1])
    save_split(project / TENSORS[1], Split(test.images[:, :, :20], test.labels, test.classes))
    result = command("explore", *arguments("explore", project, project))
    assert result.status == 0 and "Images of 28×20 pixels are not square" in result.output
    assert json.loads((project / EXPLORER).read_text())["networks"] == []


@pytest.mark.parametrize("path", [TENSORS[1], TABLES["summary"], WEIGHTS, WEIGHTS.replace("weights", "predictions")])
def test_what_is_missing_or_something_else_is_named(project: Path, refused: Refused, path: str) -> None:
    (project / path).write_text("{}")
    assert refused("explore", project).startswith(f"error: {project / path}: not a file that `digits.")
    (project / path).unlink()
    assert refused("explore", project) == f"error: {project / path}: no such file or folder"


@pytest.mark.parametrize(
    ("arrays", "training", "reason"),
    [
        ({"w1": np.zeros((784, 7), np.float32)}, {}, "weights [784, 7] in a layer from 784 to 20 values"),
        ({"b2": np.full(10, np.nan, np.float32)}, {}, "something else than finite float32 numbers"),
        ({"b2": np.zeros(10)}, {}, "something else than finite float32 numbers"),
        ({}, {"classes": ["a", "b"]}, "trained on classes ['a', 'b'], but the test images have ['0', "),
        ({"w2": np.zeros((20, 3), np.float32), "b2": np.zeros(3, np.float32)}, {}, "3 outputs for 10 classes"),
        ({}, {"recipe": {}}, "no 'classes'"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    project: Path, refused: Refused, arrays: dict[str, np.ndarray], training: dict[str, Any], reason: str
) -> None:
    rewrite_weights(project / WEIGHTS, arrays, **training)
    error = refused("explore", project)
    assert error.startswith(f"error: {project / WEIGHTS}: not a file that `digits.train` wrote ({reason}")
    assert error.endswith("delete it and start again")


def test_weights_of_a_convolution_that_do_not_fit_are_named(project: Path, refused: Refused) -> None:
    path = project / FIRST_RUNS["tiny-conv"] / "weights.safetensors"
    rewrite_weights(path, {"convolutions.1.weight": np.zeros((8, 3, 3, 3), np.float32)})
    assert f"{path}: not a file that `digits.train` wrote (weights [8, 3, 3, 3] for 8 channels of 4×3×3" in refused(
        "explore", project
    )


def test_predictions_of_other_images_are_refused(project: Path, refused: Refused) -> None:
    path = project / FIRST_RUNS["linear"] / "predictions.safetensors"
    arrays = load_file(path)
    path.write_bytes(save({**arrays, "labels": arrays["labels"][::-1].copy()}))
    assert refused("explore", project).startswith(f"error: {path}: not about the same images as {project / TENSORS[1]}")


def test_one_file_of_predictions_for_each_model(project: Path, refused: Refused) -> None:
    assert refused("explore", project, "--models", "linear").startswith("error: --predictions: 3 files for 1 runs")


def test_a_chosen_model_that_is_not_there(project: Path, refused: Refused) -> None:
    error = refused("explore", project, "--models", "a", "b", "c")
    assert error.startswith(f"error: {project / TABLES['summary']}: chose ")
