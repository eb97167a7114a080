"""A search in the workflow: which jobs it has, that none reads the test images, and that a finished one costs nothing."""

import math
import re
from pathlib import Path
from typing import Any

import yaml
from conftest import copy_project, planned, snakemake
from project import rows

from workflow.conftest import MODELS, Project, checksums, make, plan, run, set_keys


def search(**grid: list[Any]) -> dict[str, Any]:
    return {"rate": {"recipe": "small", "seeds": [0], "grid": grid}}


def candidates(project: Project) -> dict[str, dict[str, str]]:
    return {row["changes"]: row for row in rows(project.folder / "results" / "search.csv")}


def test_the_projects_searches_train_and_compare_and_never_read_a_test_image(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    *recipes, file = (folder / "config" / f"{name}.yaml" for name in ("ladder", "best", "fast", "search"))
    overlay = yaml.safe_load(file.read_text())
    assert overlay["models"] == [] and overlay["searches"]
    found = plan(Project(folder, recipes[0]), *recipes[1:], file).all
    assert {job.split()[0] for job in found} == {"download", "convert", "train", "search"}
    for name, entry in overlay["searches"].items():
        if grid := entry.get("grid"):
            count = len(entry["seeds"]) * math.prod(map(len, grid.values()))
            assert sum(job.startswith(f"train {name}.") for job in found) == count
    result = snakemake(folder, "--cores", 1, "--configfile", *recipes, file, "--dry-run", "--printshellcmds")
    commands = re.findall(r"python -m digits\.(?:train|search) .*", result.output)
    assert len(commands) == sum(job.startswith("train ") for job in found) + 1
    assert not any("test" in command.split() or "test.safetensors" in command for command in commands)


def test_a_search_alone_leaves_the_report_as_it_is_and_costs_nothing_again(project: Project) -> None:
    before = checksums(project.folder / "results")
    set_keys(project.config, {"models": []})
    assert planned(run(project, "--dry-run")) == set()
    set_keys(project.config, {"searches": search(learning_rate=[20, 50, 5])})
    assert plan(project).all == {"train rate.learning-rate-5 0", "search"}, "what is there is kept"
    assert re.findall("Training (.*)", make(project).output) == ["rate.learning-rate-5, seed 0"]
    assert list(candidates(project)) == ["learning_rate 20", "learning_rate 50", "learning_rate 5"]
    assert [row["best"] for row in candidates(project).values()].count("True") == 1
    assert "is best, validation accuracy" in (project.folder / "logs" / "search.log").read_text()
    assert planned(run(project)) == set()

    set_keys(project.config, {"models": list(MODELS), "searches": {}})
    assert planned(run(project, "--dry-run")) == set(), "and so is the report"
    after = checksums(project.folder / "results")
    assert {name for name in before if after[name] != before[name]} == {"search.csv", "figures/search.svg"}


def test_the_winner_of_equal_settings_does_not_depend_on_other_searches(project: Project) -> None:
    """Another search adds its own jobs and a panel; the runs that are there stay."""
    both = {**search(learning_rate=[20, 50]), "batch": {"recipe": "small", "seeds": [0], "grid": {"batch_size": [100]}}}
    before = candidates(project)
    set_keys(project.config, {"models": [], "searches": both})
    assert re.findall("Training (.*)", make(project).output) == ["batch.batch-size-100, seed 0"]
    assert {name: row for name, row in candidates(project).items() if row["search"] == "rate"} == before


def test_a_candidate_that_diverges_does_not_stop_the_search(project: Project) -> None:
    set_keys(project.config, {"models": [], "recipes.small.loss": "cross_entropy"})
    set_keys(project.config, {"searches": search(learning_rate=[0.1, 1.0e37])})
    make(project)
    good, bad = candidates(project).values()
    assert (good["best"], good["diverged"], bad["best"], bad["diverged"]) == ("True", "0", "False", "1")
    assert good["validation_accuracy"] and not bad["validation_accuracy"]
    log = (project.folder / "logs" / "train" / "rate.learning-rate-1e37-0.log").read_text()
    assert "the loss became " in log
    assert planned(run(project)) == set(), "a divergence is a result like others"
