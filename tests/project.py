"""The small project that the tests of the rules build: what each command reads and writes, and its command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from digits.settings.candidates import candidates
from digits.settings.config import complete_config
from digits.settings.plan import shown_config, trained_rungs
from digits.settings.recipes import Recipe

ROOT = Path(__file__).parents[1]
Line = Callable[[str, Path, Path, str], list[str]]


def small_config() -> dict[str, Any]:
    """Return the configuration that `--configfile tests/data/config.yaml` leads to."""
    config, small = (
        yaml.safe_load(path.read_text())
        for path in (ROOT / "config" / "config.yaml", ROOT / "tests" / "data" / "config.yaml")
    )
    recipes = config["recipes"]
    small["recipes"] = {name: {**recipes.get(name, {}), **changes} for name, changes in small["recipes"].items()}
    return complete_config(config | small)


def default_recipes() -> dict[str, Recipe]:
    """Return the recipes of config/config.yaml."""
    config = complete_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text()))
    return {name: Recipe(**fields) for name, fields in config["recipes"].items()}


CONFIG, DEFAULTS = small_config(), default_recipes()
RECIPES: dict[str, dict[str, Any]] = CONFIG["recipes"]
RUNS = [f"results/runs/{model}/seed-{seed}" for model in CONFIG["models"] for seed in CONFIG["seeds"]]
FIRST_RUNS = {model: f"results/runs/{model}/seed-{CONFIG['seeds'][0]}" for model in CONFIG["models"]}
SEARCHES = {
    name: {"seeds": search["seeds"], "candidates": candidates(name, search)}
    for name, search in CONFIG["searches"].items()
}
SEARCH_RUNS = [
    f"results/runs/{candidate}/seed-{seed}"
    for search in SEARCHES.values()
    for candidate in search["candidates"]
    for seed in search["seeds"]
]
TENSORS = ["results/tensors/train.safetensors", "results/tensors/test.safetensors"]
TABLES = {"metrics": "results/metrics.csv", "summary": "results/summary.csv"}
COMPARISONS = {"table": "results/ladder.csv", "comparisons": "results/comparisons.csv"}
DATA_FIGURES = {
    "samples": "results/figures/samples.png",
    "class-means": "results/figures/class-means.png",
    "class-counts": "results/figures/class-counts.svg",
}
RESULT_FIGURES = {
    "curves": "results/figures/curves.svg",
    "accuracies": "results/figures/accuracies.svg",
    "calibration": "results/figures/calibration.svg",
}
MISTAKE_FIGURES = {
    "confusion": "results/figures/confusion.svg",
    "mistakes": "results/figures/mistakes.png",
    "shared-mistakes": "results/figures/shared-mistakes.png",
}
WEIGHT_FIGURE = {"first-layers": "results/figures/first-layers.png"}
EXPLORER = "results/explorer.json"
LADDER_FIGURE = {"ladder": "results/figures/ladder.svg"}
WORKFLOW_FIGURE = {"workflow": "results/figures/workflow.svg"}
FIGURES = [
    *DATA_FIGURES.values(),
    *RESULT_FIGURES.values(),
    *MISTAKE_FIGURES.values(),
    *WEIGHT_FIGURE.values(),
    *LADDER_FIGURE.values(),
    *WORKFLOW_FIGURE.values(),
]
MISTAKES = "results/mistakes.csv"
LADDER = trained_rungs(CONFIG)
SHOWN = shown_config(CONFIG)
GRAPH = {"jobs": {"train": 6, "evaluate": 6, "report": 1}, "edges": [["train", "evaluate"], ["evaluate", "report"]]}
ABOUT = {
    "configuration": SHOWN,
    "libraries": ["torch==2.13.0"],
    "commands": {"train": "python -m digits.train"},
    "graph": GRAPH,
}


def outputs(name: str, run: str = RUNS[0]) -> dict[str, str]:
    """Return what a command writes, in a project's folder, by the options that name it."""
    return {
        "convert": dict(zip(("train", "test"), TENSORS, strict=True)),
        "train": {
            "weights": f"{run}/weights.safetensors",
            "snapshots": f"{run}/snapshots.safetensors",
            "validation": f"{run}/validation.safetensors",
            "history": f"{run}/history.csv",
        },
        "search": {"table": "results/search.csv", "figure": "results/figures/search.svg"},
        "evaluate": {"predictions": f"{run}/predictions.safetensors", "metrics": f"{run}/metrics.json"},
        "summarise": TABLES,
        "compare": COMPARISONS,
        "plot_data": DATA_FIGURES,
        "plot_results": RESULT_FIGURES,
        "plot_mistakes": {"table": MISTAKES, **MISTAKE_FIGURES},
        "plot_weights": WEIGHT_FIGURE,
        "plot_workflow": WORKFLOW_FIGURE,
        "plot_ladder": LADDER_FIGURE,
        "explore": {"explorer": EXPLORER},
        "report": {"inputs": "results/report.json", "executed": "results/report.ipynb", "html": "results/report.html"},
    }[name]


