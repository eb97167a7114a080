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
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, Result, process, skip, until
from workflow.conftest import Project

SLURM = ROOT / "tools" / "slurm.sh"
COMPLETED = Path("/var/lib/digits-slurm/completed.txt")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "slurmdbd", "mariadb-server")
MEMORY = 11e9  # bytes, of which tools/slurm.sh gives 40 % to each node
PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")
# A look at the queue every second or two, where the profiles take ten.
OFTEN = {"slurm": "--slurm-init-seconds-before-status-checks=1", "cluster-generic": "--seconds-between-status-checks=2"}


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
    if any(other.name() == "slurmctld" for other in psutil.process_iter()):
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
    done = process([SLURM, *arguments])
    assert done.status == 0, done.output


class Started:
    """A call of Snakemake that is under way."""

    def __init__(self, place: Project, profile: str, *arguments: object) -> None:
        self.folder, self.log = place.folder, place.folder.parent / "snakemake.log"
        # What a script starts in the background ignores Ctrl-C, and so does all that it starts, this test and Snakemake too.
        line = ["env", "--default-signal=INT", sys.executable, "-m", "snakemake"]
        line += [*map(str, arguments), "--profile", f"profiles/{profile}"]
        line += [OFTEN[profile], "--latency-wait", "10", "--configfile", str(place.config)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(line, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    def wait(self, succeeds: bool = True) -> str:
        """Return the output, once it has ended, as it must."""
        try:
            status = self.process.wait(timeout=600)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.output()}") from None
        assert (status == 0) is succeeds, self.output()
        return self.output()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def held(self, command: str = "digits.train", but: tuple[int, ...] = ()) -> psutil.Process:
        """Wait until a job runs a command of the package, and stop it there, so that there is time to do harm."""

        def find() -> psutil.Process | None:
            for job in psutil.process_iter():
                with contextlib.suppress(psutil.NoSuchProcess):
                    line = job.cmdline()
                    if line[1:3] == ["-m", command] and job.cwd() == str(self.folder) and job.pid not in but:
                        return job
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

        def ask() -> Result | None:
            done = process(["squeue", "--noheader", "--format=%i %Z"])
            return done if done.status == 0 else None

        lines = until(ask).output.splitlines()
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


Start = Callable[..., Started]  # what `starting` gives: starts Snakemake in a project, with a profile


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
