"""Ensembles in the workflow: which runs they consist of, what they predict, and what is made again for one of their members."""

import shutil
from pathlib import Path

import pytest
from conftest import copy_project, write_config
from project import TABLES, rows

from workflow.conftest import AFTER, LADDER_RULES, RESULTS, Project, checksums, jobs, make, plan, set_keys

MEMBERS, PAIRS = (0, 1, 2, 3), {"pair": (0, 1)}
ABOUT_ALL = RESULTS - LADDER_RULES


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two ensembles of two linear networks each, planned and built."""
    base = tmp_path_factory.mktemp("pairs")
    config = write_config(base / "config.yaml", ensembles={"pair": {"recipe": "linear", "members": 2}})
    set_keys(config, {"models": ["linear", "pair"], "searches": {}, "ladder": [], "report.networks": ["pair"]})
    project = Project(copy_project(base / "project"), config)
    everything = jobs(AFTER.keys() - LADDER_RULES - {"search"}, ["linear"], MEMBERS, (), PAIRS)
    assert plan(project).all == everything
    make(project)
    assert plan(project).all == set()
    return project


def test_an_ensemble_and_its_members_are_reported_each_as_a_run(pairs: Project) -> None:
    runs = [(row["model"], int(row["seed"])) for row in rows(pairs.folder / TABLES["metrics"])]
    assert runs == [("linear", seed) for seed in MEMBERS] + [("pair", seed) for seed in PAIRS["pair"]]


def test_a_deleted_member_is_trained_again_and_nothing_else(pairs: Project) -> None:
    before = checksums(pairs.folder / "results")
    (pairs.folder / "results/runs/linear/seed-3/weights.safetensors").unlink()
    follows = {"train linear 3", "evaluate linear 3", "combine pair 1"} | ABOUT_ALL
    assert plan(pairs).all == follows
    assert make(pairs).output.count("Training ") == 1
    assert checksums(pairs.folder / "results") == before


@pytest.fixture
def other(pairs: Project, tmp_path: Path) -> Project:
    """The same project with another file for its configuration."""
    return Project(pairs.folder, Path(shutil.copy(pairs.config, tmp_path)))


def test_another_member_concerns_the_ensemble_and_its_own_jobs_alone(other: Project) -> None:
    """A third member of each is another network, with the seeds 4 and 5 beside those that are there."""
    set_keys(other.config, {"ensembles.pair.members": 3})
    found = plan(other).all
    trained = jobs({"train linear", "evaluate linear"}, seeds=(4, 5))
    assert found == trained | jobs({"combine"}, ensembles=PAIRS) | ABOUT_ALL | {"plot_workflow"}


def test_a_label_error_concerns_each_evaluation_and_no_training(other: Project) -> None:
    set_keys(other.config, {"dataset.label_errors": [3, 5]})
    assert plan(other).triggered == jobs({"evaluate linear", "combine"}, seeds=MEMBERS, ensembles=PAIRS) | {
        "explore",
        "report",
    }
