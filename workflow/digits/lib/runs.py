"""The folders of all runs, as the two tables over them know them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from digits.lib.command import UserError
from digits.lib.files import written_by
from digits.lib.tensors import read_arrays


class Runs(NamedTuple):
    """All runs, in the tables' order; where one stands for its model, it is that of the first seed."""

    metrics: pd.DataFrame  # a line a run
    folders: dict[tuple[str, int], Path]  # by model and seed
    chosen: str  # the model

    def first(self) -> dict[str, Path]:
        """Return the folder of each model's first seed."""
        found: dict[str, Path] = {}
        for (model, _), folder in self.folders.items():
            found.setdefault(model, folder)
        return found

    def models(self) -> list[str]:
        """Return the models in the tables' order."""
        return list(dict.fromkeys(model for model, _ in self.folders))


def read_runs(metrics: Path, summary: Path, folders: Sequence[Path], columns: Sequence[str] = ()) -> Runs:
    """Read the two tables beside the folders of their runs; UserError where they do not belong together."""
    runs = _read_table(metrics, ["model", "seed", *columns])
    models = _read_table(summary, ["model", "chosen"])
    if len(runs) != len(folders):
        raise UserError(
            f"--runs: {len(folders)} folders, but {metrics} has {len(runs)} runs; name one for each, in its order"
        )
    with written_by("digits.summarise", summary):
        chosen = models.loc[models["chosen"], "model"].item()
        if chosen not in set(runs["model"]):
            raise ValueError(f"{chosen} has no run in {metrics}")
    return Runs(runs, dict(zip(zip(runs["model"], runs["seed"], strict=True), folders, strict=True)), chosen)


def reliable_models(metrics: pd.DataFrame) -> list[str]:
    """Return the models that read more images rightly than wrongly in every run, of those tested on all classes.

    Any other misreads most images anyway, so that its mistake says little about an image.
    """
    worst = metrics.groupby("model", sort=False)[["test_accuracy", "test_images"]].min()
    right = (worst["test_accuracy"] > 0.5) & (worst["test_images"] == worst["test_images"].max())
    return [str(model) for model in worst.index[right]]


def read_array(command: str, path: Path, name: str) -> np.ndarray:
    """Read one array of a safetensors file; UserError where it is not what the command wrote."""
    with written_by(command, path):
        return read_arrays(path)[0][name]


def _read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    with written_by("digits.summarise", path):
        table: Any = pd.read_csv(path)
        return pd.DataFrame({column: table[column] for column in columns})
