"""The fingerprint of a user's images: by names and contents, of what the reader takes."""

import os
import tracemalloc
from pathlib import Path

import pytest
from digits.data.tree_paths import data_fingerprint


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("training/a/1.png", "testing/a/1.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True)
        (tmp_path / "images" / name).write_text("1")
    return tmp_path / "images"


def test_data_fingerprint_is_of_names_and_contents(images: Path, tmp_path: Path) -> None:
    first = data_fingerprint(images)
    os.utime(images / "training" / "a" / "1.png", (1, 1))
    assert data_fingerprint(images.rename(tmp_path / "b")) == first
    folder = tmp_path / "b" / "training" / "a"
    (folder / "1.png").rename(folder / "2.png")
    second = data_fingerprint(tmp_path / "b")
    (folder / "2.png").write_text("2")
    third = data_fingerprint(tmp_path / "b")
    (folder.parent / "empty").mkdir()
    assert len({first, second, third, data_fingerprint(tmp_path / "b")}) == 4


LITTER = [".DS_Store", "training/a/.DS_Store", "training/a/Thumbs.db", "__MACOSX/training/a/1.png", "README.txt"]


@pytest.mark.parametrize("name", LITTER)
def test_what_the_reader_passes_over_does_not_count(images: Path, name: str) -> None:
    before = data_fingerprint(images)
    (images / name).parent.mkdir(parents=True, exist_ok=True)
    (images / name).write_text("litter")
    assert data_fingerprint(images) == before


def test_an_archive_is_not_read_into_memory(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    fingerprints = set()
    for content in (b"a", b"b"):
        archive.write_bytes(bytes(2**25) + content)
        tracemalloc.start()
        fingerprints.add(data_fingerprint(archive))
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()
    assert len(fingerprints) == 2
