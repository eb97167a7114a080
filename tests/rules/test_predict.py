"""`digits.predict`: image files of one's own are read as the network reads its data, and shown in a table and a page."""

import base64
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.spatial
import scipy.special
from conftest import ROOT, Command, process
from digits.core.files import whole_files
from digits.data.own_images import matching
from digits.data.resize import fitted
from digits.data.tensors import load_split
from digits.statistics.metrics import fit_temperature
from page import Page
from pictures import bomb, encoded
from PIL import Image
from project import DATASHEET, PAIR_RUNS, RUNS, TENSORS, contents, header, rewrite, rows
from safetensors.numpy import load_file, save_file

RUN = RUNS[4]  # tiny-conv: normalised pixels, cropped
WEIGHTS = f"{RUN}/weights.safetensors"
Predict = Callable[..., str]


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


def as_pngs(folder: Path, images: np.ndarray) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    return paths


def test_images_as_they_are(measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
    """They get the probabilities of their evaluation."""
    files = as_pngs(tmp_path, images)
    said = predict(*files, more=("--as-is",))
    logits = load_file(measured / RUN / "predictions.safetensors")["logits"].astype(float)
    expected = scipy.special.softmax(logits, axis=1)
    table = rows(target / "p.csv")
    assert list(table[0]) == ["file", "prediction", "probability", *"0123456789", "note", "problem"]
    found = np.array([[float(row[name]) for name in "0123456789"] for row in table])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert [row["file"] for row in table] == [str(path) for path in files]
    assert [row["prediction"] for row in table] == [str(number) for number in expected.argmax(axis=1)]
    assert [row["probability"] for row in table] == [row[row["prediction"]] for row in table]
    assert said.splitlines()[:2] == [
        "Probabilities are not calibrated: no scores of held-out images are there.",
        "Images unlike the training images are not marked: that needs scores of 100 held-out images.",
    ]
    assert said.splitlines()[2] == f"{files[0]}: {table[0]['prediction']} ({expected[0].max():.1%})"
    assert len(said.splitlines()) == 202


def datasheet(folder: Path, measured: Path, **changes: object) -> tuple[str, ...]:
    """Write the small project's datasheet with changes; return the option that names it."""
    sheet = json.loads((measured / DATASHEET).read_text()) | changes
    (folder / "datasheet.json").write_text(json.dumps(sheet))
    return "--datasheet", str(folder / "datasheet.json")


def test_a_network_of_other_images_than_drawings_gets_them_at_its_size(
    measured: Path, tmp_path: Path, target: Path, predict: Predict
) -> None:
    """Without a word of the user's: the datasheet says which form the images had, and how they were fitted."""
    photo = np.zeros((56, 84), np.uint8)
    photo[10:40, 20:60] = 200
    Image.fromarray(photo).save(tmp_path / "photo.png")
    more = datasheet(tmp_path, measured, form="ink", fit="stretch")
    predict(tmp_path / "photo.png", more=more)
    (found,) = rows(target / "p.csv")
    shutil.rmtree(target)
    Image.fromarray(fitted(Image.fromarray(photo), (28, 28), "stretch")).save(tmp_path / "fitted.png")
    predict(tmp_path / "fitted.png", more=("--as-is",))
    (expected,) = rows(target / "p.csv")
    assert [found[name] for name in "0123456789"] == [expected[name] for name in "0123456789"]
    shutil.rmtree(target)
    assert "--several: the network was not trained on drawings" in predict(
        tmp_path / "photo.png", more=(*more, "--several")
    )


def picture(source: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(str(source).removeprefix("data:image/png;base64,"))))


