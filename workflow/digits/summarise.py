"""Join the measures of all runs into two tables: one row per run, and one row per model.

The best model is chosen by its mean validation accuracy, never by the test images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digits.core.command import log, run
from digits.core.options import command_parser
from digits.core.tables import write_tables
from digits.data.tensors import load_split
from digits.statistics.by_class import AVERAGES
from digits.statistics.kinds import ENDS, PROBABILITIES
from digits.statistics.metrics import ensemble_accuracy, mean_and_interval
from digits.statistics.predictions import load_predictions, require_one_each, require_same_images
from digits.statistics.runs import read_measures


def metrics_row(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's row of the table from its measures."""
    calibrated = run["test"]["calibrated"] or {}
    without_label_errors = run["test"]["without_label_errors"] or {}
    return {
        **{name: run[name] for name in ("model", "seed", "parameters", "epochs", "train_size", "training_flops")},
        "validation_accuracy": run["validation_accuracy"],
        **{f"test_{name}": run["test"][name] for name in ("accuracy", "images", "errors")},
        "test_interval_low": run["test"]["interval"][0],
        "test_interval_high": run["test"]["interval"][1],
        **{f"test_{name}": value for name, value in by_class(run["test"]).items()},
        **{f"validation_{name}": value for name, value in by_class(run["validation"] or {}).items()},
        **{name: run["test"][name] for name in PROBABILITIES},
        "temperature": run["temperature"],
        **{f"calibrated_{name}": calibrated.get(name) for name in PROBABILITIES},
        "test_accuracy_without_label_errors": without_label_errors.get("accuracy"),
    }


def by_class(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the means over the classes: each and the ends of its interval, None where nothing was measured."""
    found: dict[str, Any] = {}
    for name in AVERAGES:
        low, high = measures.get(f"{name}_interval", (None, None))
        found |= {name: measures.get(name), f"{name}_low": low, f"{name}_high": high}
    return found


def largest_class(counts: Mapping[str, int], per_class: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the class that most training images have, of those that are tested, and the accuracy of answering it always.

    Also the imbalance ratio: its training images by those of the smallest.
    """
    tested = [row for row in per_class if row["images"]]
    most = max(tested, key=lambda row: counts[row["class"]])
    accuracy = most["images"] / sum(row["images"] for row in tested)
    imbalance = counts[most["class"]] / min(counts[row["class"]] for row in tested)
    return {"largest_class": most["class"], "largest_class_accuracy": accuracy, "imbalance_ratio": imbalance}


def read_ensemble(paths: Sequence[Path]) -> dict[str, float]:
    """Measure all runs of one model as an ensemble, from the predictions of each."""
    runs = [load_predictions(path) for path in paths]
    for path, predictions in zip(paths, runs, strict=True):
        require_same_images(paths[0], runs[0].labels, path, predictions.labels)
    counted = np.logical_and.reduce([predictions.counted for predictions in runs])
    return ensemble_accuracy([predictions.logits[counted] for predictions in runs], runs[0].labels[counted])


def models_table(
    metrics: pd.DataFrame, predictions: Sequence[Path], baselines: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """One row per model, in the order of its first run: mean, spread and 95 % t-interval over seeds, and which is chosen.

    `predictions` names the file of each run, `baselines` what `largest_class` says of it, in the order of `metrics`.

    Chosen is, of the models that were tested on most images (a recipe may be about some classes alone), the one with the
    highest mean validation accuracy, the first of equals; where none held images out, the first.
    """
    rows = []
    for model, runs in metrics.groupby("model", sort=False):
        test = mean_and_interval(runs["test_accuracy"].tolist())
        ensemble = read_ensemble([predictions[i] for i in runs.index])
        rows.append(
            {
                "model": model,
                "runs": len(runs),
                "parameters": runs["parameters"].iloc[0],
                "training_flops": runs["training_flops"].astype(float).mean(),
                "validation_accuracy": runs["validation_accuracy"].astype(float).mean(),
                "test_accuracy": test["mean"],
                "test_accuracy_std": test["std"],
                "interval_low": test["low"],
                "interval_high": test["high"],
                "test_images": runs["test_images"].iloc[0],
                "test_errors": runs["test_errors"].mean(),
                **{
                    f"test_{name}{end}": value
                    for name in AVERAGES
                    for end, value in means_of(runs[f"test_{name}"].tolist()).items()
                },
                **{f"validation_{name}": runs[f"validation_{name}"].astype(float).mean() for name in AVERAGES},
                **baselines[int(runs.index[0])],
                "ensemble_accuracy": ensemble["accuracy"],
                "ensemble_low": ensemble["low"],
                "ensemble_high": ensemble["high"],
            }
        )
    summary = pd.DataFrame(rows)
    of_all_classes = summary["test_images"] == summary["test_images"].max()
    summary["chosen"] = (
        summary.index == summary["validation_accuracy"].fillna(-1.0).where(of_all_classes, -2.0).idxmax()
    )
    return summary


def means_of(values: Sequence[float]) -> dict[str, float]:
    """Return the mean over runs and its interval, by what a column's name ends in."""
    found = mean_and_interval(values)
    return dict(zip(ENDS, (found["mean"], found["low"], found["high"]), strict=True))


def main() -> None:
    parser = command_parser("summarise", __doc__)
    parser.files("--runs", "metrics.json of each run, from digits.evaluate")
    parser.files("--predictions", "predictions of each run, in the same order")
    parser.file("--train", "train.safetensors, from digits.convert, whose labels alone are read")
    parser.output("--metrics", "CSV file to write: one row per run")
    parser.output("--summary", "CSV file to write: one row per model")
    args = parser.parse_args()

    require_one_each(args.runs, args.predictions)
    measured, train = [read_measures(path) for path in args.runs], load_split(args.train)
    numbers = np.bincount(train.labels, minlength=len(train.classes)).tolist()
    counts = dict(zip(train.classes, numbers, strict=True))
    metrics = pd.DataFrame([metrics_row(run) for run in measured])
    baselines = [largest_class(counts, run["test"]["per_class"]) for run in measured]
    summary = models_table(metrics, args.predictions, baselines)
    write_tables({args.metrics: metrics, args.summary: summary}, args.made_from)
    log(f"{len(metrics)} runs of {len(summary)} models")


if __name__ == "__main__":
    run(main)
