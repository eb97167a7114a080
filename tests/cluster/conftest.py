"""What the tests on a real SLURM share: two nodes on this machine, and ways to run the pipeline on them and to do harm."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import psutil
import pytest
from conftest import ROOT, skip
from workflow.conftest import Project

T = TypeVar("T")
SLURM = ROOT / "tools" / "slurm.sh"
COMPLETED = Path("/var/lib/digits-slurm/completed.txt")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "slurmdbd", "mariadb-server")
MEMORY = 11e9  # bytes, of which tools/slurm.sh gives 40 % to each node
PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")
# A look at the queue every second or two, where the profiles take ten.
OFTEN = {
    "slurm": ["--slurm-init-seconds-before-status-checks", "1"],
    "cluster-generic": ["--seconds-between-status-checks", "2"],
}


def lacking() -> Iterator[str]:
    """Say why the tests cannot run here, if so."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    programs = ("munged", "slurmctld", "slurmd", "sbatch", "slurmdbd", "mariadbd")
    if not all(shutil.which(name, path=path) for name in programs):
        yield "SLURM is not installed; on Debian or Ubuntu: apt install " + " ".join(PACKAGES)
    if not all(map(importlib.util.find_spec, PLUGINS)):
        yield "Snakemake's plugins are not installed: make cluster-env"
    if psutil.virtual_memory().total < MEMORY:
        yield f"each of two nodes needs 4 GB of memory, and this machine has less than {MEMORY / 1e9:.0f} GB in all"
    if any(process.name() == "slurmctld" for process in psutil.process_iter()):
        yield "a SLURM is up here already; if it is this project's: make slurm-down"
    if os.geteuid() != 0:
        yield "SLURM's daemons need root"
    elif not may_mount():
        yield "root may not mount a file system here, which the test of a full disk does"


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "none", folder], stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return done.returncode == 0


@pytest.fixture(scope="session", autouse=True)
def _cluster() -> Iterator[None]:
    """A cluster of two nodes, which take four jobs each at a time, so that what waits for a clock waits together."""
    if reasons := "; ".join(lacking()):
        skip(reasons)
    try:
        slurm("up", "4")
        yield
    finally:
        slurm("down")


def slurm(*arguments: str) -> None:
    done = subprocess.run([SLURM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


class Started:
    """A call of Snakemake that is under way."""

    def __init__(self, place: Project, profile: str, *arguments: object) -> None:
        self.folder, self.log = place.folder, place.folder.parent / "snakemake.log"
        # What a script starts in the background ignores Ctrl-C, and so does all that it starts, this test and Snakemake too.
        line = ["env", "--default-signal=INT", sys.executable, "-m", "snakemake"]
        line += [*map(str, arguments), "--profile", f"profiles/{profile}"]
        line += [*OFTEN[profile], "--latency-wait", "10", "--configfile", str(place.config)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(line, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    def wait(self, seconds: float = 600) -> tuple[int, str]:
        """Return exit status and output, once it has ended."""
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.output()}") from None
        return status, self.output()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def held(self, command: str = "digits.train", but: tuple[int, ...] = ()) -> psutil.Process:
        """Wait until a job runs a command of the package, and stop it there, so that there is time to do harm."""

        def find() -> psutil.Process | None:
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.NoSuchProcess):
                    line = process.cmdline()
                    if line[1:3] == ["-m", command] and process.cwd() == str(self.folder) and process.pid not in but:
                        return process
            assert self.process.poll() is None, self.output()
            return None

        found = until(find)
        found.suspend()
        return found

    def end(self) -> None:
        """Kill what is left, of Snakemake and of its jobs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.cancel()

    def jobs(self) -> list[str]:
        """Return the numbers of its jobs that wait or run, as soon as the scheduler answers."""

        def ask() -> subprocess.CompletedProcess[str] | None:
            done = subprocess.run(
                ["squeue", "--noheader", "--format=%i %Z"], capture_output=True, text=True, check=False
            )
            return done if done.returncode == 0 else None

        lines = until(ask).stdout.splitlines()
        return [number for number, folder in map(str.split, lines) if folder == str(self.folder)]

    def cancel(self) -> None:
        """Cancel its jobs, as somebody else would."""
        if jobs := self.jobs():
            subprocess.run(["scancel", *jobs], check=True)

    def completed(self) -> list[dict[str, str]]:
        """Return what SLURM's completion log says about each of its jobs that has ended."""
        lines = COMPLETED.read_text().splitlines() if COMPLETED.exists() else []
        jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]
        return [job for job in jobs if job["WorkDir"] == str(self.folder)]


def until(condition: Callable[[], T | None], seconds: float = 300) -> T:
    """Wait until a condition holds; return what it gives."""
    ends = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.3)
    return value


class Start(Protocol):
    """What `starting` gives: starts Snakemake in a project, with a profile."""

    def __call__(self, place: Project, *arguments: object, profile: str = "slurm") -> Started: ...


@contextlib.contextmanager
def starting() -> Iterator[Start]:
    """For calls of Snakemake; whatever happens, nothing of them stays."""
    started: list[Started] = []

    def begin(place: Project, *arguments: object, profile: str = "slurm") -> Started:
        started.append(Started(place, profile, *arguments))
        return started[-1]

    try:
        yield begin
    finally:
        for one in started:
            one.end()
