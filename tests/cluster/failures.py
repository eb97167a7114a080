"""What goes wrong on clusters, done to a real one. Each time: what the user sees names rule, wildcards and log, or the job is
tried again; what had finished stays; and the next run, or this one, completes to the bits of the local build.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import until
from workflow.conftest import Project, checksums, copied

from cluster.conftest import Start, Started, slurm

RUN = "results/runs/published/seed-1"
OTHER = "results/runs/linear/seed-0"
METRICS = f"{RUN}/metrics.json"


@contextlib.contextmanager
def lacking_two_runs(build: Project, folder: Path) -> Iterator[Project]:
    """Give the small data set, built locally, but without two runs, which the tests have made again."""
    with copied(build, folder) as copy:
        for run in (RUN, OTHER):
            shutil.rmtree(copy.folder / run)
        yield copy


def assert_completes(start: Start, project: Project, build: Project, *runs: str) -> None:
    """Go on as a user would, and compare with what a local build gave."""
    started = start(project, *(f"{run}/metrics.json" for run in (RUN, *runs)))
    started.wait()
    assert_same_bits(project, build, *runs)
    assert started.jobs() == []


def assert_same_bits(project: Project, build: Project, *runs: str) -> None:
    for run in (RUN, *runs):
        assert checksums(project.folder / run) == checksums(build.folder / run)


def assert_names(said: str, project: Project) -> None:
    """The message has the rule, its model and seed, its log, and the scheduler's log, whose end it shows."""
    assert "Traceback" not in said
    assert "Error in group run" in said
    assert "rule train:" in said
    assert "train:model=published,seed=1" in said
    assert "log: logs/train/published-1.log" in said
    assert re.search(r"log: \S+/logs/slurm/\S+\.log", said)
    assert list((project.folder / "logs" / "slurm").rglob("*.log"))


def assert_tried_again(started: Started, project: Project, build: Project, why: str) -> None:
    """The job is submitted once more, after a message that says why (a regular expression), and then completes."""
    said = started.wait()
    assert_names(said, project)
    assert "Trying to restart job" in said
    assert re.search(why, said)
    assert_same_bits(project, build)


def a_killed_training(start: Start, project: Project, build: Project) -> None:
    """Two runs share a job; the second to train is killed. It is named, and the first stays."""
    targets = [f"{run}/metrics.json" for run in (RUN, OTHER)]
    started = start(project, *targets, "--group-components", "run=2", "--retries", 0)
    first = started.held()
    done, killed = (RUN, OTHER) if "--seed 1" in " ".join(first.cmdline()) else (OTHER, RUN)
    first.resume()
    second = started.held(but=(first.pid,))
    second.kill()
    said = started.wait(succeeds=False)
    assert_names(said, project)
    weights = project.folder / done / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    assert not (project.folder / killed / "weights.safetensors").exists()
    assert_completes(start, project, build, OTHER)
    assert weights.stat().st_mtime_ns == written, "it was not trained again"


def a_cancelled_job(start: Start, project: Project, build: Project) -> None:
    started = start(project, METRICS)
    started.held()
    started.cancel()
    assert_tried_again(started, project, build, why=r"JOB \d+ ON n\d CANCELLED")


def too_little_memory(start: Start, project: Project, build: Project) -> None:
    started = start(project, METRICS, "--set-resources", "train:mem_mb=400*attempt", "evaluate:mem_mb=400*attempt")
    assert_tried_again(started, project, build, why="exceeded memory limit")


def too_little_time(start: Start, project: Project, build: Project) -> None:
    started = start(project, METRICS, "--set-resources", "train:runtime=1*attempt", "evaluate:runtime=0")
    started.held()  # for ever: only the time limit ends it
    assert_tried_again(started, project, build, why="DUE TO TIME LIMIT")


def a_full_disk(start: Start, project: Project, build: Project) -> None:
    disk = (project.folder / RUN).parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", disk], check=True)
    (disk / "of others").touch()  # Snakemake removes folders that are empty
    try:
        said = start(project, METRICS, "--retries", 0).wait(succeeds=False)
        assert_names(said, project)
        assert f"error: {RUN}: the disk is full; free some space and start again" in said
        assert list(checksums(disk)) == ["of others"]
    finally:
        subprocess.run(["umount", disk], check=True)
    assert_completes(start, project, build)


def ctrl_c(start: Start, project: Project, build: Project, profile: str = "slurm") -> None:
    """Of two jobs that run, none stays in the queue."""
    started = start(project, METRICS, f"{OTHER}/metrics.json", profile=profile)
    first = started.held()
    started.held(but=(first.pid,))
    assert len(started.jobs()) == 2
    os.killpg(started.process.pid, signal.SIGINT)  # as a terminal does
    said = started.wait(succeeds=False)
    assert "Traceback" not in said
    until(lambda: started.jobs() == [], seconds=30)
    assert_completes(start, project, build, OTHER)


def a_node_that_disappears(start: Start, project: Project, build: Project, over: Callable[[], None]) -> None:
    """With its daemon, all of the job's processes die. SLURM puts the job back into its queue, for the other node."""
    started = start(project, METRICS)
    held = started.held()
    node = held.environ()["SLURMD_NODENAME"]
    try:
        slurm("lose", node)
        until(lambda: not held.is_running() or held.status() == psutil.STATUS_ZOMBIE)
        until((project.folder / METRICS).exists)
    finally:
        slurm("node-up", node)
    over()
    said = started.wait()
    assert "Trying to restart job" not in said, "it is SLURM that starts it again"
    assert_same_bits(project, build)


def a_scheduler_that_does_not_answer(start: Start, project: Project, build: Project, over: Callable[[], None]) -> None:
    """It is frozen while a job trains. The training goes on; the evaluation, which the scheduler must start, cannot be
    started and the job is tried again.
    """
    controller = psutil.Process(int(Path("/var/lib/digits-slurm/slurmctld.pid").read_text()))
    started = start(project, METRICS)
    held = started.held()
    controller.suspend()
    try:
        held.resume()
        with pytest.raises(subprocess.TimeoutExpired):
            started.process.wait(timeout=60)
    finally:
        controller.resume()
    over()
    started.wait()
    assert_same_bits(project, build)
