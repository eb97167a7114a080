"""`digits.convert`: tensors hold exactly what the files hold, whichever way they are packed; bad files are named."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import NAMES, Command, Ran, Refused
from digits.core.arrays import label_type
from digits.core.tables import read_table
from digits.data.collection import LARGEST, Form
from digits.data.datasheet import FILES, load_datasheet
from digits.data.image_trees import Wanted, read_image_tree
from digits.data.tensors import Split, load_split, save_split
from digits.settings.schema import schema_of
from pictures import Tree, as_tgz, as_zip, bomb, image_tree, png
from PIL import Image
from project import DATASHEET, TENSORS, outputs
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

FILES_TABLE = "results/tensors/files.csv"


def pixels_and_labels(raw: Path, images: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST's raw files without the project's reader: 16 and 8 bytes of header, then the values."""
    pixels = np.frombuffer((raw / images).read_bytes()[16:], np.uint8).reshape(-1, 28, 28)
    return pixels, np.frombuffer((raw / labels).read_bytes()[8:], np.uint8)


def from_images(name: str, source: Path, target: Path, _run: str = "") -> list[str]:
    paths = {**outputs(name), "files": FILES_TABLE}
    written = [part for option, path in paths.items() for part in (f"--{option}", str(target / path))]
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
    assert refused("convert", tmp_path).startswith("error: only one class, '7'; a network needs at least two")


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


def test_classes_of_idx_files_have_the_names_given(ran: Ran, refused: Refused, trained: Path, target: Path) -> None:
    names = ["T-shirt/top", "--x", "e\u0301té", *"3456789"]
    line = [f"--class-name={name}" for name in names]
    ran("convert", trained, target, *line)
    with safe_open(target / TENSORS[0], framework="numpy") as file:
        assert json.loads(file.metadata()["classes"]) == ["T-shirt/top", "--x", "été", *"3456789"]
    error = refused("convert", trained, *line[1:])
    assert error.startswith("error: dataset.class_names: 9 names, but ")
    assert error.endswith("train-labels-idx1-ubyte has 10 labels, 0 to 9; give each a name, in their order")
    assert refused("convert", trained, *line[1:], "--class-name=été").endswith(
        "'été' appears twice; name each class once"
    )


BAD_IDX: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "too short": (NAMES[0], lambda raw: raw[:-1], "392,015 bytes, but its header 500×28×28 asks for 392,016; "),
    "other classes": (NAMES[3], lambda raw: raw[:-1] + b"\x0a", f"{NAMES[1]}; "),
    "other size": (NAMES[2], lambda raw: raw[:8] + bytes([0, 0, 0, 14, 0, 0, 0, 56]) + raw[16:], f"{NAMES[2]}; "),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_named(trained: Path, tmp_path: Path, refused: Refused, case: str) -> None:
    name, change, message = BAD_IDX[case]
    path = shutil.copytree(trained / "resources", tmp_path / "project" / "resources") / name
    path.write_bytes(change(path.read_bytes()))
    error = refused("convert", tmp_path / "project")
    assert message in error and str(path) in error


