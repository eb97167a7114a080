"""Ensembles in the workflow: which runs they consist of, what they predict, and what is made again for one of their members."""

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from conftest import copy_project, snakemake, write_config
from safetensors.numpy import load_file

from workflow.conftest import AFTER, LADDER_RULES, RESULTS, Project, checksums, jobs, plan, set_keys

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
    result = snakemake(project.folder, "--cores", 2, "--configfile", config)
    assert result.status == 0, result.output
    assert plan(project).all == set()
    return project


def test_an_ensemble_and_its_members_are_reported_each_as_a_run(pairs: Project) -> None:
    with (pairs.folder / "results" / "metrics.csv").open(newline="") as file:
        runs = [(row["model"], int(row["seed"])) for row in csv.DictReader(file)]
    assert runs == [("linear", seed) for seed in MEMBERS] + [("pair", seed) for seed in PAIRS["pair"]]


@pytest.mark.parametrize("seed", PAIRS["pair"])
def test_its_probabilities_are_the_mean_of_its_members(pairs: Project, seed: int) -> None:
    def probabilities(run: str) -> np.ndarray:
        logits = load_file(pairs.folder / "results" / "runs" / run / "predictions.safetensors")["logits"]
        found: np.ndarray = scipy.special.softmax(logits.astype(np.float64), axis=1)
        return found

    first, second = (probabilities(f"linear/seed-{member}") for member in (2 * seed, 2 * seed + 1))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(probabilities(f"pair/seed-{seed}"), (first + second) / 2, atol=1e-6)


def test_a_deleted_member_is_trained_again_and_nothing_else(pairs: Project) -> None:
    before = checksums(pairs.folder / "results")
    (pairs.folder / "results/runs/linear/seed-3/weights.safetensors").unlink()
    follows = {"train linear 3", "evaluate linear 3", "combine pair 1"} | ABOUT_ALL
    assert plan(pairs).all == follows
    result = snakemake(pairs.folder, "--cores", 2, "--configfile", pairs.config)
    assert result.status == 0, result.output
    assert result.output.count("Training ") == 1
    assert checksums(pairs.folder / "results") == before


def test_another_member_concerns_the_ensemble_and_its_own_jobs_alone(pairs: Project, tmp_path: Path) -> None:
    """A third member of each is another network, with the seeds 4 and 5 beside those that are there."""
    config = tmp_path / "config.yaml"
    config.write_text(pairs.config.read_text())
    set_keys(config, {"ensembles.pair.members": 3})
    found = plan(Project(pairs.folder, config)).all
    trained = jobs({"train linear", "evaluate linear"}, seeds=(4, 5))
    assert found == trained | jobs({"combine"}, ensembles=PAIRS) | ABOUT_ALL | {"plot_workflow"}


def test_a_label_error_concerns_each_evaluation_and_no_training(pairs: Project, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(pairs.config.read_text())
    set_keys(config, {"dataset.label_errors": [3, 5]})
    found = plan(Project(pairs.folder, config))
    assert found.triggered == jobs({"evaluate linear", "combine"}, seeds=MEMBERS, ensembles=PAIRS) | {"report"}
