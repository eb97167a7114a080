"""Arrays in safetensors files, a format that cannot run code when read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


def read_arrays(path: Path, mapped: bool = False) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the header's texts of a safetensors file; ValueError where it is none.

    Where `mapped`, arrays of bytes stay in the file: what is used of them is read when it is used, into memory that all
    processes share and that can be freed at any time.
    """
    path.open("rb").close()  # a missing or unreadable file is then an OSError that names it, like any other
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if odd := [name for name in names if not name.isprintable()]:
                raise ValueError(f"an array named {odd[0]}")
            places = _byte_arrays(path) if mapped else {}
            arrays = {
                name: _map_bytes(path, *places[name]) if name in places else file.get_tensor(name) for name in names
            }
            return arrays, file.metadata() or {}
    except (SafetensorError, AttributeError) as error:  # the latter for a dtype that NumPy does not have
        raise ValueError(str(error)) from error


def _byte_arrays(path: Path) -> dict[str, tuple[int, Sequence[int]]]:
    """Return where the values of each uint8 array begin, and its shape: https://github.com/huggingface/safetensors#format."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    return {n: (8 + size + it["data_offsets"][0], it["shape"]) for n, it in header.items() if it.get("dtype") == "U8"}


def _map_bytes(path: Path, begin: int, shape: Sequence[int]) -> np.ndarray:
    # "c": what is written to it, nothing here, would not reach the file; torch wants arrays that can be written to.
    return np.asarray(np.memmap(path, np.uint8, "c", begin, tuple(shape)))


def label_type(classes: int) -> str:
    """Return the dtype of labels: a byte, where so many classes fit one."""
    return "uint8" if classes <= 256 else "uint16"


def check_arrays(arrays: Mapping[str, np.ndarray], declared: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Hold arrays against the dtype of each and its axes; axes of one name are of one size."""
    if unknown := sorted(arrays.keys() - declared.keys()):
        raise ValueError(f"{unknown[0][:40]}: unknown")
    sizes: dict[str, int] = {}
    for name, (dtype, axes) in declared.items():
        array = arrays[name]
        expected = [str(sizes.get(axis, axis)) for axis in axes]
        fits = array.dtype == dtype and array.ndim == len(axes)
        if not fits or any(sizes.setdefault(axis, size) != size for axis, size in zip(axes, array.shape, strict=True)):
            found = ", ".join(map(str, array.shape))
            raise ValueError(f"{name}: {array.dtype} [{found}] is not {dtype} [{', '.join(expected)}]")


def require_labels(labels: np.ndarray, classes: int) -> None:
    """Stop with a ValueError where a label is none of so many classes."""
    if len(labels) and labels.max() >= classes:
        raise ValueError(f"label {labels.max()} of {classes} classes")
