"""Arrays in safetensors files, a format that cannot run code when read."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the arrays and the header's texts of a safetensors file; ValueError where it is none."""
    path.open("rb").close()  # a missing or unreadable file is then an OSError that names it, like any other
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
