"""Where image files lie in their tree: what the reader takes, and so what the fingerprint of the data is of."""

import hashlib
from pathlib import Path, PurePosixPath

from digits.core.files import sha256

SPLITS = {"training": "train", "train": "train", "testing": "test", "test": "test"}


def hidden(name: str) -> bool:
    """Whether a file is the litter of a file manager rather than data."""
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db") for part in PurePosixPath(name).parts)


def place(name: str) -> tuple[str, str] | None:
    """Split and class of `[top/]training/<class>[/<file>]`; None for anything else, which is passed over.

    A class folder is told from a file by its trailing slash.
    """
    parts = PurePosixPath(name).parts
    if hidden(name):
        return None
    for depth in (0, 1):
        if len(parts) == depth + (2 if name.endswith("/") else 3) and parts[depth] in SPLITS:
            return SPLITS[parts[depth]], parts[depth + 1]
    return None


def data_fingerprint(path: Path) -> str:
    """Return the fingerprint of a file, or of a folder's image files and class folders with their names, by content."""
    if not path.is_dir():
        return sha256(path)[:16]
    digest = hashlib.sha256()
    for entry in sorted(path.rglob("*")):
        name = entry.relative_to(path).as_posix() + ("/" if entry.is_dir() else "")
        if place(name):
            digest.update(f"{name} {sha256(entry) if entry.is_file() else ''}\n".encode())
    return digest.hexdigest()[:16]
