"""The small project that the tests of the rules build: its files and its commands' lines, as Snakemake plans them."""

import atexit
import csv
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from digits.core.arrays import read_arrays
from digits.data.collection import Collection
from digits.data.datasheet import datasheet, save_datasheet
from digits.data.tensors import Split, save_split
from safetensors.numpy import save_file

ROOT = Path(__file__).parents[1]
Line = Callable[[str, Path, Path, str], list[str]]
Job = dict[str, Any]
Arrays = dict[str, np.ndarray]
# Of each model one ensemble, of the two runs that are there anyway. No table or figure is about them.
PAIRS = {f"{model}-pair": {"recipe": model, "members": 2} for model in ("linear", "published", "tiny-conv")}
PLAN = "DIGITS_TEST_PLAN"  # the environment's variable that tells pytest's workers where the plan is


@functools.cache
def jobs() -> dict[tuple[str, str | None], Job]:
    """Return the jobs of the small project by rule and run; Snakemake plans them once per session."""
    if PLAN not in os.environ:
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder)
        config = yaml.safe_load((ROOT / "tests" / "data" / "config.yaml").read_text())
        config["dataset"]["path"] = str(ROOT / "tests" / "data" / "mnist")
        (folder / "config.yaml").write_text(yaml.safe_dump({**config, "ensembles": PAIRS}))
        targets = ["all", *(f"results/runs/{pair}/seed-0/metrics.json" for pair in PAIRS)]
        command = [sys.executable, str(ROOT / "tests" / "plan.py"), "config.yaml", *targets]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
        (folder / "plan.json").write_bytes(done.stdout)
        os.environ[PLAN] = str(folder / "plan.json")
    found = json.loads(Path(os.environ[PLAN]).read_text())
    return {(job["rule"], job["run"]): job for job in found}


def planned_job(name: str, run: str) -> Job:
    return jobs().get((name, None)) or jobs()[name, run.removeprefix("results/runs/")]


def options(name: str, run: str = "") -> dict[str, list[str]]:
    """Return the values of each option on a command's line."""
    option, found = "", dict[str, list[str]]()
    for word in planned_job(name, run)["line"]:
        option = word[2:] if word.startswith("--") else option
        found.setdefault(option, []).extend([] if word.startswith("--") else [word])
    return found


ABOUT: dict[str, Any] = json.loads(options("report")["about"][0])
CONFIG: dict[str, Any] = ABOUT["configuration"]
RECIPES: dict[str, dict[str, Any]] = CONFIG["recipes"]
RUNS = options("plot_results")["runs"]
FIRST_RUNS = dict(zip(CONFIG["models"], RUNS[::2], strict=True))
PAIR_RUNS = [f"results/runs/{pair}/seed-0" for pair in PAIRS]
SEARCH_RUNS = [
    f"results/runs/{candidate}/seed-{seed}"
    for search in json.loads(options("search")["searches"][0]).values()
    for candidate in search["candidates"]
    for seed in search["seeds"]
]
EXPERIMENT: dict[str, Any] = json.loads(options("explain")["plan"][0])
EXPERIMENT_RUNS = [
    f"results/runs/{model}/seed-{seed}" for model, seeds in EXPERIMENT["seeds"].items() for seed in seeds
]


def outputs(name: str, run: str = RUNS[0]) -> dict[str, str]:
    """Return what a command writes, in a project's folder, by the options that name it."""
    written = planned_job(name, run)["outputs"]
    return {option: words[0] for option, words in options(name, run).items() if words and words[0] in written}


def narrow_figures(name: str) -> dict[str, str]:
    """Return the forms for a small screen that a command writes, by the options that name them."""
    return {option: words[1] for option, words in options(name).items() if len(words) == 2 and "/narrow/" in words[1]}


*TENSORS, DATASHEET = outputs("convert").values()
TABLES, COMPARISONS = outputs("summarise"), outputs("compare")
DATA_FIGURES, RESULT_FIGURES = outputs("plot_data"), outputs("plot_results")
MISTAKE_FIGURES = outputs("plot_mistakes")
MISTAKES = MISTAKE_FIGURES.pop("table")
WEIGHT_FIGURE, LADDER_FIGURE, WORKFLOW_FIGURE = map(outputs, ("plot_weights", "plot_ladder", "plot_workflow"))
EXPLANATION, EXPERIMENT_FIGURES = outputs("explain"), outputs("plot_experiment")
DRAW = ("plot_data", "plot_results", "plot_weights", "plot_ladder", "plot_workflow", "plot_experiment")
NARROW_FIGURES = {name: narrow_figures(name) for name in DRAW}
EXPLORER = outputs("explore")["explorer"]
FIGURES = options("report")["figures"]


def arguments(name: str, source: Path, target: Path, run: str = RUNS[0]) -> list[str]:
    """Return a command's line as its rule writes it, with inputs in one project's folder and outputs in another's.

    Options that a test appends take the place of those given here.
    """
    job = planned_job(name, run)
    folders = {word: target if word in job["outputs"] else source for word in job["line"]}
    ours = ("results/", "resources/")
    return [str(folders[word] / word) if word.startswith(ours) else word for word in job["line"]]


def write_data(project: Path, train: Split, test: Split, name: str = "file", **how: Any) -> None:
    """Write tensors and the datasheet of other images, all of whose files bear the name, and of which one was passed over."""
    splits = {"train": train, "test": test}
    names = {part: [name] * len(split.labels) for part, split in splits.items()}
    found = Collection(splits, names, [(30, 40), (90, 80)], "content", [name])
    (project / DATASHEET).parent.mkdir(parents=True, exist_ok=True)
    for path, split in zip(TENSORS, splits.values(), strict=True):
        save_split(project / path, split)
    save_datasheet(project / DATASHEET, datasheet(found, {"test_fraction": 0.25, "group": None, "fit": "crop", **how}))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder and their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics(project: Path, run: str) -> dict[str, Any]:
    """Return the measures of a run."""
    return dict(json.loads((project / run / "metrics.json").read_text()))


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def header(path: Path) -> Any:
    """Return what a weights file says of its training."""
    return json.loads(read_arrays(path)[1]["training"])


def rewrite(path: Path, arrays: Arrays | None = None, target: Path | None = None, **keys: object) -> Path:
    """Write a weights file with arrays or keys of its header changed (None: without that key), in place or elsewhere."""
    training = {key: value for key, value in {**header(path), **keys}.items() if value is not None}
    save_file({**read_arrays(path)[0], **(arrays or {})}, target or path, {"training": json.dumps(training)})
    return target or path


def built_by(name: str, project: Path, run: str = RUNS[0]) -> dict[str, bytes]:
    """Return what a command wrote in a project's folder, and its bytes."""
    return {path: (project / path).read_bytes() for path in outputs(name, run).values()}
