"""The tables between commands: CSV files with one row per run, model or image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from digits.core.files import whole_files, written_by

TEXTS = ("model", "adds", "against")  # columns of text, even if one looks like a number


def read_table(path: Path, command: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read columns of a table, or all; UserError, naming the command that writes it, where one is lacking or there is no row.

    An empty field is NaN, and nothing else is: a model may be called NA.
    """
    with written_by(command, path):
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(TEXTS, str))
        if table.empty:
            raise ValueError("no rows")
        return table if columns is None else pd.DataFrame({column: table[column] for column in columns})


def write_tables(tables: Mapping[Path, pd.DataFrame], made_from: Mapping[Path, str], digits: int | None = None) -> None:
    """Write tables with their seals, all of them or none; `digits` rounds their numbers to so many significant ones."""
    with whole_files(*tables, made_from=made_from) as parts:
        for table, part in zip(tables.values(), parts, strict=True):
            to_csv(table, part, digits)


def to_csv(table: pd.DataFrame, part: Path, digits: int | None = None) -> None:
    """Write a table as read_table reads it."""
    table.to_csv(part, index=False, lineterminator="\n", float_format=None if digits is None else f"%.{digits}g")
