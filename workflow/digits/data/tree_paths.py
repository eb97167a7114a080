"""Where image files lie in their tree: what the reader takes, and so what the fingerprint of the data is of."""

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from digits.core.files import sha256

SPLITS = {"training": "train", "train": "train", "testing": "test", "test": "test"}


def hidden(name: str) -> bool:
    """Whether a file is the litter of a file manager rather than data."""
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db") for part in _parts(name))


def place(name: str) -> tuple[str, str] | None:
    """Split and class of `[top/]training/<class>[/<file>]`; None for anything else, which is passed over.

    A class folder is told from a file by its trailing slash.
    """
    folder, _, file = name.rpartition("/")
    return None if hidden(file) else _class_of(folder)


@lru_cache
def _class_of(folder: str) -> tuple[str, str] | None:
    parts = _parts(folder)
    for depth in (0, 1):
        if len(parts) == depth + 2 and parts[depth] in SPLITS and not hidden(folder):
            return SPLITS[parts[depth]], parts[depth + 1]
    return None


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def data_fingerprint(path: Path) -> str:
    """Return the fingerprint of a file, or of a folder's image files and class folders with their names, by content."""
    if not path.is_dir():
        return sha256(path)[:16]
    digest = hashlib.sha256()
    for name in names_below(path):
        if place(name):
            digest.update(f"{name} {sha256(path / name) if not name.endswith('/') else ''}\n".encode())
    return digest.hexdigest()[:16]


def names_below(root: Path) -> Iterator[str]:
    """Give the names of all files and folders (these with a slash at the end) below a folder, sorted within each."""
    todo = [""]
    while todo:
        folder = todo.pop()
        with os.scandir(root / folder) as entries:
            found = sorted((entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries)
        for name, is_folder, _ in found:
            yield f"{folder}{name}/" if is_folder else f"{folder}{name}"
        todo += [f"{folder}{name}/" for name, is_folder, is_link in reversed(found) if is_folder and not is_link]