@pytest.mark.parametrize("run", [RUN, PAIR_RUNS[2]])
def test_probabilities_are_calibrated_and_doubts_noted(
    measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Predict, run: str
) -> None:
    """By the scores of held-out images, made up: half of the test images, the others being farther out."""
    logits = load_file(measured / run / "predictions.safetensors")["logits"]
    logs = scipy.special.log_softmax(logits.astype(float), axis=1)
    inner, outer = np.split(np.argsort(((logs - logs.mean(axis=0)) ** 2).sum(axis=1)), 2)
    labels = np.where(np.arange(100) % 4, logits[inner].argmax(axis=1), 0).astype(np.uint8)
    save_file({"logits": logits[inner], "labels": labels}, tmp_path / "v")
    temperature = fit_temperature(logits[inner], labels)
    assert temperature is not None and abs(temperature - 1) > 0.01
    expected = scipy.special.softmax(logits.astype(float) / temperature, axis=1)
    limit = round(float(np.median(expected.max(axis=1))), 4)

    more = ("--as-is", "--validation", str(tmp_path / "v"), f"--unsure-below={limit}")
    said = predict(*as_pngs(tmp_path, images), weights=f"{run}/weights.safetensors", more=more)
    table = rows(target / "p.csv")
    found = np.array([[float(row[name]) for name in "0123456789"] for row in table])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    distances = scipy.spatial.distance.cdist(logs, logs[inner])
    among = np.sort(distances[inner], axis=1)[:, 1]
    unlike = (distances.min(axis=1) > np.percentile(among, 99)).tolist()
    assert sum(unlike) >= 10 and not any(np.array(unlike)[inner])
    unsure = (expected.max(axis=1) < limit).tolist()
    words = {(True, False): "unsure", (False, True): "unlike the training images"}
    words |= {(False, False): "", (True, True): ", ".join(words.values())}
    notes = [words[doubts] for doubts in zip(unsure, unlike, strict=True)]
    assert [row["note"] for row in table] == notes and set(notes) >= {"", "unsure"}
    assert len(said.splitlines()) == 200 and said.splitlines()[outer[-1]].endswith(notes[outer[-1]])
    page = Page((target / "p.html").read_text())
    assert "calibrated on 100 held-out images" in page.text["p"] and "marked as unsure" in page.text["p"]
    assert sum(attributes.get("class") == "note" for _, attributes in page.elements) == sum(map(bool, notes))


@pytest.mark.parametrize("wrong", ["90", "-1", "nan"])
def test_a_doubt_is_a_probability(tmp_path: Path, predict: Predict, wrong: str) -> None:
    assert predict(tmp_path, more=(f"--unsure-below={wrong}",)).startswith(
        f"error: --unsure-below: {wrong} is not a prob"
    )


