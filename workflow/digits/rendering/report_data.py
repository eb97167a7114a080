"""What the report's notebook shows, read from the files that the pipeline made."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from digits.core.arithmetic import processor
from digits.core.fields import Kind, read_json
from digits.core.files import written_by
from digits.core.tables import read_table
from digits.data.datasheet import load_datasheet
from digits.rendering.kinds import EXPLORER, OPTIONAL, REPORT
from digits.settings.fitting import fitted
from digits.settings.recipes import make_recipe
from digits.statistics.histories import recalls
from digits.statistics.kinds import EXPERIMENT, LADDER, LEARNING, LIKENESS, METRICS, MISTAKES, SMOOTHNESS, SUMMARY
from digits.statistics.runs import read_measures

WRITTEN = Path("results/report.json")  # by digits.report, for whoever runs the notebook by hand


@dataclasses.dataclass(frozen=True)
class ReportData:
    """Tables, measures and figures; `best` is the chosen model, which the report opens with."""

    config: dict[str, Any]
    recipes: dict[str, dict[str, Any]]  # by model, with what the images decided; an ensemble has that of its members
    about: dict[str, Any]  # configuration, libraries, citation, and the graph of the workflow
    metrics: pd.DataFrame  # one row per run
    summary: pd.DataFrame  # one row per model, by its name
    ladder: pd.DataFrame | None  # one row per rung
    learning: pd.DataFrame | None  # one row per run and epoch of what is explained
    experiment: pd.DataFrame | None  # one row per recipe of the experiment and epoch
    likeness: pd.DataFrame  # one row per class: the one whose mean image is most like its own
    smoothness: pd.DataFrame  # one row per network: how far neighbouring weights of its first layer are alike
    mistakes: pd.DataFrame  # one row per image that every run of every reliable model misclassifies
    runs: list[dict[str, Any]]  # all measures of each run
    explorer: dict[str, Any]
    datasheet: dict[str, Any]  # what was found in the data set, and how it was divided
    files: dict[str, Path]  # the tables that the page offers, by their names below results/
    figures: dict[str, Path]
    tensors: dict[str, dict[str, Any]]  # checksum and shape of each file
    raw: dict[str, str]  # checksum of each raw file, from when the tensors were made of it
    checksums: dict[str, str]  # of each weights file
    best: pd.Series
    first: dict[str, Any]  # all measures of the best model's first run
    classes: list[str]
    processors: list[str]  # the kinds that computed the runs and this report


def known(path: Path, kind: Kind, names: Iterable[str], classes: Collection[str]) -> None:
    """Stop with a UserError where a file is about a class that the measures do not know."""
    with written_by(kind.command, path):
        if unknown := [name for name in names if name not in classes]:
            raise ValueError(f"{unknown[0]}: none of the classes that were measured")


def load_report(inputs: Mapping[str, Any] | None, root: Path) -> ReportData:
    """Read what `digits.report` names in `inputs`, with paths relative to `root`; None reads what it last named."""
    if inputs is None:
        inputs = read_json(root / WRITTEN, REPORT)
    about = inputs["about"]
    config = about["configuration"]
    summary = read_table(root / inputs["summary"], SUMMARY).set_index("model", drop=False)
    runs = [read_measures(root / path) for path in inputs["runs"]]
    numbers = {Path(path).stem: root / path for path in inputs["numbers"]}
    best = summary[summary["chosen"]].iloc[0]
    first = next(run for run in runs if run["model"] == best["model"])
    classes = [row["class"] for row in first["test"]["per_class"]]
    known(root / inputs["summary"], SUMMARY, summary["largest_class"], classes)
    mistakes = read_table(root / inputs["mistakes"], MISTAKES)
    known(root / inputs["mistakes"], MISTAKES, [*mistakes["label"], *mistakes["predicted"]], classes)
    learning = read_table(root / inputs["learning"][0], LEARNING) if inputs["learning"] else None
    if learning is not None:
        known(root / inputs["learning"][0], LEARNING, map(str, recalls(learning)), classes)
    explorer = read_json(root / inputs["explorer"], EXPLORER)
    known(root / inputs["explorer"], EXPLORER, explorer["classes"], classes)
    metrics = read_table(root / inputs["metrics"], METRICS)
    recipes = config["recipes"] | {
        name: dataclasses.asdict(
            fitted(make_recipe(config["recipes"][name]), [explorer["channels"], *explorer["shape"]], size)
        )
        for name, size in zip(metrics["model"], metrics["train_size"], strict=True)
        if name in config["recipes"]
    }
    members = {name: recipes[ensemble["recipe"]] for name, ensemble in config["ensembles"].items()}
    return ReportData(
        config=config,
        recipes=recipes | members,
        about=about,
        metrics=metrics,
        summary=summary,
        ladder=read_table(root / inputs["ladder"][0], LADDER) if inputs["ladder"] else None,
        learning=learning,
        experiment=read_table(root / inputs["experiment"][0], EXPERIMENT) if inputs["experiment"] else None,
        likeness=read_table(numbers["class-means"], LIKENESS),
        smoothness=read_table(numbers["first-layers"], SMOOTHNESS),
        mistakes=mistakes,
        runs=runs,
        explorer=explorer,
        datasheet=load_datasheet(root / inputs["datasheet"]),
        files={
            Path(path).name: root / path
            for path in (inputs["metrics"], inputs["summary"], *(p for name in OPTIONAL for p in inputs[name]))
        }
        | {f"figures/{path.name}": path for path in numbers.values()},
        figures={name: root / path for name, path in inputs["figures"].items()},
        tensors=inputs["tensors"],
        raw=inputs["raw"],
        checksums=inputs["checksums"],
        best=best,
        first=first,
        classes=classes,
        processors=sorted({processor(), *(kind for run in runs for kind in run["processors"])}),
    )