def photos(folder: Path, classes: int = 3) -> dict[str, int]:
    """Write colour images of many sizes in unequal classes, no part among them; return how many of each class."""
    rng = np.random.default_rng(0)
    counts = {f"kind {number}": 10 + 30 * number for number in range(classes)}
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (*rng.integers(20, 60, 2), 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return counts


def test_a_folder_of_photos(command: Command, tmp_path: Path, target: Path) -> None:
    counts = photos(tmp_path / "photos")
    one, copy, other = (tmp_path / "photos" / name for name in ("kind 2/1.png", "kind 2/copy.bmp", "kind 1/copy.png"))
    Image.open(one).save(copy)
    Image.open(one).save(other)
    (tmp_path / "photos" / "notes.txt").write_text("mine")
    wanted = ("--test-fraction", 0.3, "--size", 24, 32, "--fit", "crop", "--colour", "--workers", 2)
    result = command("convert", *from_images("convert", tmp_path / "photos", target), *wanted)
    assert result.status == 0, result.output
    assert (
        "passed over notes.txt: no image of a class\n" in result.output
        and "of 24×32 in colour in 3 classes" in result.output
    )
    splits = {part: load_split(target / path) for part, path in zip(("train", "test"), TENSORS, strict=True)}
    assert all(split.images.shape[1:] == (3, 24, 32) and split.classes == list(counts) for split in splits.values())
    sheet = load_datasheet(target / DATASHEET)
    found = {row["class"]: row["train"] + row["test"] for row in sheet["classes"]}
    assert found == {**counts, "kind 1": counts["kind 1"] + 1, "kind 2": counts["kind 2"] + 1}
    for number, row in enumerate(sheet["classes"]):
        assert [row[part] for part in splits] == [np.sum(split.labels == number) for split in splits.values()]
    assert sheet["duplicates"]["across"] == {"images": 0, "example": None}
    assert sheet["duplicates"]["contradictory"]["images"] == 3
    assert sum(sheet["duplicates"][part]["images"] for part in splits) == 2, "all three on one side"
    assert {key: sheet[key] for key in ("split_by", "test_fraction", "size", "fit", "colour")} == {
        **{"split_by": "content", "test_fraction": 0.3, "size": [24, 32], "fit": "crop", "colour": True}
    }
    sizes = [sheet["sizes_found"][key] for key in ("smallest", "median", "largest")]
    areas = [height * width for height, width in sizes]
    assert (
        areas == sorted(areas) and 400 <= areas[0] < 600 and areas[2] > 2500 and sheet["sizes_found"]["distinct"] > 60
    )
    assert sheet["passed_over"] == {"files": 1, "example": "notes.txt"}


@pytest.mark.parametrize("workers", [1, 3])
def test_an_image_stays_on_its_side_when_others_are_added(tmp_path: Path, workers: int) -> None:
    photos(tmp_path / "photos")
    wanted = Wanted(test_fraction=0.3, form=Form((8, 8)))
    before = read_image_tree(tmp_path / "photos", workers, wanted).names
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (30, 30), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"kind {number % 3}" / f"new {number}.png")
    after = read_image_tree(tmp_path / "photos", workers, wanted).names
    assert all(set(before[part]) <= set(after[part]) for part in before)


def test_what_a_folder_of_photos_lacks_is_proposed(tmp_path: Path, refused: Refused) -> None:
    photos(tmp_path / "photos")
    error = refused("convert", tmp_path / "photos", line=from_images)
    assert error.startswith(
        f"error: {tmp_path}/photos: no test part, such as train/<class>/ and test/<class>/; hold back "
    )
    assert error.endswith("with `dataset: {test_fraction: 0.2}`")
    error = refused("convert", tmp_path / "photos", "--test-fraction", 0.2, line=from_images)
    assert re.search(r"kind 0/0\.png is \d+×\d+, .*; resize them with `dataset: \{size: \[32, 32\]\}`$", error)


def test_a_part_of_any_name_has_its_place(command: Command, tmp_path: Path, target: Path, refused: Refused) -> None:
    tree: Tree = {f"{part}/{label}/{n}.png": png(n) for part in ("Train", "val") for n in (1, 2) for label in "ab"}
    source = as_zip(tmp_path / "images.zip", tree)
    result = command("convert", *from_images("convert", source, target))
    assert "there is no test part: the validation part is used for testing\n" in result.output
    assert load_datasheet(target / DATASHEET)["images"] == {"train": 4, "test": 4}
    error = refused("convert", source, "--test-fraction", 0.2, line=from_images)
    assert error.startswith(
        f"error: dataset.test_fraction: {source} has parts already (train, validation); leave it out"
    )
    source = as_zip(source, {**tree, "test/a/3.png": png(3), "test/b/3.png": png(3)})
    result = command("convert", *from_images("convert", source, target))
    assert "the validation part is added to the training images" in result.output
    assert "\nwarning: Train/a/1.png and Train/b/1.png are identical, but in two classes (" in result.output
    sheet = load_datasheet(target / DATASHEET)
    assert sheet["images"] == {"train": 8, "test": 2}
    assert sheet["duplicates"]["contradictory"] == {"images": 10, "example": ["Train/a/1.png", "Train/b/1.png"]}


def test_groups_that_tilt_the_test_part_are_warned_of(command: Command, tmp_path: Path, target: Path) -> None:
    """Class b has one large group and one small: whichever is tested on, it is far from a fifth."""
    groups = {"a": [f"g{n}" for n in range(40)], "b": ["large"] * 36 + ["small"] * 2}
    rows = [(f"{name}{n}.png", name, group) for name in groups for n, group in enumerate(groups[name])]
    images: Tree = {file: png(number) for number, (file, _, _) in enumerate([*rows, ("left.png", "", "")])}
    table = "file,label,who\n" + "".join(f"{','.join(row)}\n" for row in rows)
    source = as_zip(tmp_path / "images.zip", {**images, "labels.csv": table.encode()})
    wanted = ("--labels", "labels.csv", "--group", "who", "--test-fraction", 0.2)
    said = command("convert", *from_images("convert", source, target), *wanted).output
    assert "passed over left.png: not in labels.csv\n" in said
    sheet = load_datasheet(target / DATASHEET)
    tested = {row["class"]: row["test"] for row in sheet["classes"]}
    warned = f"test_fraction is 20%, but with these groups the test part has {tested['b']} of 38 images of 'b'\n"
    assert tested["b"] in (2, 36) and f"warning: dataset.group: {warned}" in said


