"""Where a user's images lie: which files of a tree are taken, and of which class and part each is.

By folders, `<class>/<file>`, of which all may lie in one folder (`photos/…`), and which may be in parts (`train/<class>/…`,
or `<class>/train/…`). Or by a table of file and label, wherever the files lie (`label_table.py`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from digits.core.command import UserError, listed
from digits.core.files import sha256
from digits.data.grouping import groups_of
from digits.data.label_table import Row, labelled, parse_table
from digits.data.tree_paths import DEEPEST, PARTS, files_below, hidden

# What lies beside images in their folders, as annotations and notes do, and is none.
BESIDE = {
    ".csv",
    ".html",
    ".json",
    ".jsonl",
    ".log",
    ".mat",
    ".md",
    ".npy",
    ".pdf",
    ".tsv",
    ".txt",
    ".xml",
    ".yaml",
    ".yml",
}


class Item(NamedTuple):
    """An image file."""

    name: str  # in its tree
    class_name: str
    part: str | None  # one of PARTS' values
    group: str | None = None  # what is to stay together


class Layout(NamedTuple):
    """What a tree holds."""

    items: list[Item]
    empty: list[str]  # class folders without images
    passed_over: list[str]  # files that are neither images of a class nor litter
    notes: list[str]  # on how it was understood, for the user


def read_layout(source: Path, labels: str | None = None, group: str | None = None) -> Layout:
    """Return what a folder or an archive holds; UserError where there is none, or its table does not fit it."""
    names, tables = _names(source, labels)
    columns: list[str] = []
    if labels is None:
        layout = by_folders(names)
        deep = [name for name in names if name.endswith("/") and name.count("/") == DEEPEST and source.is_dir()]
        if deep:
            layout.notes.append(f"not looked into {listed(deep)}: images lie at most {DEEPEST - 1} folders deep")
    else:
        where, content = _table(source, labels, tables)
        table = parse_table(where, content, group)
        columns = table.columns
        rows = labelled(where, table, _pictures(names))
        layout = _by_table([name for name in names if name not in tables], rows, table.notes)
    if group is None or group in columns:
        return layout
    groups = groups_of([item.name for item in layout.items], group, columns)
    items = [item._replace(group=own) for item, own in zip(layout.items, groups, strict=True)]
    return layout._replace(items=items)


def by_folders(names: Iterable[str]) -> Layout:
    """Return what lies in class folders; names of folders end in a slash."""
    names = list(names)
    ways = {name: name.split("/")[:-1] for name in names}
    notes = []
    taken = [name for name in _pictures(names) if ways[name]]
    top = _common([ways[name] for name in taken])
    split = {name: _split(way[len(top) :]) for name, way in ways.items() if way[: len(top)] == top}
    inside = [name for name in taken if split[name][0]]
    outside = [name for name in taken if _part_of(name) is None]
    if inside and outside:
        notes += [f"{inside[0]} is in a part, so images in no part are passed over: {listed(outside)}"]
    taken = inside or taken
    in_parts = bool(taken and split[taken[0]][0])
    second = _common([split[name][1] for name in taken])  # the folder above the parts, where others lie beside it
    items = [Item(name, split[name][1][len(second)], split[name][0]) for name in taken]
    found = {(item.part, item.class_name) for item in items}
    folders = {
        (part, way[-1])
        for name, (part, way) in split.items()
        if name.endswith("/") and bool(part) == in_parts and way[:-1] == second
    }
    known = set(taken)
    empty = sorted({name for part, name in folders - found})
    return Layout(items, empty, [name for name in names if not name.endswith("/") and name not in known], notes)


def _by_table(names: Sequence[str], rows: Sequence[Row], notes: list[str]) -> Layout:
    """Return the files that have labels; their parts are the table's or, where it has none, those that they lie in."""
    items = [Item(row.name, row.label, row.part or _part_of(row.name), row.group) for row in rows]
    inside, outside = (next((item for item in items if (item.part is None) is none), None) for none in (False, True))
    if inside and outside:
        raise UserError(
            f"{outside.name}: in no part, but {inside.name} is in {inside.part}; move it into one, or leave it out of the table"
        )
    taken = {item.name for item in items}
    return Layout(items, [], [name for name in names if not name.endswith("/") and name not in taken], notes)


