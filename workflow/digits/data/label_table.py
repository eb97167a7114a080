"""A table of file and label, as data sets that lie in one folder bring it: labels.csv, with a header."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from digits.core.command import UserError
from digits.data.tree_paths import clean_name

# What columns are called, in lower case; without any of these names the first two are meant.
FILES = (
    *("file", "filename", "file_name", "filepath", "file_path", "path"),
    *("image", "image_name", "image_path", "image_id", "img", "id", "name"),
)
LABELS = ("label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed")


class Table(NamedTuple):
    """What a table says."""

    columns: list[str]
    rows: list[tuple[int, str, str, str | None]]  # line, file, label, group


class Row(NamedTuple):
    """A file of the tree that has a label."""

    name: str
    label: str
    group: str | None


def parse_table(where: str, content: bytes, group: str | None = None) -> Table:
    """Read a table separated by commas, semicolons or tabs; `group` may be one of its columns. UserError names the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not a text in UTF-8; save it as CSV in UTF-8") from error
    first = text.partition("\n")[0]
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True))
    except csv.Error as error:
        raise UserError(f"{where}: not a CSV ({error})") from error
    if not lines or len(lines[0]) < 2:
        raise UserError(f"{where}: expected a header and two columns, such as file,label")
    columns = [name.strip() for name in lines[0]]
    places = _columns(columns)
    wanted = [*places, *([columns.index(group)] if group in columns else [])]
    rows = []
    for number, fields in enumerate(lines[1:], 2):
        if not any(fields):
            continue
        values = [fields[place].strip() if place < len(fields) else "" for place in wanted]
        if "" in values:
            raise UserError(f"{where}, row {number}: nothing in the column '{columns[wanted[values.index('')]]}'")
        rows.append(
            (number, values[0], clean_name(values[1], f"{where}, row {number}: "), values[2] if values[2:] else None)
        )
    return Table(columns, rows)


def _columns(columns: Sequence[str]) -> tuple[int, int]:
    """Return where file and label stand."""
    lower = [name.lower() for name in columns]
    found = [next((lower.index(name) for name in names if name in lower), None) for names in (FILES, LABELS)]
    file, label = found
    if file is None:
        file = next(place for place in range(len(columns)) if place != label)
    if label is None:
        label = next(place for place in range(len(columns)) if place != file)
    return file, label


def labelled(where: str, table: Table, files: Sequence[str]) -> list[Row]:
    """Find the file of each row, with or without its folder and ending; UserError where there is none, or more than one."""
    by_stem: dict[str, list[str]] = {}
    for name in files:
        by_stem.setdefault(_stem(name.rpartition("/")[2]), []).append(name)
    found: dict[str, tuple[str, str | None]] = {}
    for number, file, label, group in table.rows:
        wanted = "/" + clean_name(file, f"{where}, row {number}: ").replace("\\", "/").removeprefix("./").lstrip("/")
        last = wanted.rpartition("/")[2]
        near = [name for stem in dict.fromkeys((_stem(last), last)) for name in by_stem.get(stem, ())]
        exact = [name for name in near if f"/{name}".endswith(wanted)]
        names = exact or [name for name in near if _stem(f"/{name}").endswith(wanted)]
        if len(names) != 1:
            which = f"may be {names[0]} or {names[1]}; add the folder" if names else "is no image here"
            raise UserError(f"{where}, row {number}: '{file}' {which}")
        if found.setdefault(names[0], (label, group)) != (label, group):
            raise UserError(
                f"{where}, row {number}: '{file}' is in an earlier row with another label or group; keep one"
            )
    return [Row(name, label, group) for name, (label, group) in found.items()]


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.rpartition('.')[0] or last}"