def test_groups_where_the_parts_are_given(command: Command, tmp_path: Path, target: Path, refused: Refused) -> None:
    tree: Tree = {f"train/{label}/{who}{n}.png": png(n) for label in "ab" for who in ("ann", "bob") for n in range(2)}
    tree |= {f"test/{label}/cy0.png": png(9) for label in "ab"}
    source, wanted = as_zip(tmp_path / "images.zip", tree), ("--group", "/([a-z]+)[0-9]")
    assert command("convert", *from_images("convert", source, target), *wanted).status == 0
    train, sheet = load_split(target / TENSORS[0]), load_datasheet(target / DATASHEET)
    assert train.groups is not None and train.groups.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert (sheet["split_by"], sheet["group"]) == ("folders", wanted[1])
    source = as_zip(source, {**tree, "test/b/bob7.png": png(8)})
    error = refused("convert", source, *wanted, line=from_images)
    assert "dataset.group: 'bob' is in both parts, train/b/bob1.png and test/b/bob7.png; move its images into" in error


def test_tensors_alone(command: Command, tmp_path: Path) -> None:
    source = as_zip(
        tmp_path / "images.zip", {f"{part}/{name}/1.png": png(1) for part in ("train", "test") for name in "ab"}
    )
    result = command("convert", "images", "--source", source, "--train", tmp_path / "a.st", "--test", tmp_path / "b.st")
    assert result.status == 0, result.output
    assert [load_split(tmp_path / name).images.shape for name in ("a.st", "b.st")] == [(2, 2, 3)] * 2


def test_each_image_can_be_traced_to_its_file(command: Command, tmp_path: Path, target: Path) -> None:
    names = {f"{label}/{label}, {number}.png": number + 20 * (label == "b") for label in "ab" for number in range(20)}
    source = as_zip(tmp_path / "images.zip", {name: png(value) for name, value in names.items()})
    wanted = ("--test-fraction", 0.4, "--train-limit", 9)
    result = command("convert", *from_images("convert", source, target), *wanted)
    assert result.status == 0, result.output
    table = read_table(target / FILES_TABLE, FILES)
    for part, path in zip(("train", "test"), TENSORS, strict=True):
        split, rows = load_split(target / path), table[table["part"] == part]
        assert [names[name] for name in rows["file"]] == split.images[:, 0, 0].tolist()
        assert rows["class"].tolist() == [split.classes[label] for label in split.labels]
    assert len(table[table["part"] == "train"]) == 9


def test_a_table_in_an_archive_and_groups_by_a_column(command: Command, tmp_path: Path, target: Path) -> None:
    names = {f"i{n}": ("cat" if n % 2 else "dog", f"camera {n % 8}") for n in range(40)}
    table = "id,label,camera\n" + "".join(f"{name},{label},{camera}\n" for name, (label, camera) in names.items())
    images: Tree = {f"all/images/{name}.png": png(number) for number, name in enumerate(names)}
    source = as_tgz(tmp_path / "images.tgz", {**images, "all/train.csv": table.encode()})
    wanted = ("--labels", "train.csv", "--group", "camera", "--test-fraction", 0.3)
    result = command("convert", *from_images("convert", source, target), *wanted)
    assert result.status == 0, result.output
    cameras = [{n % 8 for n in load_split(target / path).images[:, 0, 0].tolist()} for path in TENSORS]
    assert cameras[0] | cameras[1] == set(range(8)) and not cameras[0] & cameras[1]
    train, test = (load_split(target / path) for path in TENSORS)
    assert train.groups is not None and train.groups.dtype == np.uint32 and test.groups is None
    assert len(set(zip(train.groups.tolist(), (train.images[:, 0, 0] % 8).tolist(), strict=True))) == len(cameras[0])
    command("convert", *from_images("convert", source, target), *wanted, "--train-limit", 10)
    fewer = load_split(target / TENSORS[0])
    kept = np.linspace(0, len(train.labels) - 1, 10).round().astype(int)
    assert fewer.groups is not None and fewer.groups.tolist() == train.groups[kept].tolist()
    sheet = load_datasheet(target / DATASHEET)
    assert (sheet["split_by"], sheet["group"], sheet["passed_over"]["files"]) == ("group", "camera", 0)


