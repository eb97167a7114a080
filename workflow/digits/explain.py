"""Join the histories that explain a result into two tables: one row per run and epoch, and one per recipe and epoch.

The experiment's recipes are one network with other initial weights and losses. They are compared on the validation images.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from digits.core.command import log, run
from digits.core.files import checked
from digits.core.options import command_parser
from digits.core.tables import write_tables
from digits.statistics.histories import RECALL, classes_learned, read_history
from digits.statistics.metrics import mean_and_interval


def experiment_table(learning: pd.DataFrame, recipes: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per recipe and epoch, over its runs: mean validation accuracy with its 95 % t-interval, and means of the rest.

    All recipes have as many epochs as the shortest; those of a plan are completed by `init`, `loss` and `learning_rate`.
    """
    runs = learning[learning["model"].isin(recipes)]
    epochs = runs.groupby(["model", "seed"])["epoch"].max().min()
    rows = []
    for name, recipe in recipes.items():
        of_recipe = runs[(runs["model"] == name) & (runs["epoch"] <= epochs)]
        for epoch, same in of_recipe.groupby("epoch"):
            accuracy = mean_and_interval(same["validation_accuracy"].tolist())
            gradients = {key: same[key].mean() for key in same if str(key).startswith("gradient_")}
            rows.append(
                {
                    "model": name,
                    **recipe,
                    "epoch": epoch,
                    "runs": len(same),
                    "validation_accuracy": accuracy["mean"],
                    "interval_low": accuracy["low"],
                    "interval_high": accuracy["high"],
                    "train_loss": same["train_loss"].mean(),
                    "classes_learned": classes_learned(same).sum(axis=1).mean(),
                    "saturated": same["saturated"].mean(),
                    **gradients,
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    parser = command_parser("explain", __doc__)
    parser.add_argument("--plan", required=True, help="models, recipes and the seeds of each, as JSON")
    parser.folder("--runs", "folder of all runs: {model}/seed-{seed}/history.csv, from digits.train")
    parser.output("--learning", "CSV file to write: one row per run and epoch")
    parser.output("--experiment", "CSV file to write: one row per recipe and epoch")
    args = parser.parse_args()

    plan = json.loads(args.plan)
    files = {
        (model, seed): args.runs / model / f"seed-{seed}" / "history.csv"
        for model, seeds in plan["seeds"].items()
        for seed in seeds
    }
    made_from = checked(files.values())
    histories = [read_history(path).assign(model=model, seed=seed) for (model, seed), path in files.items()]
    learning = pd.concat(histories, ignore_index=True)
    learning = learning[["model", "seed", *(name for name in learning if name not in ("model", "seed"))]]
    learning["epoch"] = learning["epoch"].astype(int)
    experiment = experiment_table(learning, plan["recipes"])
    write_tables({args.learning: learning, args.experiment: experiment}, made_from, digits=7)  # the page holds them
    classes = sum(str(name).startswith(RECALL) for name in learning)
    log(f"{len(histories)} runs, {classes} classes, {len(plan['recipes'])} recipes")


if __name__ == "__main__":
    run(main)
