"""The IDX reader: every array comes back as it was written; whatever is no such file is refused with one line."""

from pathlib import Path

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data.idx import read_idx, read_idx_pair
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6)))
def test_reads_back_what_was_written(path: Path, array: np.ndarray) -> None:
    path.write_bytes(idx_bytes(array))
    read = read_idx(path, array.ndim)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=6)), change=st.integers(-200, 200).filter(bool))
def test_refuses_any_other_length(path: Path, array: np.ndarray, change: int) -> None:
    whole = idx_bytes(array)
    path.write_bytes(whole[:change] if change < 0 else whole + bytes(change))
    with pytest.raises(UserError, match=f"^{path}.*$"):
        read_idx(path, array.ndim)


@given(content=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_with_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        assert idx_bytes(read_idx(path, 1)) == content
    except UserError as error:
        assert str(path) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file of unsigned bytes \\(it starts with nothing"),
        (b"<html>", "it starts with 3c 68 74 6d, expected 00 00 08 03"),
        (bytes([0, 0, 0x0D, 3]), "not an IDX file of unsigned bytes"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 0]), "1 dimensions, expected 3; are images and labels swapped"),
        (bytes([0, 0, 8, 3, 0, 0]), "the header is cut off after 6 of 16 bytes"),
        (bytes([0, 0, 8, 3]) + bytes([0xFF] * 12), "its header .* asks for 79,228"),
        (b"\x1f\x8b\x08\x00", "still compressed"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_idx(tmp_path / "images", 3)


def test_images_and_labels_must_agree(tmp_path: Path) -> None:
    for images, labels, message in (
        ((3, 2, 2), 4, r"images holds 3 images, but .*labels 4 labels"),
        ((0, 28, 28), 0, "holds no pixels"),
    ):
        (tmp_path / "images").write_bytes(idx_bytes(np.zeros(images, np.uint8)))
        (tmp_path / "labels").write_bytes(idx_bytes(np.zeros(labels, np.uint8)))
        with pytest.raises(UserError, match=message):
            read_idx_pair(tmp_path / "images", tmp_path / "labels")