def inputs(name: str, run: str = RUNS[0]) -> dict[str, str | list[str]]:
    """Return what a command reads, in a project's folder, by the options that name it."""
    metrics = [f"{folder}/metrics.json" for folder in RUNS]
    predictions = [f"{folder}/predictions.safetensors" for folder in RUNS]
    by_command: dict[str, dict[str, str | list[str]]] = {
        "convert": {
            option: f"resources/{file}"
            for option, file in zip(
                ("train-images", "train-labels", "test-images", "test-labels"), CONFIG["dataset"]["sha256"], strict=True
            )
        },
        "train": {"images": TENSORS[0]},
        "evaluate": {
            "images": TENSORS[1],
            **{option: path for option, path in outputs("train", run).items() if option != "history"},
        },
        "search": {"runs": "results/runs"},
        "summarise": {"runs": metrics, "predictions": predictions},
        "compare": {"runs": metrics, "predictions": predictions},
        "plot_data": dict(zip(("train", "test"), TENSORS, strict=True)),
        "plot_results": {"runs": RUNS, **TABLES},
        "plot_mistakes": {"runs": RUNS, "test": TENSORS[1], **TABLES},
        "plot_weights": {"runs": RUNS, "test": TENSORS[1], **TABLES},
        "plot_workflow": {},
        "plot_ladder": {"table": COMPARISONS["table"]},
        "explore": {
            "test": TENSORS[1],
            "summary": TABLES["summary"],
            "predictions": [f"{folder}/predictions.safetensors" for folder in FIRST_RUNS.values()],
            "weights": [f"{FIRST_RUNS[model]}/weights.safetensors" for model in CONFIG["report"]["networks"]],
        },
        "report": {
            "runs": metrics,
            "weights": [f"{folder}/weights.safetensors" for folder in RUNS],
            "mistakes": MISTAKES,
            "tensors": TENSORS,
            "figures": FIGURES,
            "explorer": EXPLORER,
            "ladder": [COMPARISONS["table"]],
            **TABLES,
        },
    }
    return by_command[name]


def arguments(name: str, source: Path, target: Path, run: str = RUNS[0]) -> list[str]:
    """Return a command's line as the rules write it, with inputs in one project's folder and outputs in another's.

    Options that a test appends take the place of those given here.
    """
    model, seed = Path(run).parent.name, run.rsplit("-", 1)[1]
    recipe = ["--recipe", json.dumps(RECIPES[model])]
    line = {
        "convert": ["idx"],
        "train": ["--model", model, "--seed", seed, *recipe],
        "search": ["--searches", json.dumps(SEARCHES)],
        "evaluate": [*recipe, "--label-errors", json.dumps(CONFIG["dataset"]["label_errors"])],
        "compare": ["--ladder", json.dumps(LADDER)],
        "plot_results": ["--references", json.dumps(CONFIG["references"])],
        "plot_ladder": ["--models", *CONFIG["models"]],
        "plot_workflow": ["--graph", json.dumps(GRAPH)],
        "explore": ["--models", *CONFIG["models"]],
        "report": ["--notebook", str(ROOT / "workflow" / "notebooks" / "report.ipynb"), "--about", json.dumps(ABOUT)],
    }.get(name, [])
    for folder, files in ((source, inputs(name, run)), (target, outputs(name, run))):
        for option, paths in files.items():
            line += [f"--{option}", *(str(folder / path) for path in ([paths] if isinstance(paths, str) else paths))]
    return line


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder and their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def built_by(name: str, project: Path, run: str = RUNS[0]) -> dict[str, bytes]:
    """Return what a command wrote in a project's folder, and its bytes."""
    return {path: (project / path).read_bytes() for path in outputs(name, run).values()}


def start(
    name: str, line: list[str], stderr: int = subprocess.PIPE, before: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start a command in a process of its own, as the rules do; `before` is what stands before it on the line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    return subprocess.Popen(
        [*before, sys.executable, "-m", f"digits.{name}", *line], stderr=stderr, text=True, env=environment
    )
