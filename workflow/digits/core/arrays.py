"""Arrays in safetensors files, a format that cannot run code when read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


def read_arrays(path: Path, *wanted: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays, or the wanted ones alone, and the header's texts of a safetensors file; ValueError where it is none."""
    path.open("rb").close()  # a missing or unreadable file is then an OSError that names it, like any other
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if odd := [name for name in names if not name.isprintable()]:
                raise ValueError(f"an array named {odd[0]}")
            return {name: file.get_tensor(name) for name in wanted or names}, file.metadata() or {}
    except (SafetensorError, AttributeError) as error:  # the latter for a dtype that NumPy does not have
        raise ValueError(str(error)) from error


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
