"""Compare each rung of the ladder with the one it adds something to: two tables, one row per rung and one per rung and seed.

Reads the runs' predictions and measures, no images. What each number means is in digits.statistics.significance.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from digits.core.command import UserError, log, run
from digits.core.options import command_parser
from digits.core.tables import write_tables
from digits.statistics.metrics import mean_and_interval
from digits.statistics.predictions import load_predictions, require_one_each, require_same_images
from digits.statistics.runs import read_measures
from digits.statistics.significance import Pair, adjust_p_values, combine_p_values, compare_pair, is_significant


class Rung(NamedTuple):
    """A model on the ladder, and what it is compared with."""

    model: str
    adds: str
    against: str | None  # None: nothing below it, or nothing that was trained
    beside: bool  # beside the ladder: not the next step, but a comparison of its own


class Run(NamedTuple):
    """What the tables need of one run."""

    parameters: int
    training_flops: int | None
    accuracy: float
    predictions: Path


def read_rungs(text: str) -> list[Rung]:
    """Read the ladder from a line of JSON; UserError where it is none."""
    try:
        rungs = [Rung(**fields) for fields in json.loads(text)]
    except (ValueError, TypeError) as error:
        example = '[{"model": "small", "adds": "30 hidden units", "against": "linear", "beside": false}]'
        raise UserError(f"--ladder: expected a JSON list of rungs such as {example} ({error})") from error
    if not rungs:
        raise UserError("--ladder: no rungs; name at least one model")
    return rungs


def read_runs(metrics: Sequence[Path], predictions: Sequence[Path]) -> dict[str, dict[int, Run]]:
    """Read the runs of each model, by seed and in the seeds' order, whatever the order of the files."""
    found: dict[str, dict[int, Run]] = {}
    for path, scores in zip(metrics, predictions, strict=True):
        run = read_measures(path)
        of_model = found.setdefault(run["model"], {})
        of_model[run["seed"]] = Run(run["parameters"], run["training_flops"], run["test"]["accuracy"], scores)
    return {model: dict(sorted(runs.items())) for model, runs in found.items()}


def compare_runs(rung: Rung, runs: dict[int, Run], against: dict[int, Run]) -> dict[int, Pair]:
    """Compare two models seed by seed; UserError where they have no seed or no images in common."""
    pairs = {}
    for seed in runs.keys() & against.keys():
        first, second = load_predictions(runs[seed].predictions), load_predictions(against[seed].predictions)
        require_same_images(runs[seed].predictions, first.labels, against[seed].predictions, second.labels)
        pairs[seed] = compare_pair(first, second)
        if not pairs[seed].images:
            raise UserError(f"ladder: {rung.model} and {rung.against} share no class; name another model as `against`")
    if not pairs:
        raise UserError(f"--runs: {rung.model} and {rung.against} have no seed in common; give the same seeds of both")
    return dict(sorted(pairs.items()))


def rung_row(rung: Rung, runs: dict[int, Run], pairs: dict[int, Pair]) -> dict[str, Any]:
    """Return a rung's row of the ladder, but for what depends on the other rungs."""
    accuracy = mean_and_interval([run.accuracy for run in runs.values()])
    costs = [math.nan if run.training_flops is None else float(run.training_flops) for run in runs.values()]
    gained = [pair.only_first - pair.only_second for pair in pairs.values()]
    fractions = [images / pair.images for images, pair in zip(gained, pairs.values(), strict=True)]
    difference = (
        mean_and_interval(fractions, lowest=-1.0) if pairs else dict.fromkeys(("mean", "low", "high"), math.nan)
    )
    return {
        "model": rung.model,
        "adds": rung.adds,
        "against": rung.against,
        "beside": rung.beside,
        "runs": len(runs),
        "parameters": next(iter(runs.values())).parameters,
        "training_flops": sum(costs) / len(costs),
        "test_accuracy": accuracy["mean"],
        "interval_low": accuracy["low"],
        "interval_high": accuracy["high"],
        "difference": difference["mean"],
        "difference_low": difference["low"],
        "difference_high": difference["high"],
        "images": sum(gained) / len(gained) if pairs else math.nan,
        "p_value": combine_p_values([pair.p_value for pair in pairs.values()]) if pairs else math.nan,
    }


def ladder_tables(rungs: Sequence[Rung], runs: dict[str, dict[int, Run]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the row of each rung, and the row of each rung and seed."""
    for name in [name for rung in rungs for name in (rung.model, rung.against) if name]:
        if name not in runs:
            raise UserError(f"--runs: no run of {name}, which --ladder names")
    lines, by_seed = [], []
    for rung in rungs:
        pairs = compare_runs(rung, runs[rung.model], runs[rung.against]) if rung.against else {}
        lines.append(rung_row(rung, runs[rung.model], pairs))
        by_seed += [
            (rung.model, rung.against, seed, pair.only_first, pair.only_second, pair.p_value)
            for seed, pair in pairs.items()
        ]
    ladder = pd.DataFrame(lines)
    ladder["p_adjusted"] = adjust_p_values(ladder["p_value"].tolist())
    tested = zip(ladder["p_adjusted"], ladder["difference_low"], ladder["difference_high"], strict=True)
    ladder["significant"] = [is_significant(*numbers) for numbers in tested]
    columns = ["model", "against", "seed", "only_model_correct", "only_against_correct", "p_value"]
    return ladder, pd.DataFrame(by_seed, columns=columns)


def main() -> None:
    parser = command_parser("compare", __doc__)
    parser.add_argument("--ladder", required=True, help="the rungs from bottom to top, as JSON")
    parser.files("--runs", "metrics.json of each run, from digits.evaluate")
    parser.files("--predictions", "predictions of each run, in the same order")
    parser.output("--table", "CSV file to write: one row per rung")
    parser.output("--comparisons", "CSV file to write: one row per rung and seed")
    args = parser.parse_args()

    rungs = read_rungs(args.ladder)
    require_one_each(args.runs, args.predictions)
    ladder, comparisons = ladder_tables(rungs, read_runs(args.runs, args.predictions))
    write_tables({args.table: ladder, args.comparisons: comparisons}, args.made_from)
    log(f"{len(ladder)} rungs, {int(ladder['significant'].sum())} of them with a difference beyond chance")


if __name__ == "__main__":
    run(main)
