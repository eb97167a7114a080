"""A table of file and label, as data sets that lie in one folder bring it: labels.csv, with a header."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from digits.core.command import UserError
from digits.data.tree_paths import PARTS, clean_name

# What columns are called, in lower case; without any of these names the first two are meant.
FILES = (
    *("file", "filename", "file_name", "filepath", "file_path", "path"),
    *("image", "image_name", "image_path", "image_id", "img", "id", "name"),
)
PART_NAMES = ("split", "part", "subset", "set")
LABELS = ("label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed")


class Table(NamedTuple):
    """What a table says."""

    columns: list[str]
    rows: list[tuple[int, str, str, str | None, str | None]]  # line, file, label, group, part
    notes: list[str]  # on how it was understood


class Row(NamedTuple):
    """A file of the tree that has a label."""

    name: str
    label: str
    group: str | None
    part: str | None  # one of PARTS' values


def parse_table(where: str, content: bytes, group: str | None = None) -> Table:
    """Read a table separated by commas, semicolons or tabs; `group` may be one of its columns. UserError names the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not a text in UTF-8; save it as CSV in UTF-8") from error
    first, _, rest = text.partition("\n")
    if first.startswith("sep="):  # Excel's
        text, (first, _, _) = rest, rest.partition("\n")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True))
    except csv.Error as error:
        raise UserError(f"{where}: not a CSV ({error})") from error
    if not lines or len(lines[0]) < 2:
        raise UserError(f"{where}: expected a header and two columns, such as file,label")
    columns = [name.strip() for name in lines[0]]
    width = len(columns)
    if wide := next((number for number, fields in enumerate(lines[1:], 2) if any(fields[width:])), None):
        raise UserError(
            f"{where}, row {wide}: more fields than the {width} that the header names; put what holds a comma in quotes"
        )
    filled = {
        number: [*(text.strip() for text in fields), *[""] * (width - len(fields))]
        for number, fields in enumerate(lines[1:], 2)
        if any(fields)
    }
    if not filled:
        raise UserError(f"{where}: no rows below its header")
    part = _part_column(where, columns, filled)
    file, label = _columns(columns, part)
    grouped = columns.index(group) if group in columns else None
    rows = []
    for number, fields in filled.items():
        empty = [columns[place] for place in (file, label, grouped) if place is not None and not fields[place]]
        if empty:
            raise UserError(f"{where}, row {number}: nothing in the column '{empty[0]}'")
        name = clean_name(fields[label], f"{where}, row {number}: ")
        of_group = None if grouped is None else fields[grouped]
        rows.append((number, fields[file], name, of_group, None if part is None else PARTS[fields[part].casefold()]))
    known = columns[file].lower() in FILES and columns[label].lower() in LABELS
    return Table(
        columns, rows, [] if known else [f"{where}: files from '{columns[file]}', labels from '{columns[label]}'"]
    )


def _part_column(where: str, columns: Sequence[str], rows: Mapping[int, Sequence[str]]) -> int | None:
    """Return where the part stands, if a column beside file and label is called so and most rows have one there.

    UserError names a row that has none, of rows by their numbers.
    """
    for place, name in enumerate(columns if len(columns) > 2 else ()):
        other = [number for number, fields in rows.items() if fields[place].casefold() not in PARTS]
        if name.lower() in PART_NAMES and 2 * len(other) < len(rows):
            if other:
                raise UserError(
                    f"{where}, row {other[0]}: '{rows[other[0]][place]}' in the column '{name}' is no part; write train, "
                    "validation or test, or call the column otherwise"
                )
            return place
    return None


def _columns(columns: Sequence[str], part: int | None) -> tuple[int, int]:
    """Return where file and label stand."""
    lower = [name.lower() for name in columns]
    file, label = (next((lower.index(name) for name in names if name in lower), None) for names in (FILES, LABELS))
    if file is None:
        file = next(place for place in range(len(columns)) if place not in (label, part))
    if label is None:
        label = next(place for place in range(len(columns)) if place not in (file, part))
    return file, label


def labelled(where: str, table: Table, files: Sequence[str]) -> list[Row]:
    """Find the file of each row, with or without its folder and ending; UserError where there is none, or more than one."""
    by_stem: dict[str, list[str]] = {}
    for name in files:
        by_stem.setdefault(_stem(name.rpartition("/")[2]), []).append(name)
    for name in table.columns if table.notes else ():
        if named := _called(name, by_stem):
            raise UserError(f"{where}: its first row names {named[0]}; put a header above it, such as file,label")
    found: dict[str, Row] = {}
    for number, file, label, group, part in table.rows:
        names = _called(clean_name(file, f"{where}, row {number}: "), by_stem)
        if len(names) != 1:
            which = f"may be {names[0]} or {names[1]}; add the folder" if names else "is no image here"
            raise UserError(f"{where}, row {number}: '{file}' {which}")
        row = Row(names[0], label, group, part)
        if found.setdefault(names[0], row) != row:
            raise UserError(
                f"{where}, row {number}: '{file}' is in an earlier row with another label, group or part; keep one"
            )
    return list(found.values())


def _called(text: str, by_stem: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the files that a table's text may mean, by their names without ending: those alone that it names whole, if any."""
    wanted = "/" + text.replace("\\", "/").removeprefix("./").lstrip("/")
    last = wanted.rpartition("/")[2]
    near = [name for stem in dict.fromkeys((_stem(last), last)) for name in by_stem.get(stem, ())]
    exact = [name for name in near if f"/{name}".endswith(wanted)]
    return exact or [name for name in near if _stem(f"/{name}").endswith(wanted)]


def _stem(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.rpartition('.')[0] or last}"
