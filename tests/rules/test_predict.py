"""`digits.predict`: image files of one's own, classified, in a table and on a page."""

import base64
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from conftest import ROOT, Command
from digits.data.tensors import load_split
from page import Page
from PIL import Image
from project import RUNS, TENSORS, contents
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

RUN = RUNS[4]  # tiny-conv: normalised pixels, cropped
WEIGHTS = f"{RUN}/weights.safetensors"


@pytest.fixture(scope="module")
def images(measured: Path) -> np.ndarray:
    return load_split(measured / TENSORS[1]).images


@pytest.fixture
def predict(command: Command, measured: Path, target: Path) -> Callable[..., str]:
    """Read files with the small project's network; return what is said, or the error line where nothing is written."""

    def run(*files: object, weights: str | Path = WEIGHTS, more: tuple[str, ...] = ()) -> str:
        written = ("--table", target / "p.csv", "--page", target / "p.html")
        result = command("predict", "--weights", measured / weights, "--images", *files, *written, *more)
        if result.status == 0:
            assert sorted(contents(target)) == ["p.csv", "p.html"]
            return result.output
        assert not target.exists()
        return result.error()

    return run


def table(target: Path) -> list[dict[str, str]]:
    with (target / "p.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def as_pngs(folder: Path, images: np.ndarray) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_images_as_they_are_get_the_probabilities_of_their_evaluation(
    measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    files = as_pngs(tmp_path, images)
    said = predict(*files, more=("--as-is",))
    logits = load_file(measured / RUN / "predictions.safetensors")["logits"].astype(float)
    expected = scipy.special.softmax(logits, axis=1)
    rows = table(target)
    assert list(rows[0]) == ["file", "prediction", "probability", *"0123456789"]
    found = np.array([[float(row[name]) for name in "0123456789"] for row in rows])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert [row["file"] for row in rows] == [str(path) for path in files]
    assert [row["prediction"] for row in rows] == [str(number) for number in expected.argmax(axis=1)]
    assert [row["probability"] for row in rows] == [row[row["prediction"]] for row in rows]
    assert said.splitlines()[0] == f"{files[0]}: {rows[0]['prediction']} ({expected[0].max():.1%})"
    assert len(said.splitlines()) == 200


def picture(source: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(str(source).removeprefix("data:image/png;base64,"))))


