"""The quick configuration through each profile, on both nodes, gives the bytes that one machine gives."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, copy_project, planned, snakemake, write_config
from workflow.conftest import Project, checksums, set_keys

from cluster.conftest import Started, completed, until

RESOURCES = ROOT / "resources"


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """config/quick.yaml, built on this machine from the images that `make report` downloaded."""
    if not (RESOURCES / "train-images-idx3-ubyte").exists():
        pytest.skip("the images are not there: make report")
    project = quick_project(tmp_path_factory.mktemp("quick"))
    result = snakemake(project.folder, "--cores", 2, "--configfile", project.config)
    assert result.status == 0, result.output
    return project


def quick_project(folder: Path) -> Project:
    project = Project(copy_project(folder / "project"), folder / "config.yaml")
    project.config.write_text((ROOT / "config" / "quick.yaml").read_text())
    set_keys(project.config, {"dataset.path": str(RESOURCES)})
    return project


@pytest.mark.parametrize("profile", ["slurm", "cluster-generic"])
def test_the_quick_configuration(quick: Project, tmp_path: Path, start: Callable[..., Started], profile: str) -> None:
    project, before = quick_project(tmp_path), len(completed())
    status, said = start(project, profile=profile).wait(seconds=480)
    assert status == 0, said
    assert checksums(project.folder / "results") == checksums(quick.folder / "results")

    until(lambda: len(completed(before)) >= 6 or None)
    jobs = completed(before)
    assert [job["JobState"] for job in jobs] == ["COMPLETED"] * 6, "five runs, and what is about them"
    assert {job["NodeList"] for job in jobs} == {"n1", "n2"}

    # Each is up to date for the other: results can be moved, and nothing runs again.
    line = [
        sys.executable,
        "-m",
        "snakemake",
        "--profile",
        f"profiles/{profile}",
        "--configfile",
        str(quick.config),
        "--dry-run",
    ]
    shown = subprocess.run(line, cwd=quick.folder, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in shown.stdout + shown.stderr
    assert planned(snakemake(project.folder, "--cores", 1, "--configfile", project.config, "--dry-run")) == set()


def test_several_runs_share_a_job(build: Project, tmp_path: Path, start: Callable[..., Started]) -> None:
    """Two candidates of a search and six runs, by four to a job; a search alone needs no table job of its own."""
    project, before = (
        Project(copy_project(tmp_path / "project"), write_config(tmp_path / "config.yaml")),
        len(completed()),
    )
    status, said = start(project, "--group-components", "run=4", "--until", "train", "evaluate").wait()
    assert status == 0, said
    until(lambda: len(completed(before)) >= 2 or None)
    assert len(completed(before)) == 2
    expected = checksums(build.folder / "results" / "runs")
    assert checksums(project.folder / "results" / "runs") == expected
