"""The tables between commands: CSV files with one row per run, model or image."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from digits.core.files import written_by

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