def test_drawings_are_seen_as_the_data_is(images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
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


def test_the_page_shows_images_and_shares(images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
    odd = tmp_path / "a & <b>.png"
    Image.fromarray(255 - images[0].repeat(20, axis=0).repeat(20, axis=1)).save(odd)
    (second,) = as_pngs(tmp_path, images[1:2])
    predict(odd, second)
    source = (target / "p.html").read_text()
    page = Page(source)
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "iframe", "form"} & set(tags) and tags.count("h1") == 1
    assert "tiny-conv, seed 0" in page.text["h1"]
    assert all(number in page.text["p"] for number in ("500 images", "10 classes", "2 images"))
    assert page.text["h2"] == f"{odd}{second}"
    shown = [attributes for tag, attributes in page.elements if tag == "img"]
    names = [f"{path}, as {how}" for path in (odd, second) for how in ("it was given", "the network saw it")]
    assert [attributes["alt"] for attributes in shown] == names
    assert all(str(attributes["src"]).startswith("data:image/png;base64,") for attributes in shown)
    assert picture(shown[0]["src"]).size == (300, 300)
    np.testing.assert_allclose(np.asarray(picture(shown[1]["src"])).astype(int), images[0], atol=1)
    spans = np.array_split(page.text["span"].split("\u202f%")[:-1], 2)
    for row, shares in zip(rows(target / "p.csv"), spans, strict=True):
        likeliest = sorted((float(row[name]) for name in "0123456789"), reverse=True)[:3]
        # A class's name stands before its share: 7 and 98.1 are written 798.1.
        assert [float(share[1:]) for share in shares] == pytest.approx([100 * p for p in likeliest], abs=0.051)
        assert shares[0][0] == row["prediction"]


def test_several_in_one_image(images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
    """They are read as each of them alone, with its box; the page shows them together."""
    sheet = np.full((200, 400), 255, np.uint8)
    for number, (top, left) in enumerate([(0, 0), (0, 100), (110, 200)]):
        sheet[top : top + 84, left : left + 84] = 255 - images[number].repeat(3, axis=0).repeat(3, axis=1)
    alone = as_pngs(tmp_path, images[:3].repeat(3, axis=1).repeat(3, axis=2))
    Image.fromarray(sheet).save(tmp_path / "row.png")
    predict(*alone)
    expected = rows(target / "p.csv")
    shutil.rmtree(target)
    predict(tmp_path / "row.png", alone[0], more=("--several",))
    found = rows(target / "p.csv")
    assert list(found[0])[:6] == ["file", "x", "y", "width", "height", "prediction"]
    assert [row["file"] for row in found] == [str(tmp_path / "row.png")] * 3 + [str(alone[0])]
    for one, same, (top, left) in zip(found, expected, [(0, 0), (0, 100), (110, 200)], strict=False):
        assert [one[name] for name in list(same)[1:]] == list(same.values())[1:]
        ink = images[int(Path(same["file"]).stem)] > 25
        box = [3 * int(np.flatnonzero(ink.any(axis=axis))[0]) for axis in (0, 1)]
        assert [int(one["x"]), int(one["y"])] == [left + box[0], top + box[1]]
    page = Page((target / "p.html").read_text())
    assert page.open == [] and page.text["h2"] == f"{tmp_path / 'row.png'}{alone[0]}"
    read = " ".join(row["prediction"] for row in found[:3])
    assert read in page.text["p"]
    assert sum(tag == "img" for tag, _ in page.elements) == 2 + 4


def test_names_of_files(images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
    """The same one in two folders, one that is no text, and one given twice, which is there once, in the same bytes."""
    files = []
    for number, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        files += as_pngs(tmp_path / name, images[number : number + 1])
    files.append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")))
    shutil.copy(files[0], files[2])
    predict(*files)
    found = [row["file"] for row in rows(target / "p.csv")]
    assert found == [f"{tmp_path}/a/0.png", f"{tmp_path}/b/0.png", f"{tmp_path}/\\udcff.png"]
    before = contents(target)
    predict(*files, files[1])
    assert contents(target) == before


def test_some_classes_alone(measured: Path, images: np.ndarray, tmp_path: Path, target: Path, predict: Predict) -> None:
    """Those that the network does not know have no chance."""
    path, recipe = measured / WEIGHTS, {**header(measured / WEIGHTS)["recipe"], "classes": ["3", "7"]}
    last = {name: load_file(path)[f"dense.1.{name}"][[3, 7]] for name in ("weight", "bias")}
    rewrite(path, {f"dense.1.{name}": part for name, part in last.items()}, tmp_path / "weights", recipe=recipe)
    predict(*as_pngs(tmp_path, images[:5]), weights=tmp_path / "weights")
    for row in rows(target / "p.csv"):
        assert row["prediction"] in ("3", "7")
        assert float(row["3"]) + float(row["7"]) == pytest.approx(1, abs=2e-6)
    assert "2 classes" in (target / "p.html").read_text()


NO_IMAGE = "not an image in a supported format (PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM); "
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "a text": (b"hello", NO_IMAGE),
    "EPS": (encoded(Image.new("L", (9, 9)), "eps"), NO_IMAGE),  # which Ghostscript would run as a program
    "cut off": (encoded(Image.effect_noise((99, 99), 50))[:200], "a damaged image ("),
    "bomb": (bomb(), "60,000×60,000 pixels, more than the 200,000,000 allowed; "),
    "32 bits": (encoded(Image.new("F", (9, 9)), "tiff"), "neither 8 nor 16 unsigned bits per channel; "),
    "white": (encoded(Image.new("L", (9, 9), 255)), "nothing is drawn on it; "),
    "transparent": (encoded(Image.new("RGBA", (9, 9))), "nothing is drawn on it; "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, predict: Predict, case: str) -> None:
    content, message = BAD_FILES[case]
    (tmp_path / "bad.png").write_bytes(content)
    error = predict(tmp_path / "bad.png")
    assert error.startswith(f"error: {tmp_path}/bad.png: {message}")


def test_a_bad_file_costs_its_own_row(
    measured: Path, images: np.ndarray, tmp_path: Path, target: Path, command: Command
) -> None:
    good = as_pngs(tmp_path, images[:2])
    bad = [tmp_path / f"<b> {number}\n.png" for number in range(len(BAD_FILES))]
    for path, (content, _) in zip(bad, BAD_FILES.values(), strict=True):
        path.write_bytes(content)
    written = ("--table", target / "p.csv", "--page", target / "p.html")
    line = ("predict", "--weights", measured / WEIGHTS, *written, "--images")
    result = command(*line, *bad[:3], good[0], *bad[3:], good[1], tmp_path / "nowhere")
    count = len(bad) + 1
    assert result.error().startswith(f"error: {count} of {count + 2} files could not be read; {target}/p.csv and ")
    table = rows(target / "p.csv")
    names = [str(path).replace("\n", "\\n") for path in (*bad[:3], good[0], *bad[3:], good[1], tmp_path / "nowhere")]
    assert [row["file"] for row in table] == names
    for row, (_, message) in zip([*table[:3], *table[4:-2]], BAD_FILES.values(), strict=True):
        assert row["problem"].startswith(message)
        assert {row[name] for name in ("prediction", "probability", *"0123456789")} == {""}
    assert table[-1]["problem"] == "no such file or folder"
    found = Page((target / "p.html").read_text())
    assert found.text["h2"] == "".join(names)
    assert sum(tag == "img" for tag, _ in found.elements) == 4 and "Not classified: no such file" in found.text["p"]

    alone = command("predict", "--weights", measured / WEIGHTS, *written, "--images", *good)
    assert alone.status == 0
    answers = [row for row in table if not row["problem"]]
    assert [row["prediction"] for row in answers] == [row["prediction"] for row in rows(target / "p.csv")]


def test_nothing_is_written_where_no_file_can_be_read(tmp_path: Path, predict: Predict) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"hello")
    assert predict(tmp_path / "a", tmp_path / "b") == "error: none of the 2 files could be read; nothing is written"


NAMES = (
    "-5.png",
    "3.png",
    "it's/1.png",
    "it's/2 b.png",
    "my digits/1.png",
    "a[1].png",
    "$(touch run).png",
    "`touch run`",
)
TEXTS = {
    "*.png": ["$(touch run).png", "-5.png", "3.png", "a[1].png"],
    "-5.png 3.png": ["-5.png", "3.png"],
    '"my digits/1.png" 3.png': ["my digits/1.png", "3.png"],
    "'my digits/*.png'": ["my digits/1.png"],
    "my\\ digits/1.png": ["my digits/1.png"],
    "my digits/1.png": ["my digits/1.png"],
    "it's/*.png": ["it's/1.png", "it's/2 b.png"],
    "it's/1.png it's/1.png": ["it's/1.png", "it's/1.png"],
    "it's/2 b.png": ["it's/2 b.png"],
    "a[1].png": ["a[1].png"],
    "$(touch run).png": ["$(touch run).png"],
    "$(shell touch run)": ["$(shell", "touch", "run)"],
    "`touch run`": ["`touch run`"],
    "3.png; touch run": ["3.png;", "touch", "run"],
    "~nobody-at-all/1.png": ["~nobody-at-all/1.png"],
}


@pytest.mark.parametrize("text", TEXTS)
def test_make_passes_names_as_they_are(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And runs nothing in them, whether they are given to make or to its environment."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    shutil.copy(ROOT / "Makefile", ".")
    for script, line in (("tools/venv.sh", ":"), (".venv/bin/python", 'for word; do echo "$word"; done')):
        Path(script).parent.mkdir(parents=True)
        Path(script).write_text(f"#!/bin/sh\n{line}\n")
        Path(script).chmod(0o755)
    for arguments, environment in (([f"IMAGES={text}"], {}), ([], {"IMAGES": text})):
        result = process(["make", "predict", *arguments], env={**os.environ, **environment})
        assert f"--patterns={text}\n" in result.output, result.output
        assert not Path("run").exists()
    assert [str(path) for path in matching(text)] == TEXTS[text]


def test_what_is_no_file_is_named(tmp_path: Path, predict: Predict) -> None:
    assert (
        predict(tmp_path)
        == f"error: {tmp_path}: this is a folder, not a file; name its files, such as {tmp_path}/*.png"
    )
    assert predict(tmp_path / "*.png") == f"error: {tmp_path}/*.png: no such file or folder"
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**26 + 1)
    assert predict(tmp_path / "large").startswith(f"error: {tmp_path}/large: 67,108,865 bytes, more than the 67,108,8")


def test_sizes_that_do_not_fit(measured: Path, images: np.ndarray, tmp_path: Path, predict: Predict) -> None:
    narrow, drawing = as_pngs(tmp_path, np.stack([images[0]] * 2))
    Image.fromarray(images[0, :27]).save(narrow)
    assert "28×27 pixels, but the network takes 28×28; " in predict(narrow, more=("--as-is",))
    path = rewrite(measured / WEIGHTS, target=tmp_path / "weights", shape=[28, 30])
    error = predict(drawing, weights=path)
    assert error.startswith(f"error: {drawing}: ") and "30×28 pixels; use --as-is" in error


def test_weights_that_are_missing_or_older(measured: Path, tmp_path: Path, predict: Predict) -> None:
    path = tmp_path / "weights"
    assert predict("a.png", weights=path).startswith(f"error: {path}: not there yet; ")
    left, images = tmp_path / "runs" / "weights.safetensors", tmp_path / "train.safetensors"
    for target, content, made_from in (
        (left, (measured / WEIGHTS).read_bytes(), {images: "0" * 64}),
        (images, b"other images", {}),
    ):
        with whole_files(target, made_from=made_from) as (part,):
            part.write_bytes(content)
    assert predict("a.png", weights=left) == (
        f"error: {left}: left from an earlier configuration, and {images} has been made anew since; build the configuration that "
        "has this model, or choose another"
    )
    rewrite(measured / WEIGHTS, target=path, shape=None)
    assert "not a file that `digits.train` wrote (no 'shape'); " in predict("a.png", weights=path)