def test_a_table_that_nobody_named_is_proposed(tmp_path: Path, refused: Refused) -> None:
    source = as_zip(tmp_path / "images.zip", {"train/1.png": png(), "train/2.png": png(), "train.csv": b"id,label\n"})
    error = refused("convert", source, line=from_images)
    assert error.endswith("no folders for classes; if train.csv has the labels, set `dataset: {labels: train.csv}`")


@pytest.mark.parametrize("classes", [256, 300])
def test_many_classes(command: Command, tmp_path: Path, target: Path, classes: int) -> None:
    tree: Tree = {f"{part}/{n}/{n}.png": png(n % 256) for part in ("train", "test") for n in range(classes)}
    result = command("convert", *from_images("convert", as_zip(tmp_path / "many.zip", tree), target))
    assert result.status == 0, result.output
    split = load_split(target / TENSORS[0])
    assert split.labels.tolist() == list(range(classes)) and split.labels.dtype == label_type(classes)


@pytest.mark.parametrize(
    ("classes", "shape", "groups"), [(3, (2, 3), False), (300, (3, 2, 2), False), (300, (2, 3), True)]
)
def test_tensors_are_written_as_the_library_would(
    tmp_path: Path, classes: int, shape: tuple[int, ...], groups: bool
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)
    split = Split(images, np.arange(5).astype(label_type(classes)) % 3, ['"é\\', *map(str, range(1, classes))])
    arrays = {"images": split.images, "labels": split.labels}
    if groups:
        arrays["groups"] = np.arange(5, dtype=np.uint32) // 2
        split = split._replace(groups=arrays["groups"])
    save_split(tmp_path / "ours", split)
    save_file(arrays, tmp_path / "theirs", {"classes": json.dumps(split.classes)})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--test-fraction", 0), "--test-fraction: 0; expected a number between 0 and 1"),
        (("--test-fraction", 1), "--test-fraction: 1; expected a number between 0 and 1"),
        (("--test-fraction", "nan"), "--test-fraction: nan; expected a number between 0 and 1"),
        (("--size", 8, 0), "--size: 0; expected 1 to 1,024"),
        (("--size", 1025, 8), "--size: 1025; expected 1 to 1,024"),
        (("--train-limit", 0), "--train-limit: 0; expected 1 or more"),
        (("--test-limit", -1), "--test-limit: -1; expected 1 or more"),
        (("--workers", 0), "--workers: 0; expected 1 to 64"),
        (("--workers", 65), "--workers: 65; expected 1 to 64"),
    ],
)
def test_a_number_out_of_bounds_is_named(tmp_path: Path, refused: Refused, option: Any, message: str) -> None:
    source = as_zip(tmp_path / "images.zip", SMALL_TREE)
    assert refused("convert", source, *option, line=from_images) == f"error: {message}"


def test_a_class_of_a_very_long_name_is_refused(tmp_path: Path, refused: Refused) -> None:
    rows = {f"{part}/{n}.png": name for part in ("train", "test") for n, name in enumerate(("a", "b" * 300))}
    table = "file,label\n" + "".join(f"{file},{name}\n" for file, name in rows.items())
    tree: Tree = {**dict.fromkeys(rows, png()), "labels.csv": table.encode()}
    source = as_zip(tmp_path / "images.zip", tree)
    error = refused("convert", source, "--labels", "labels.csv", line=from_images)
    assert error == f"error: a class name of 300 characters, '{'b' * 40}…'; at most 255 are allowed"


def test_the_largest_size_is_the_schema_s() -> None:
    assert schema_of("dataset")["properties"]["size"]["maximum"] == LARGEST


SMALL_TREE: Tree = {
    f"{split}/{name}/{n}.png": png() for split in ("training", "testing") for n, name in enumerate("ab")
}


def test_a_bad_image_tree_is_named(tmp_path: Path, refused: Refused) -> None:
    source = tmp_path / "images.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in {**SMALL_TREE, "testing/b/7.png": bomb()}.items():
            archive.writestr(name, content or b"")
    error = refused("convert", source, line=from_images)
    assert error.startswith(f"error: {source}/testing/b/7.png: 60,000×60,000 pixels, more than the 16,777,216 allowed")


def test_what_is_missing_is_named(tmp_path: Path, refused: Refused) -> None:
    error = refused("convert", tmp_path / "nowhere.tgz", line=from_images)
    assert error == f"error: {tmp_path}/nowhere.tgz: no such folder or archive"
    assert refused("convert", tmp_path) == f"error: {tmp_path}/resources/{NAMES[0]}: no such file or folder"