def test_drawings_come_to_the_network_as_its_data_does(
    images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    """The test images scaled up, two of three as ink on paper, each somewhere on its sheet."""
    rng = np.random.default_rng(0)
    files = []
    for number, image in enumerate(images):
        big = image.repeat(6, axis=0).repeat(6, axis=1)
        top, left = rng.integers(0, 132, 2)
        sheet = np.pad(big, ((top, 132 - top), (left, 132 - left)))
        files.append(tmp_path / f"{number}.{'jpg' if number % 2 else 'png'}")
        Image.fromarray(255 - sheet if number % 3 else sheet).save(files[-1])
    predict(*files)
    shown = [attributes for tag, attributes in Page((target / "p.html").read_text()).elements if tag == "img"]
    seen = np.stack([np.asarray(picture(attributes["src"])) for attributes in shown[1::2]])
    differences = np.abs(seen.astype(int) - images).mean(axis=(1, 2))
    assert (differences < 2).sum() >= 190, "a pixel beside its place, a digit differs by 10 and more"


def test_the_page_shows_each_image_and_what_was_read(
    images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    odd = tmp_path / "a & <b>.png"
    Image.fromarray(255 - images[0].repeat(20, axis=0).repeat(20, axis=1)).save(odd)
    (second,) = as_pngs(tmp_path, images[1:2])
    predict(odd, second)
    source = (target / "p.html").read_text()
    page = Page(source)
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "iframe", "form"} & set(tags) and tags.count("h1") == 1
    assert page.text["h1"] == "Predictions of tiny-conv, seed 0"
    assert "trained on 500 images of 10 classes, classified 2 images" in page.text["p"]
    assert page.text["h2"] == f"{odd}{second}"
    shown = [attributes for tag, attributes in page.elements if tag == "img"]
    names = [f"{path}, as {how}" for path in (odd, second) for how in ("it was given", "the network saw it")]
    assert [attributes["alt"] for attributes in shown] == names
    assert all(str(attributes["src"]).startswith("data:image/png;base64,") for attributes in shown)
    assert picture(shown[0]["src"]).size == (300, 300)
    np.testing.assert_allclose(np.asarray(picture(shown[1]["src"])).astype(int), images[0], atol=1)
    for row, shares in zip(table(target), np.array_split(page.text["span"].split("\u202f%")[:-1], 2), strict=True):
        likeliest = sorted((float(row[name]) for name in "0123456789"), reverse=True)[:3]
        # A class's name stands before its share: 7 and 98.1 are written 798.1.
        assert [float(share[1:]) for share in shares] == pytest.approx([100 * p for p in likeliest], abs=0.051)
        assert shares[0][0] == row["prediction"]


def test_the_locale_does_not_matter(
    measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    """In C's locale a text is ASCII, without some of the page's signs."""
    (file,) = as_pngs(tmp_path, images[:1])
    predict(file)
    before = contents(target)
    ascii_alone = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT / "workflow")}
    for path in target.iterdir():
        path.unlink()
    arguments = ["--weights", measured / WEIGHTS, "--images", file]
    written = ["--table", target / "p.csv", "--page", target / "p.html"]
    command = [sys.executable, "-m", "digits.predict", *map(str, [*arguments, *written])]
    done = subprocess.run(command, env=ascii_alone, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert contents(target) == before


def test_twice_gives_the_same_bytes_and_a_file_named_twice_is_read_once(
    images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    first, second = as_pngs(tmp_path, images[:2])
    predict(first, second)
    before = contents(target)
    predict(first, second, first)
    assert contents(target) == before


def test_files_of_the_same_name_are_told_apart(
    images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    files = []
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        files += as_pngs(tmp_path / name, images[number : number + 1])
    predict(*files)
    assert [row["file"] for row in table(target)] == [f"{tmp_path}/a/0.png", f"{tmp_path}/b/0.png"]


def test_a_name_that_is_no_text_is_shown(
    images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    (file,) = as_pngs(tmp_path, images[:1])
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    predict(shutil.copy(file, odd))
    assert table(target)[0]["file"] == f"{tmp_path}/\\udcff.png"


def test_classes_that_the_network_does_not_know_have_no_chance(
    measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Callable[..., str]
) -> None:
    with safe_open(measured / WEIGHTS, framework="numpy") as file:
        training = json.loads(file.metadata()["training"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    training["recipe"]["classes"] = ["3", "7"]
    last = [name for name, tensor in tensors.items() if name.startswith("dense.") and len(tensor) == 10][-2:]
    tensors |= {name: tensors[name][[3, 7]] for name in last}
    save_file(tensors, tmp_path / "weights", {"training": json.dumps(training)})
    predict(*as_pngs(tmp_path, images[:5]), weights=tmp_path / "weights")
    for row in table(target):
        assert row["prediction"] in ("3", "7")
        assert float(row["3"]) + float(row["7"]) == pytest.approx(1, abs=2e-6)
    assert "of 2 classes" in (target / "p.html").read_text()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def bomb() -> bytes:
    """A few bytes of PNG whose header states 60,000 × 60,000 pixels."""
    content = bytearray(png(Image.new("L", (2, 2))))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def eps() -> bytes:
    """An image that Pillow would let Ghostscript, where that is installed, run as a program."""
    file = io.BytesIO()
    Image.new("L", (9, 9)).save(file, "eps")
    return file.getvalue()


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not an image of a kind that is read (PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM); remove it, or save it"),
    "a text": (
        b"hello",
        "not an image of a kind that is read (PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM); remove it, or save it",
    ),
    "EPS": (eps(), "not an image of a kind that is read (PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM); remove it, or save it"),
    "cut off": (png(Image.effect_noise((99, 99), 50))[:200], "a damaged image ("),
    "bomb": (bomb(), "60,000×60,000 pixels, more than the 16,777,216 allowed; a decompression bomb, or an image to"),
    "16 bits": (png(Image.new("I;16", (9, 9))), "more than 8 bits a pixel (Pillow's mode I;16); convert it to 8"),
    "white": (png(Image.new("L", (9, 9), 255)), "nothing is drawn on it; remove it, or draw darker or lighter than"),
    "transparent": (png(Image.new("RGBA", (9, 9))), "nothing is drawn on it; "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named(
    images: np.ndarray, tmp_path: Path, predict: Callable[..., str], case: str
) -> None:
    content, message = BAD_FILES[case]
    (tmp_path / "bad.png").write_bytes(content)
    error = predict(*as_pngs(tmp_path, images[:1]), tmp_path / "bad.png")
    assert error.startswith(f"error: {tmp_path}/bad.png: {message}")


def test_what_is_no_file_is_named(tmp_path: Path, predict: Callable[..., str]) -> None:
    assert predict(tmp_path) == f"error: {tmp_path}: this is a folder, not a file"
    assert predict(tmp_path / "*.png") == f"error: {tmp_path}/*.png: no such file or folder"
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**26 + 1)
    assert predict(tmp_path / "large") == (
        f"error: {tmp_path}/large: 67,108,865 bytes, more than the 67,108,864 allowed for one image"
    )


def test_another_size_is_named(images: np.ndarray, tmp_path: Path, predict: Callable[..., str]) -> None:
    (file,) = as_pngs(tmp_path, images[:1, :27])
    assert predict(file, more=("--as-is",)) == (
        f"error: {file}: 28×27 pixels, but the network takes 28×28; bring it to that size first, or leave out --as-is "
        "for something drawn or written"
    )


def test_drawings_need_a_square(
    measured: Path, images: np.ndarray, tmp_path: Path, predict: Callable[..., str]
) -> None:
    with safe_open(measured / WEIGHTS, framework="numpy") as file:
        training = json.loads(file.metadata()["training"])
    path = tmp_path / "weights"
    save_file(load_file(measured / WEIGHTS), path, {"training": json.dumps({**training, "shape": [28, 30]})})
    (drawing,) = as_pngs(tmp_path, images[:1])
    assert predict(drawing, weights=path) == (
        f"error: {drawing}: a drawing is put into the middle of a square, but the network takes 30×28 pixels; use --as-is"
    )


def test_weights_that_are_missing_or_older(measured: Path, tmp_path: Path, predict: Callable[..., str]) -> None:
    path = tmp_path / "weights"
    assert predict("a.png", weights=path) == (
        f"error: {path}: not there yet; train it first: `make report` trains the configuration's models"
    )
    with safe_open(measured / WEIGHTS, framework="numpy") as file:
        training = json.loads(file.metadata()["training"])
    del training["shape"]
    save_file(load_file(measured / WEIGHTS), path, {"training": json.dumps(training)})
    assert predict("a.png", weights=path) == (
        f"error: {path}: not a file that `digits.train` wrote (no 'shape'); delete it and start again"
    )
