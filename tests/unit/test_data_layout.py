"""Where a user's images lie: folders and tables as people have them, and one line where they cannot be understood."""

import signal
from pathlib import Path

import pytest
from digits.core.command import UserError
from digits.data.grouping import groups_of
from digits.data.layout import Item, by_folders, fingerprint, read_layout
from pictures import as_zip, png

TWO = {"a": ("1.png", "2.png"), "b": ("3.png", "4.png")}
CLASSES = [f"{label}/{name}" for label, names in TWO.items() for name in names]


def written(root: Path, names: list[str], **tables: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png())
    for name, text in tables.items():
        (root / f"{name}.csv").write_text(text, encoding="utf-8")
    return root


def found(names: list[str]) -> set[tuple[str | None, str]]:
    return {(item.part, item.class_name) for item in by_folders(names).items}


WHOLE, BOTH, HELD_OUT = (
    {(part, label) for part in parts for label in "ab"}
    for parts in ([None], ["train", "test"], ["train", "validation"])
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (CLASSES, WHOLE),
        ([f"photos/of mine/{name}" for name in CLASSES], WHOLE),
        ([f"{label}/day {n}/deep/{n}.png" for label in "ab" for n in (1, 2)], WHOLE),
        ([f"{part}/{name}" for part in ("Train", "TESTING") for name in CLASSES], BOTH),
        ([f"top/{part}/{name}" for part in ("training", "test") for name in CLASSES], BOTH),
        ([f"{label}/{part}/1.png" for part in ("train", "test") for label in "ab"], BOTH),
        ([f"{part}/{name}" for part in ("train", "Valid") for name in CLASSES], HELD_OUT),
        (["bus/1.png", "train/1.png"], {(None, "bus"), (None, "train")}),
        (["mine/bus/1.png", "mine/train/1.png"], {(None, "bus"), (None, "train")}),
        (["train/bus/1.png", "train/train/1.png"], {("train", "bus"), ("train", "train")}),
        ([*(f"train/{name}" for name in CLASSES), "test/17.png"], {("train", "a"), ("train", "b")}),
    ],
    ids=["classes", "below others", "with subfolders", "parts", "below a top", "parts in classes", "validation", "a class train",
         "a class train below a top", "a class train in a part", "a test part without labels"],
)  # fmt: skip
def test_folders_say_class_and_part(names: list[str], expected: set[tuple[str | None, str]]) -> None:
    assert found(names) == expected


def test_what_lies_beside_images_is_passed_over() -> None:
    beside = ["README", "a/1.TXT", "b/labels.json"]
    layout = by_folders([*CLASSES, *beside, "a/"])
    assert layout == ([Item(name, name[0], None) for name in CLASSES], [], beside, [])
    parts = [f"train/{name}" for name in CLASSES]
    layout = by_folders([*parts, "more/a/1.png"])
    assert layout.passed_over == ["more/a/1.png"]
    said = "train/a/1.png is in a part, so images in no part are passed over: more/a/1.png"
    assert layout.notes == [said]


def test_class_folders_without_images_are_named() -> None:
    assert by_folders([*CLASSES, "c/"]).empty == ["c"]
    assert by_folders([*(f"top/train/{name}" for name in CLASSES), "top/train/c/", "top/", "docs/"]).empty == ["c"]


HEADED = "file,label\n1.png,cat\n2,dog\nb/3,cat\n4.PNG,dog\n"


@pytest.mark.parametrize(
    "table",
    [
        "file,label\n1.png,cat\n2,dog\nb/3,cat\nb/4.png,dog\n",
        "breed;weight;Image\ncat;3;1.png\ndog;9;2.png\ncat;3;b/3.png\n\ndog;9;4\n",
        "\ufeffwhat\twhich\r\n./a/1.png\tcat\r\na\\2.png\tdog\r\n3\tcat\r\n4\tdog\r\n4\tdog\r\n",
    ],
    ids=["plain", "named columns", "first two columns"],
)
@pytest.mark.parametrize("beside", [False, True])
def test_a_table_says_the_labels(tmp_path: Path, table: str, beside: bool) -> None:
    root = written(tmp_path / "images", [*CLASSES, "b/5.png"])
    ((tmp_path if beside else root) / "labels.csv").write_bytes(table.encode())
    layout = read_layout(root, "labels.csv")
    assert {item.name: item.class_name for item in layout.items} == dict(zip(CLASSES, ("cat", "dog") * 2, strict=True))
    assert layout.passed_over == ["b/5.png"]


def test_a_table_leaves_parts_to_folders(tmp_path: Path) -> None:
    root = written(tmp_path, ["train/1.png", "test/2.png", "3.png"], labels="file,label\ntrain/1,a\ntest/2,b\n")
    assert {item.part for item in read_layout(root, "labels.csv").items} == {"train", "test"}
    written(root, [], labels="file,label\ntrain/1,a\n3,b\n")
    with pytest.raises(
        UserError, match=r"^3\.png: in no part, but train/1\.png is in train; move it into one, or leave"
    ):
        read_layout(root, "labels.csv")


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("file,label,Split\n1,a,train\n2,b,VALID\n3,a,Testing\n4,b,test\n", ["train", "validation", "test", "test"]),
        ("set,which,kind\ntrain,1,a\ntest,2,b\ntrain,3,a\ntrain,4,b\n", ["train", "test", "train", "train"]),
        ("file,label,split\n1,a,train\n2,b,test\n3,a,\n4,b,unused\n", [None] * 4),
        ("file,set\n1,train\n2,test\n3,train\n4,test\n", [None] * 4),
    ],
    ids=["any names", "first two others", "not each row", "the label"],
)
def test_a_column_of_a_table_says_the_parts(tmp_path: Path, table: str, parts: list[str | None]) -> None:
    root = written(tmp_path, CLASSES, labels=table)
    items = read_layout(root, "labels.csv").items
    assert [(item.name, item.part) for item in items] == list(zip(CLASSES, parts, strict=True))


