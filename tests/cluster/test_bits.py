"""The quick configuration through each profile, on both nodes, gives the bytes that one machine gives."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, copy_project, planned, skip, snakemake, write_config
from workflow.conftest import Project, checksums, set_keys

from cluster.conftest import OFTEN, Start, Started, starting, until

RESOURCES = ROOT / "resources"
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


def quick_project(folder: Path) -> Project:
    project = Project(copy_project(folder / "project"), folder / "config.yaml")
    project.config.write_text((ROOT / "config" / "quick.yaml").read_text())
    set_keys(project.config, {"dataset.path": str(RESOURCES)})
    return project


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Project, Started]]]:
    """config/quick.yaml, under way through each profile, from the images that `make report` downloaded."""
    if not (RESOURCES / "train-images-idx3-ubyte").exists():
        skip("the images are not there: make report")
    projects = {profile: quick_project(tmp_path_factory.mktemp(profile)) for profile in OFTEN}
    with starting() as start:
        yield {profile: (project, start(project, profile=profile)) for profile, project in projects.items()}


@pytest.fixture(scope="module")
def quick(handed_over: object, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, built on this machine meanwhile."""
    project = quick_project(tmp_path_factory.mktemp("quick"))
    result = snakemake(project.folder, "--cores", 2, "--configfile", project.config)
    assert result.status == 0, result.output
    return project


@pytest.mark.parametrize("profile", OFTEN)
def test_the_quick_configuration(handed_over: dict[str, tuple[Project, Started]], quick: Project, profile: str) -> None:
    project, started = handed_over[profile]
    status, said = started.wait()
    assert status == 0, said
    assert checksums(project.folder / "results") == checksums(quick.folder / "results")

    until(lambda: len(started.completed()) >= 6)
    jobs = started.completed()
    assert [job["JobState"] for job in jobs] == ["COMPLETED"] * 6, "five runs, and what is about them"
    assert {job["NodeList"] for job in jobs} == {"n1", "n2"}

    # Each is up to date for the other: results can be moved, and nothing runs again.
    line = [*SNAKEMAKE, "--profile", f"profiles/{profile}", "--configfile", str(quick.config), "--dry-run"]
    shown = subprocess.run(line, cwd=quick.folder, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in shown.stdout + shown.stderr
    assert planned(snakemake(project.folder, "--cores", 1, "--configfile", project.config, "--dry-run")) == set()


def test_several_runs_share_a_job(build: Project, tmp_path: Path, start: Start) -> None:
    """Two candidates of a search and six runs, by four to a job; a search alone needs no table job of its own."""
    project = Project(copy_project(tmp_path / "project"), write_config(tmp_path / "config.yaml"))
    started = start(project, "--group-components", "run=4", "--until", "train", "evaluate")
    status, said = started.wait()
    assert status == 0, said
    until(lambda: len(started.completed()) >= 2)
    assert len(started.completed()) == 2
    expected = checksums(build.folder / "results" / "runs")
    assert checksums(project.folder / "results" / "runs") == expected
