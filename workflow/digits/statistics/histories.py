"""The histories of runs: what was measured at each epoch of a training, on training and validation images."""

from pathlib import Path

import pandas as pd

from digits.core.files import written_by
from digits.core.tables import read_table

COLUMNS = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
RECALL = "recall_"  # before a class's name
LEARNED = 0.5  # of a class's images: the recall from which on it counts as learned


def read_history(path: Path, every_column: bool = False) -> pd.DataFrame:
    """Read a run's history, all as float64; validation columns are NaN where nothing was held out."""
    with written_by("digits.train", path):
        table = read_table(path, "digits.train", None if every_column else COLUMNS)
        return table[[*COLUMNS, *(name for name in table if name not in COLUMNS)]].astype(float)


def recalls(history: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of each class by its name, one row per row of a history; NaN where an epoch had none of its images."""
    found = {str(name).removeprefix(RECALL): history[name] for name in history if str(name).startswith(RECALL)}
    return pd.DataFrame(found)


def classes_learned(history: pd.DataFrame) -> pd.DataFrame:
    """Return for each class, one row per row of a history, whether at least half of its images are classified correctly."""
    return recalls(history) >= LEARNED