@pytest.mark.parametrize(
    ("header", "notes"),
    [
        ("Image,breed", []),
        ("photo,breed", ["files from 'photo', labels from 'breed'"]),
        ("path,kind", ["files from 'path', labels from 'kind'"]),
        ("sep=,\nImage,breed", []),
    ],
)
def test_columns_of_other_names_are_told(tmp_path: Path, header: str, notes: list[str]) -> None:
    root = written(tmp_path, CLASSES, labels=f"{header}\n1,cat\n2,dog\n")
    assert read_layout(root, "labels.csv").notes == [f"{root}/labels.csv: {note}" for note in notes]


def test_what_lies_too_deep_is_told(tmp_path: Path) -> None:
    layout = read_layout(written(tmp_path, [*CLASSES, "a/2/3/4/5/5.png", "a/2/3/4/5/6/6.png"]))
    assert [item.name for item in layout.items] == [*CLASSES[:2], "a/2/3/4/5/5.png", *CLASSES[2:]]
    assert layout.notes == ["not looked into a/2/3/4/5/6/: images lie at most 5 folders deep"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,label\n1,cat\nx.png,dog\n", r"labels\.csv, row 3: 'x\.png' is no image here"),
        ("file,label\n1,cat\n1.png,dog\n", r"row 3: '1\.png' is in an earlier row with another label, group or part; keep one"),
        ("file,label\n1,\n", r"row 2: nothing in the column 'label'"),
        ("file,label\n9,cat\n", r"row 2: '9' may be a/9\.png or b/9\.png; add the folder"),
        ("1.png,cat\n2.png,dog\n", r"labels\.csv: its first row names a/1\.png; put a header above it, such as file,label"),
        ("file,label\n", r"labels\.csv: no rows below its header"),
        ("file\n1\n", r"expected a header and two columns, such as file,label"),
        ("file,label\n1,ca\tt\n", r"row 2: the name 'ca\\tt' has control characters"),
        ('file,label\n"1,cat\n', r"not a CSV \("),
        ("file,label\n1,cat\n2,oak,red\n", r"row 3: more fields than the 2 that the header names; put what holds a comma in quotes"),
        ("file,label,split\n1,cat,train\n2,dog,tset\n3,cat,test\n", r"row 3: 'tset' in the column 'split' is no part; write train, "),
        ("", r"expected a header"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_named_by_row(tmp_path: Path, table: str, message: str) -> None:
    written(tmp_path, [*CLASSES, "a/9.png", "b/9.png"], labels=table)
    with pytest.raises(UserError, match=message):
        read_layout(tmp_path, "labels.csv")


def test_a_table_that_is_not_there_or_there_twice(tmp_path: Path) -> None:
    root = written(tmp_path / "images", CLASSES)
    with pytest.raises(UserError, match=r"dataset\.labels: labels\.csv: neither in .*images nor beside it"):
        read_layout(root, "labels.csv")
    for folder in "ab":
        (root / folder / "labels.csv").write_text(HEADED)
    with pytest.raises(UserError, match=r"a/labels\.csv and b/labels\.csv are both called labels\.csv"):
        read_layout(root, "labels.csv")
    (root / "b" / "labels.csv").write_bytes(b"file,label\n1,\xff\n")
    with pytest.raises(UserError, match=r"labels\.csv: not a text in UTF-8"):
        read_layout(root, "b/labels.csv")


def test_groups_by_column_and_by_pattern(tmp_path: Path) -> None:
    root = written(tmp_path, CLASSES, labels="file,label,writer\n1,cat,Ann\n2,dog,Bob\n3,cat,Ann\n4,dog,Cy\n")
    assert [item.group for item in read_layout(root, "labels.csv", "writer").items] == ["Ann", "Bob", "Ann", "Cy"]
    assert [item.group for item in read_layout(root, "labels.csv", r"(\d)\.png").items] == list("1234")
    assert [item.group for item in read_layout(root, None, "^(.)/").items] == list("aabb")
    for labels, group, message in (
        (
            "labels.csv",
            "writr",
            r"'writr' is neither a column \(file, label, writer\) nor a regular expression with one",
        ),
        (None, "(a", r"'\(a' is not a regular expression with one group"),
        (None, r"([12])\.", r"finds nothing in b/3\.png; every image needs a group"),
    ):
        with pytest.raises(UserError, match=message):
            read_layout(root, labels, group)


def test_a_pattern_that_would_search_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digits.data.grouping.MOST_SECONDS", 0.2)
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(
        UserError, match=r"dataset\.group: '\(\?:a\+\)\+\(b\)' takes more than 0\.2 s to search the files' names"
    ):
        groups_of(["a" * 60], "(?:a+)+(b)", [])
    assert signal.getsignal(signal.SIGALRM) == before and signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("packed", [False, True])
def test_the_fingerprint_is_of_the_table_too(tmp_path: Path, packed: bool) -> None:
    root = written(tmp_path / "images", CLASSES)
    source = as_zip(tmp_path / "images.zip", {name: png() for name in CLASSES}) if packed else root
    prints = [fingerprint(source)]
    for folder in [tmp_path] if packed else [root, tmp_path]:
        for label in ("cat", "dog"):
            (folder / "labels.csv").write_text(f"file,label\n1,{label}\n")
            prints.append(fingerprint(source, "labels.csv"))
        (folder / "labels.csv").unlink()
    assert len(set(prints)) == len(prints)