def _part_of(name: str) -> str | None:
    """Return the part that a file lies in by the names of its folders, if any."""
    return next((PARTS[word.casefold()] for word in name.split("/")[:-1] if word.casefold() in PARTS), None)


def fingerprint(source: Path, labels: str | None = None, group: str | None = None) -> str:
    """Return the fingerprint of what is read: a folder's names and its images' contents, or an archive; and the table.

    Names of files that are passed over count, since the datasheet has them; those of litter do not.
    """
    outside = source.parent / labels if labels else source
    table = f"{sha256(outside)}\n" if labels and outside.is_file() else ""
    if not source.is_dir():
        content = sha256(source)
        return hashlib.sha256(f"{table}{content}".encode()).hexdigest()[:16] if table else content[:16]
    taken = {item.name for item in read_layout(source, labels, group).items}
    lines = [
        f"{name} {sha256(Path(path)) if name in taken or _is_table(name, labels) else ''}\n"
        for name, path in files_below(source)
    ]
    return hashlib.sha256(f"{table}{''.join(lines)}".encode()).hexdigest()[:16]


def _names(source: Path, labels: str | None) -> tuple[list[str], dict[str, bytes]]:
    """Return the names of all files and folders, and the contents of those that may be the table."""

    def is_table(name: str) -> bool:
        return _is_table(name, labels)

    if source.is_dir():
        paths = dict(files_below(source))
        return list(paths), {name: Path(path).read_bytes() for name, path in paths.items() if is_table(name)}
    if not source.exists():
        raise UserError(f"{source}: no such folder or archive")
    from digits.data.archives import archive_files  # only here: Snakemake, which plans, needs no Pillow

    contents = {name: content for name, content in archive_files(source, is_table) if not hidden(name)}
    return list(contents), {name: content or b"" for name, content in contents.items() if is_table(name)}


def _is_table(name: str, labels: str | None) -> bool:
    return labels is not None and f"/{name}".endswith(f"/{labels}")


def _pictures(names: Iterable[str]) -> list[str]:
    """Return the names of files that may be images."""
    return [name for name in names if not name.endswith("/") and PurePosixPath(name).suffix.lower() not in BESIDE]


def _table(source: Path, labels: str, inside: dict[str, bytes]) -> tuple[str, bytes]:
    """Return name and content of the table, which is in the tree or beside it."""
    beside = source.parent / labels
    if len(inside) > 1:
        raise UserError(
            f"{source}: {' and '.join(sorted(inside)[:2])} are both called {labels}; say which, with its folder"
        )
    for name, content in inside.items():
        return f"{source}/{name}", content
    if not beside.is_file():
        raise UserError(f"dataset.labels: {labels}: neither in {source} nor beside it")
    return str(beside), beside.read_bytes()


def _common(ways: Sequence[Sequence[str]]) -> list[str]:
    """Return the folders that all ways begin with, and go on from, up to a part."""
    top: list[str] = []
    while ways and len(ways[0]) > len(top) + 1:
        name = ways[0][len(top)]
        if name.casefold() in PARTS or any(len(way) <= len(top) + 1 or way[len(top)] != name for way in ways):
            break
        top.append(name)
    return top


def _split(way: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the part that a way names, if any, and the rest of it: a folder alone is a class, whatever its name."""
    for number, name in enumerate(way if len(way) > 1 else ()):
        if name.casefold() in PARTS:
            return PARTS[name.casefold()], [*way[:number], *way[number + 1 :]]
    return None, list(way)
