"""Names and paths of files in a tree: which are litter, how a name is spelt, what lies below a folder."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from digits.core.command import UserError

DEEPEST = 6  # names on the way to a file, its own among them
# What parts are called, in lower case, by folders and in tables.
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
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
            raise UserError(f"{folder}: a link back to a folder that contains it; remove it")
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
