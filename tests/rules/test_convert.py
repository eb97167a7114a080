"""`digits.convert`: tensors hold exactly what the files hold, whichever way they are packed; bad files are named."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import NAMES, Command, Ran, Refused
from digits.data.datasheet import load_datasheet
from pictures import bomb, image_tree, png
from project import DATASHEET, TENSORS, outputs
from safetensors import safe_open
from safetensors.numpy import load_file


def pixels_and_labels(raw: Path, images: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST's raw files without the project's reader: 16 and 8 bytes of header, then the values."""
    pixels = np.frombuffer((raw / images).read_bytes()[16:], np.uint8).reshape(-1, 28, 28)
    return pixels, np.frombuffer((raw / labels).read_bytes()[8:], np.uint8)


def from_images(name: str, source: Path, target: Path, _run: str = "") -> list[str]:
    written = [part for option, path in outputs(name).items() for part in (f"--{option}", str(target / path))]
    return ["images", "--source", str(source), *written]


def counts(project: Path) -> Any:
    return load_datasheet(project / DATASHEET)["classes"]


@pytest.mark.parametrize(("path", "names"), [(TENSORS[0], NAMES[:2]), (TENSORS[1], NAMES[2:])])
def test_tensors_hold_exactly_the_idx_bytes(trained: Path, path: str, names: tuple[str, str]) -> None:
    images, labels = pixels_and_labels(trained / "resources", *names)
    tensors = load_file(trained / path)
    assert set(tensors) == {"images", "labels"}
    assert tensors["images"].dtype == tensors["labels"].dtype == np.uint8
    np.testing.assert_array_equal(tensors["images"], images, strict=True)
    np.testing.assert_array_equal(tensors["labels"], labels, strict=True)
    with safe_open(trained / path, framework="numpy") as file:
        assert json.loads(file.metadata()["classes"]) == list("0123456789")


def test_labels_with_gaps_are_the_classes(ran: Ran, trained: Path, tmp_path: Path, target: Path) -> None:
    shutil.copytree(trained / "resources", tmp_path / "resources")
    for name in (NAMES[1], NAMES[3]):
        labels = tmp_path / "resources" / name
        labels.write_bytes(labels.read_bytes()[:-1] + b"\xff")
    ran("convert", tmp_path, target)
    with safe_open(target / TENSORS[0], framework="numpy") as file:
        assert json.loads(file.metadata()["classes"]) == [*"0123456789", "255"]
    assert load_file(target / TENSORS[0])["labels"][-1] == 10


def test_one_class_and_a_limit_that_loses_one_are_refused(refused: Refused, trained: Path, tmp_path: Path) -> None:
    error = refused("convert", trained, "--train-limit", 2)
    assert error == "error: --train-limit: leaves no image of class '0'; take more images"
    shutil.copytree(trained / "resources", tmp_path / "resources")
    for name in (NAMES[1], NAMES[3]):
        labels = tmp_path / "resources" / name
        labels.write_bytes(labels.read_bytes()[:8] + b"\x07" * (labels.stat().st_size - 8))
    assert refused("convert", tmp_path).startswith("error: one class alone, '7'; a network needs at least two")


def test_image_files_give_the_same_bytes(command: Command, trained: Path, tmp_path: Path, target: Path) -> None:
    """Here in a .tgz; each other packing gives the same (unit/test_image_trees.py)."""
    image_tree(tmp_path / "mnist_png", *(trained / path for path in TENSORS))
    source = shutil.make_archive(str(tmp_path / "packed"), "gztar", tmp_path, "mnist_png")
    result = command("convert", *from_images("convert", Path(source), target), "--workers", 2)
    assert result.status == 0, result.output
    assert "train: 500 images of 28×28 in 10 classes\ntest: 200 images of" in result.output
    for path in TENSORS:
        assert (target / path).read_bytes() == (trained / path).read_bytes()
    assert counts(target) == counts(trained)


def test_a_limit_keeps_evenly_spaced_images(ran: Ran, trained: Path, target: Path) -> None:
    ran("convert", trained, target, "--train-limit", 100, "--test-limit", 1000)
    images, labels = pixels_and_labels(trained / "resources", *NAMES[:2])
    few = load_file(target / TENSORS[0])
    kept = [round(number * 499 / 99) for number in range(100)]
    np.testing.assert_array_equal(few["images"], images[kept])
    np.testing.assert_array_equal(few["labels"], labels[kept])
    assert (target / TENSORS[1]).read_bytes() == (trained / TENSORS[1]).read_bytes(), "a limit above the number: all"


BAD_IDX: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "too short": (NAMES[0], lambda raw: raw[:-1], "392,015 bytes, but its header 500×28×28 asks for 392,016; "),
    "other classes": (NAMES[3], lambda raw: raw[:-1] + b"\x0a", f"{NAMES[1]} has none; "),
    "other size": (NAMES[2], lambda raw: raw[:8] + bytes([0, 0, 0, 14, 0, 0, 0, 56]) + raw[16:], f"{NAMES[2]}; "),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_named(trained: Path, tmp_path: Path, refused: Refused, case: str) -> None:
    name, change, message = BAD_IDX[case]
    path = shutil.copytree(trained / "resources", tmp_path / "project" / "resources") / name
    path.write_bytes(change(path.read_bytes()))
    error = refused("convert", tmp_path / "project")
    assert message in error and str(path) in error


SMALL_TREE = {f"{split}/{name}/{n}.png": png() for split in ("training", "testing") for n, name in enumerate("ab")}


def test_a_bad_image_tree_is_named(tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "images.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in {**SMALL_TREE, "testing/b/7.png": bomb()}.items():
            archive.writestr(name, content)
    error = refused("convert", source, line=from_images)
    assert error.startswith(f"error: {source}/testing/b/7.png: 60,000×60,000 pixels, more than the 16,777,216 allowed")


def test_what_is_missing_is_named(tmp_path: Path, refused: Refused) -> None:
    error = refused("convert", tmp_path / "nowhere.tgz", line=from_images)
    assert error == f"error: {tmp_path}/nowhere.tgz: no such folder or archive"
    assert refused("convert", tmp_path) == f"error: {tmp_path}/resources/{NAMES[0]}: no such file or folder"
