"""Arrays in files: those of bytes may stay there."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digits.core.arrays import label_type, read_arrays
from safetensors.numpy import save_file

ARRAYS: dict[str, np.ndarray] = {
    "a": np.arange(5, dtype=np.uint16),
    "b": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "c": np.ones(3, np.float32),
    "d": np.arange(250, 256, dtype=np.uint8),
    "empty": np.empty((0, 4), np.uint8),
}


def owner(array: Any) -> Any:
    """Return what holds an array's values."""
    while (base := getattr(array, "base", None)) is not None:
        array = base
    return getattr(array, "obj", array)


def test_mapped_arrays_have_the_same_values_and_those_of_bytes_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    save_file(ARRAYS, path, {"dtype": "none"})
    bytes_before = path.read_bytes()
    for mapped in (False, True):
        found, texts = read_arrays(path, mapped)
        assert texts == {"dtype": "none"} and set(found) == set(ARRAYS)
        for name, array in found.items():
            assert type(array) is np.ndarray and array.dtype == ARRAYS[name].dtype
            np.testing.assert_array_equal(array, ARRAYS[name])
            assert isinstance(owner(array), mmap.mmap) is (mapped and array.dtype == np.uint8), name
        found["b"][:] = 0
    assert path.read_bytes() == bytes_before


@pytest.mark.parametrize(("classes", "dtype"), [(1, "uint8"), (256, "uint8"), (257, "uint16"), (1000, "uint16")])
def test_labels_fit_their_type(classes: int, dtype: str) -> None:
    assert label_type(classes) == dtype
    assert np.iinfo(label_type(classes)).max >= classes - 1
