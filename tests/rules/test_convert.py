"""`digits.convert`: tensors hold exactly what the files hold, whichever way they are packed; bad files are named."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import NAMES, Command, Ran, Refused
from pictures import bomb, png
from PIL import Image
from project import TENSORS, built_by, outputs
from safetensors import safe_open
from safetensors.numpy import load_file

TREE_SPLITS = {"training": NAMES[:2], "testing": NAMES[2:]}


def pixels_and_labels(raw: Path, images: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST's raw files without the project's reader: 16 and 8 bytes of header, then the values."""
    pixels = np.frombuffer((raw / images).read_bytes()[16:], np.uint8).reshape(-1, 28, 28)
    return pixels, np.frombuffer((raw / labels).read_bytes()[8:], np.uint8)


@pytest.fixture(scope="module")
def png_tree(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as the tutorial's archive has them: mnist_png/training/<digit>/<n>.png."""
    folder = tmp_path_factory.mktemp("tree") / "mnist_png"
    for split, names in TREE_SPLITS.items():
        for number, (pixels, label) in enumerate(zip(*pixels_and_labels(raw, *names), strict=True)):
            path = folder / split / str(label) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


def from_images(name: str, source: Path, target: Path, _run: str = "") -> list[str]:
    written = [part for option, path in outputs(name).items() for part in (f"--{option}", str(target / path))]
    return ["images", "--source", str(source), *written]


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


def test_the_highest_label_that_a_byte_can_hold_is_a_class(
    ran: Ran, trained: Path, tmp_path: Path, target: Path
) -> None:
    shutil.copytree(trained / "resources", tmp_path / "resources")
    for name in (NAMES[1], NAMES[3]):
        labels = tmp_path / "resources" / name
        labels.write_bytes(labels.read_bytes()[:-1] + b"\xff")
    ran("convert", tmp_path, target)
    with safe_open(target / TENSORS[0], framework="numpy") as file:
        assert json.loads(file.metadata()["classes"]) == [str(number) for number in range(256)]


@pytest.mark.parametrize("kind", ["folder", "gztar", "zip"])
def test_image_files_give_the_same_bytes(
    command: Command, trained: Path, png_tree: Path, tmp_path: Path, target: Path, kind: str
) -> None:
    source = png_tree
    if kind != "folder":
        source = Path(shutil.make_archive(str(tmp_path / "packed"), kind, png_tree.parent, png_tree.name))
    result = command("convert", *from_images("convert", source, target), "--workers", 2)
    assert result.status == 0, result.output
    assert "train: 500 images of 28×28 in 10 classes\ntest: 200 images of" in result.output
    assert built_by("convert", target) == built_by("convert", trained)


def test_a_limit_keeps_evenly_spaced_images(ran: Ran, trained: Path, target: Path) -> None:
    ran("convert", trained, target, "--train-limit", 5, "--test-limit", 1000)
    images, labels = pixels_and_labels(trained / "resources", *NAMES[:2])
    few = load_file(target / TENSORS[0])
    np.testing.assert_array_equal(few["images"], images[[0, 125, 250, 374, 499]])
    np.testing.assert_array_equal(few["labels"], labels[[0, 125, 250, 374, 499]])
    assert (target / TENSORS[1]).read_bytes() == (trained / TENSORS[1]).read_bytes(), "a limit above the number: all"


IDX_IMAGES, IDX_LABELS = NAMES[:2]
BAD_IDX: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a web page": (IDX_IMAGES, lambda _: b"<!DOCTYPE html>", "(it starts with 3c 21 44 4f, expected 00 00 08 03)"),
    "too short": (IDX_IMAGES, lambda raw: raw[:-1], "392,015 bytes, but its header 500×28×28 asks for 392,016; "),
    "other counts": (
        IDX_LABELS,
        lambda raw: raw[:4] + (499).to_bytes(4, "big") + raw[8:-1],
        f"{IDX_LABELS} 499 labels; ",
    ),
    "other classes": (NAMES[3], lambda raw: raw[:-1] + b"\x0a", f"{IDX_LABELS} is 9; "),
    "other size": (
        NAMES[2],
        lambda raw: raw[:8] + (14).to_bytes(4, "big") + (56).to_bytes(4, "big") + raw[16:],
        f"{NAMES[2]}; ",
    ),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_named(trained: Path, tmp_path: Path, refused: Refused, case: str) -> None:
    name, change, message = BAD_IDX[case]
    path = shutil.copytree(trained / "resources", tmp_path / "project" / "resources") / name
    path.write_bytes(change(path.read_bytes()))
    error = refused("convert", tmp_path / "project")
    assert message in error and str(path) in error


SMALL_TREE = {f"{split}/{name}/{n}.png": png() for split in ("training", "testing") for n, name in enumerate("ab")}
BAD_TREES: dict[str, tuple[dict[str, bytes], str]] = {
    "empty class": ({"training/c/": b""}, ": no images of class 'c' in the training part; "),
    "no image": ({"testing/b/7.png": b"hello"}, "/testing/b/7.png: not an image of a kind that is read (PNG, "),
    "bomb": ({"testing/b/7.png": bomb()}, "/testing/b/7.png: 60,000×60,000 pixels, more than the 16,777,216 allowed"),
    "sizes": ({"testing/b/7.png": png((3, 2))}, "/testing/b/7.png is 3×2; "),
    "name outside": ({"../evil.png": png()}, ": '../evil.png' points outside the archive; "),
}


@pytest.mark.parametrize("case", BAD_TREES)
def test_a_bad_image_tree_is_named(tmp_path: Path, refused: Refused, case: str) -> None:
    changes, message = BAD_TREES[case]
    source = tmp_path / "images.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in {**SMALL_TREE, **changes}.items():
            archive.writestr(name, content)
    error = refused("convert", source, line=from_images)
    assert message in error and str(source) in error


def test_what_is_missing_is_named(tmp_path: Path, refused: Refused) -> None:
    error = refused("convert", tmp_path / "nowhere.tgz", line=from_images)
    assert error == f"error: {tmp_path}/nowhere.tgz: no such folder or archive"
    assert refused("convert", tmp_path) == f"error: {tmp_path}/resources/{IDX_IMAGES}: no such file or folder"
