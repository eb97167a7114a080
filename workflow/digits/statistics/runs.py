"""The folders of all runs, as the two tables over them know them."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from digits.core.command import UserError
from digits.core.fields import read_json
from digits.core.options import Parser, command_parser
from digits.core.tables import read_table
from digits.statistics.kinds import MEASURES, METRICS, SUMMARY


def read_measures(path: Path) -> dict[str, Any]:
    """Read what `evaluate` or `combine` measured of a run; UserError, naming the file, if it is something else."""
    measures: dict[str, Any] = read_json(path, MEASURES)
    return measures


def chosen_model(path: Path) -> str:
    """Return the model that the summary chose."""
    models = read_table(path, SUMMARY)
    return str(models.loc[models["chosen"], "model"].item())


class Runs(NamedTuple):
    """All runs, in the tables' order; where one stands for its model, it is that of the first seed."""

    metrics: pd.DataFrame  # one row per run
    folders: dict[tuple[str, int], Path]  # by model and seed
    chosen: str  # the model
    ensembles: tuple[str, ...]  # models without history and first layer of their own

    def first(self) -> dict[str, Path]:
        """Return the folder of each model's first seed."""
        found: dict[str, Path] = {}
        for (model, _), folder in self.folders.items():
            found.setdefault(model, folder)
        return found

    def trained(self) -> dict[tuple[str, int], Path]:
        """Return the folders of the runs that were trained, not combined of others."""
        return {run: folder for run, folder in self.folders.items() if run[0] not in self.ensembles}

    def models(self) -> list[str]:
        """Return the models in the tables' order."""
        return list(dict.fromkeys(model for model, _ in self.folders))


def read_runs(args: argparse.Namespace) -> Runs:
    """Read what `runs_parser` named: two tables and the folders of their runs; UserError if they do not belong together."""
    metrics, summary, folders = args.metrics, args.summary, args.runs
    runs = read_table(metrics, METRICS)
    chosen = chosen_model(summary)
    if len(runs) != len(folders):
        raise UserError(
            f"--runs: {len(folders)} folders, but {metrics} has {len(runs)} runs; name one for each, in its order"
        )
    if chosen not in set(runs["model"]):
        raise UserError(f"{summary}: chose {chosen}, which has no run in {metrics}; delete both and start again")
    keys = zip(runs["model"], runs["seed"], strict=True)
    return Runs(runs, dict(zip(keys, folders, strict=True)), chosen, tuple(args.ensembles))


def reliable_models(metrics: pd.DataFrame) -> list[str]:
    """Return the models that classify more than half of the images correctly in every run, of those tested on all classes.

    Others misclassify most images anyway, so their mistakes say little about an image.
    """
    worst = metrics.groupby("model", sort=False)[["test_accuracy", "test_images"]].min()
    right = (worst["test_accuracy"] > 0.5) & (worst["test_images"] == worst["test_images"].max())
    return [str(model) for model in worst.index[right]]


def runs_parser(command: str, description: str | None, within: Sequence[str]) -> Parser:
    """Return a parser of the arguments that `read_runs` needs, to which a command adds its own.

    `within` are the files that it reads in the folders of the runs.
    """
    parser = command_parser(command, description)
    parser.files("--runs", "folder of each run, as train and evaluate filled it", within)
    parser.add_argument("--ensembles", nargs="*", default=[], help="the models among them that are ensembles")
    parser.file("--metrics", "metrics.csv, from digits.summarise")
    parser.file("--summary", "summary.csv, from digits.summarise")
    return parser
