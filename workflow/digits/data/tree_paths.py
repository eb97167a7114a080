"""Where image files lie in their tree: what the reader takes, and so what the fingerprint of the data is of."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from digits.core.command import UserError
from digits.core.files import sha256

SPLITS = {"training": "train", "train": "train", "testing": "test", "test": "test"}
DEEPEST = 4  # [top/]training/class/file
# What file managers, network drives and file systems leave behind, in lower case; names with a dot in front are no data either.
LITTER = {
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "icon\r",
    "@eadir",
    "#recycle",
} | {
    *("@recycle", "$recycle.bin", "recycler", "lost+found", "system volume information", "network trash folder"),
    "temporary items",
}


def hidden(name: str) -> bool:
    """Whether a file is the litter of a file manager rather than data."""
    return any(part.startswith((".", "~$")) or part.casefold() in LITTER for part in _parts(name))


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


def clean_name(name: str, where: str) -> str:
    """Return a name in Unicode's composed form, so that é is one class however it is written; `where` is for messages.

    UserError where it is not UTF-8 or has control characters.
    """
    if name.isascii() and name.isprintable():
        return name
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
        what = "is not UTF-8" if any("\udc80" <= letter <= "\udcff" for letter in name) else "has control characters"
        raise UserError(f"{where}the name {name!a} {what}; rename it")
    return unicodedata.normalize("NFC", name)


def data_fingerprint(path: Path) -> str:
    """Return the fingerprint of a file, or of a folder's image files and class folders with their names, by content."""
    if not path.is_dir():
        return sha256(path)[:16]
    digest = hashlib.sha256()
    for name, file in files_below(path):
        if place(name):
            digest.update(f"{name} {'' if name.endswith('/') else sha256(Path(file))}\n".encode())
    return digest.hexdigest()[:16]


def files_below(root: Path) -> Iterator[tuple[str, str]]:
    """Give name and path of all files and folders (names of these end in a slash) below a folder, sorted within each.

    Links are followed. UserError at a link that leads back or nowhere, at what is neither file nor folder, at a name that
    counts twice. Litter is left out, and what lies too deep for an image.
    """
    todo: list[tuple[str, str, tuple[tuple[int, int], ...]]] = [("", str(root), ())]
    while todo:
        above, folder, passed = todo.pop()
        status = os.stat(folder)  # noqa: PTH116 (as os.scandir)
        here = (status.st_dev, status.st_ino)
        if here in passed:
            raise UserError(f"{folder}: a link back to a folder that it lies in; remove it")
        with os.scandir(folder) as entries:
            found = sorted(
                (clean_name(entry.name, f"{folder}: "), entry.path, entry.is_dir(), entry.is_file())
                for entry in entries
                if not hidden(entry.name)
            )
        names = [name for name, *_ in found]
        folders = []
        for number, (last, path, is_folder, is_file) in enumerate(found):
            name = f"{above}{last}/" if is_folder else f"{above}{last}"
            if number and last == names[number - 1]:
                raise UserError(f"{path}: there are two spellings of this one name; rename one of them")
            if not is_folder and not is_file:
                what = "a link to nothing" if os.path.islink(path) else "neither a file nor a folder"  # noqa: PTH114
                raise UserError(f"{path}: {what}; remove it")
            yield name, path
            if is_folder and name.count("/") < DEEPEST:
                folders.append((name, path, (*passed, here)))
        todo += reversed(folders)
