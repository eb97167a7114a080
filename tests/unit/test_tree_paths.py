"""The fingerprint of a user's images: by names and contents, of what the reader takes."""

import os
import re
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from digits.core.command import UserError
from digits.data.layout import fingerprint
from digits.data.tree_paths import files_below


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("training/a/1.png", "testing/a/1.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True)
        (tmp_path / "images" / name).write_text("1")
    return tmp_path / "images"


def test_data_fingerprint_is_of_names_and_contents(images: Path, tmp_path: Path) -> None:
    first = fingerprint(images)
    os.utime(images / "training" / "a" / "1.png", (1, 1))
    assert fingerprint(images.rename(tmp_path / "b")) == first
    folder = tmp_path / "b" / "training" / "a"
    (folder / "1.png").rename(folder / "2.png")
    second = fingerprint(tmp_path / "b")
    (folder / "2.png").write_text("2")
    third = fingerprint(tmp_path / "b")
    (folder.parent / "empty").mkdir()
    assert len({first, second, third, fingerprint(tmp_path / "b")}) == 4


LITTER = [".DS_Store", "training/a/.DS_Store", "training/a/Thumbs.db", "__MACOSX/training/a/1.png"]


@pytest.mark.parametrize("name", LITTER)
def test_what_the_reader_passes_over_does_not_count(images: Path, name: str) -> None:
    before = fingerprint(images)
    (images / name).parent.mkdir(parents=True, exist_ok=True)
    (images / name).write_text("litter")
    assert fingerprint(images) == before


def test_what_is_passed_over_counts_by_its_name(images: Path) -> None:
    """The datasheet says so many files were; their contents are not read."""
    fingerprints = [fingerprint(images)]
    for text in ("one", "other"):
        (images / "README.txt").write_text(text)
        fingerprints.append(fingerprint(images))
    assert fingerprints[0] != fingerprints[1] == fingerprints[2]


def test_an_archive_is_not_read_into_memory(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    fingerprints = set()
    for content in (b"a", b"b"):
        archive.write_bytes(bytes(2**25) + content)
        tracemalloc.start()
        fingerprints.add(fingerprint(archive))
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()
    assert len(fingerprints) == 2


MORE_LITTER = [
    "desktop.ini",
    "thumbs.db",
    "ehthumbs.db",
    "@eaDir/x",
    "lost+found/x",
    "$RECYCLE.BIN/x",
    "Icon\r",
    "~$a.png",
]


@pytest.mark.parametrize("name", MORE_LITTER)
def test_litter_of_other_systems_is_passed_over(images: Path, name: str) -> None:
    before = list(files_below(images))
    (images / "training" / name).parent.mkdir(exist_ok=True)
    (images / "training" / name).write_text("litter")
    assert list(files_below(images)) == before


def test_links_are_followed(images: Path) -> None:
    before = fingerprint(images)
    (images / "training" / "a").rename(images.parent / "a")
    (images / "training" / "a").symlink_to(images.parent / "a")
    (images.parent / "linked").symlink_to(images)
    assert fingerprint(images) == fingerprint(images.parent / "linked") == before


def link_back(images: Path) -> None:
    (images / "training" / "b").symlink_to(images)


def link_to_nothing(images: Path) -> None:
    (images / "training" / "a" / "2.png").symlink_to("nowhere")


def named_pipe(images: Path) -> None:
    os.mkfifo(images / "training" / "a" / "2.png")


def two_spellings(images: Path) -> None:
    for form in ("NFC", "NFD"):
        (images / "training" / unicodedata.normalize(form, "é")).mkdir()


def not_utf8(images: Path) -> None:
    (images / "training" / "a" / "caf\udce9.png").write_text("1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (link_back, "training/b: a link back to a folder"),
        (link_to_nothing, "training/a/2.png: a link to nothing"),
        (named_pipe, "training/a/2.png: neither a file nor a folder"),
        (two_spellings, "two spellings of this one name"),
        (not_utf8, "training/a: the name 'caf\\udce9.png' is not UTF-8"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_read_as_it_is_is_named(images: Path, change: Callable[[Path], None], message: str) -> None:
    change(images)
    with pytest.raises(UserError, match=re.escape(message)):
        fingerprint(images)
