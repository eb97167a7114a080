"""The tables between commands: CSV files with one row per run, model or image."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digits.core.fields import Field, Kind, Maybe, check, named, read_text, refusal
from digits.core.files import whole_files, written_by

DTYPES = {int: "iu", float: "iuf", bool: "b", str: "O"}  # the kinds of NumPy's that hold such a field's column


def read_table(path: Path, kind: Kind) -> pd.DataFrame:
    """Read a table of this kind; UserError, naming the file, the row and the column, where it is something else.

    An empty field is NaN, and nothing else is: a model may be called NA. Rows count from 1, without the heading.
    """
    with written_by(kind.command, path):
        text = read_text(path)
        heading, rows = _fields(text)
        columns = named(heading, kind.holds)
        if not rows and not kind.may_be_empty:
            raise ValueError("no rows")
        texts = [name for name, spec in columns.items() if _field(spec).kind is str]
        table = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""], dtype=dict.fromkeys(texts, str))
        if len(table) != len(rows):
            raise ValueError(f"{len(rows)} rows, read as {len(table)}")
        for (name, spec), values in zip(columns.items(), zip(*rows, strict=True), strict=False):
            _check_column(name, table[name], values, spec)
        for rule in kind.rules:
            holds = np.broadcast_to(np.asarray(rule.holds(table), dtype=bool), len(table))
            if not holds.all():
                row = int(holds.argmin())
                raise refusal(f"row {row + 1}, {rule.name}", table[rule.name].iloc[row], rule.what)
        return table


def _fields(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the rows of a CSV text; ValueError where a row has other fields than the heading names."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not text.endswith("\n"):
        raise ValueError("its last line is cut off" if text else "it is empty")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"row {number}: {len(row)} fields under {len(rows[0])} names")
    return rows[0], rows[1:]


def _field(spec: Field | Maybe) -> Field:
    field: Field = spec.spec if isinstance(spec, Maybe) else spec
    return field


def _check_column(name: str, column: pd.Series, texts: Sequence[str], spec: Field | Maybe) -> None:
    field = _field(spec)
    numbers, fits = field.kind in (int, float), column.dtype.kind in DTYPES[field.kind]
    if fits and numbers:
        found = column.to_numpy()
        if ((found >= field.low) & (found <= field.high)).all():
            return
    for row, text in enumerate(texts, 1):
        check(_value(text, field.kind), spec, f"row {row}, {name}")
    if not fits and any(texts):
        raise ValueError(f"{name}: not every row is {field.what}")


def _value(text: str, kind: type) -> Any:
    """Return what a field says: a text where it is no number and none of True, False and nothing."""
    if kind is str:
        return text or None
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"": None, "True": True, "False": False}.get(text, text)


def write_tables(tables: Mapping[Path, pd.DataFrame], made_from: Mapping[Path, str], digits: int | None = None) -> None:
    """Write tables with their seals, all of them or none; `digits` rounds their numbers to so many significant ones."""
    with whole_files(*tables, made_from=made_from) as parts:
        for table, part in zip(tables.values(), parts, strict=True):
            to_csv(table, part, digits)


def to_csv(table: pd.DataFrame, part: Path, digits: int | None = None) -> None:
    """Write a table as read_table reads it."""
    table.to_csv(part, index=False, lineterminator="\n", float_format=None if digits is None else f"%.{digits}g")
