"""Whole configurations through the profiles give the bytes that one machine gives."""

import sys
from pathlib import Path

from conftest import ROOT, copy_project, process, until, write_config
from workflow.conftest import Project, checksums, set_keys

from cluster.conftest import Start

RESOURCES = ROOT / "resources"  # the images that `make report` downloaded


def quick_project(folder: Path) -> Project:
    """Return a copy of the project with config/quick.yaml."""
    project = Project(copy_project(folder / "project"), folder / "config.yaml")
    project.config.write_text((ROOT / "config" / "quick.yaml").read_text())
    set_keys(project.config, {"dataset.path": str(RESOURCES)})
    return project


def here(project: Project, *arguments: object) -> str:
    """Run Snakemake on this machine; return what it says."""
    line = [sys.executable, "-m", "snakemake", "--configfile", project.config, *arguments]
    done = process(line, cwd=project.folder)
    assert done.status == 0, done.output
    return done.output


def small_project(folder: Path) -> Project:
    """Return a copy of the project with the small data set: six runs, and two candidates of a search."""
    return Project(copy_project(folder / "project"), write_config(folder / "config.yaml"))


def small_locally(folder: Path) -> Project:
    """Build its runs on this machine."""
    project = small_project(folder)
    here(project, "--cores", 2, "--until", "evaluate", "search")
    return project


def quick_locally(folder: Path) -> Project:
    """Build config/quick.yaml on this machine."""
    project = quick_project(folder)
    here(project, "--cores", 2)
    return project


def quick_handed_over(start: Start, folder: Path, local: Project, profile: str) -> None:
    """Jobs on both nodes give the same bytes; results can be moved, and nothing runs again for it."""
    project = quick_project(folder)
    started = start(project, profile=profile)
    started.wait()
    assert checksums(project.folder / "results") == checksums(local.folder / "results")

    until(lambda: len(started.completed()) >= 11)
    jobs = started.completed()
    assert [job["JobState"] for job in jobs] == ["COMPLETED"] * 11, (
        "five runs, five of the experiment, and what is about them"
    )
    assert {job["NodeList"] for job in jobs} == {"n1", "n2"}

    assert "Nothing to be done" in here(local, "--profile", f"profiles/{profile}", "--dry-run")
    assert "Nothing to be done" in here(project, "--cores", 1, "--dry-run")


def several_runs_share_a_job(start: Start, folder: Path, local: Project) -> None:
    """Two candidates of a search and six runs, by four to a job; a search alone needs no table job of its own."""
    project = small_project(folder)
    started = start(project, "--group-components", "run=4", "--until", "train", "evaluate")
    started.wait()
    until(lambda: len(started.completed()) >= 2)
    assert len(started.completed()) == 2
    assert checksums(project.folder / "results" / "runs") == checksums(local.folder / "results" / "runs")
