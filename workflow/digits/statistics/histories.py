"""The histories of runs: what was measured at each epoch of a training, on training and validation images."""

from pathlib import Path

import pandas as pd

from digits.core.tables import read_table
from digits.statistics.kinds import HISTORY

COLUMNS = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
RECALL = "recall_"  # before a class's name
LEARNED = 0.5  # of a class's images: the recall from which on it counts as learned


def read_history(path: Path) -> pd.DataFrame:
    """Read a run's history, all as float64, COLUMNS first; validation columns are NaN where nothing was held out."""
    table = read_table(path, HISTORY)
    return table[[*COLUMNS, *(name for name in table if name not in COLUMNS)]].astype(float)


def recalls(history: pd.DataFrame) -> pd.DataFrame:
    """Return the recall of each class by its name, one row per row of a history; NaN where an epoch had none of its images."""
    found = {str(name).removeprefix(RECALL): history[name] for name in history if str(name).startswith(RECALL)}
    return pd.DataFrame(found)


def classes_learned(history: pd.DataFrame) -> pd.DataFrame:
    """Return for each class, one row per row of a history, whether at least half of its images are classified correctly."""
    return recalls(history) >= LEARNED
