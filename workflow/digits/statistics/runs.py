"""The folders of all runs, as the two tables over them know them."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from digits.core.command import UserError
from digits.core.files import written_by
from digits.core.tables import read_table


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
    runs = read_table(metrics, "digits.summarise", ["model", "seed", *columns])
    models = read_table(summary, "digits.summarise", ["model", "chosen"])
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


def runs_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the arguments that `read_runs` needs, to which a command adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m {command}", description=description)
    parser.add_argument(
        "--runs", nargs="+", type=Path, required=True, help="folder of each run, as train and evaluate filled it"
    )
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv, from digits.summarise")
    parser.add_argument("--summary", type=Path, required=True, help="summary.csv, from digits.summarise")
    return parser
