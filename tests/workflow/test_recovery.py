"""After a kill, damage on the disk or a lost .snakemake/, the same command goes on by itself, and no result is stale."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import until
from digits.core.files import changed_files, read_seal

from workflow.conftest import Project, checksums, make, run, set_keys

ROUNDS = int(os.environ.get("DIGITS_KILLS", "10"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def swap(path: Path) -> None:
    others = [other for other in path.parent.iterdir() if other.suffix == path.suffix and other != path]
    path.write_bytes(others[0].read_bytes() if others else b"something else")


def results(project: Project) -> dict[str, str]:
    return checksums(project.folder / "results") | checksums(project.folder / "resources")


@pytest.mark.parametrize("damage", [flip, empty, swap])
@pytest.mark.parametrize("keep_time", [True, False], ids=["time kept", "time new"])
def test_what_changed_on_disk_is_named_and_made_again(
    project: Project, damage: Callable[[Path], None], keep_time: bool
) -> None:
    before = results(project)
    chosen = ["resources/train-labels-idx1-ubyte", "results/tensors/train.safetensors", "results/summary.csv"]
    chosen += [f"results/runs/linear/seed-0/{name}" for name in ("weights.safetensors", "predictions.safetensors")]
    chosen += ["results/runs/tiny-conv/seed-1/metrics.json", "results/figures/curves.svg", "results/report.html"]
    for path in map(project.folder.joinpath, chosen):
        times = path.stat()
        damage(path)
        if keep_time:
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    said = run(project, "--dry-run").output
    assert f"Changed since they were made, and to be made again: {chosen[0]}" in said
    assert all((project.folder / path).exists() for path in chosen), "a dry run changes nothing"
    said = make(project).output
    assert f"made again: {chosen[0]}, " in said and "and 3 more." in said
    assert results(project) == before
    assert "Nothing to be done" in make(project).output


def test_without_snakemakes_records_nothing_counts_as_current(project: Project) -> None:
    before = results(project)
    shutil.rmtree(project.folder / ".snakemake")
    (project.folder / "results.old").mkdir()
    said = make(project).output
    assert "no record of what results/ were made from: they are kept as results.old-2/, and made again" in said
    assert results(project) == before
    assert checksums(project.folder / "results.old-2") == checksums(project.folder / "results")


def test_every_result_says_what_it_was_made_from(build: Project) -> None:
    assert changed_files([build.folder / "results", build.folder / "resources"]) == []
    for path in (build.folder / "results").rglob("[!.]*.*"):
        seal = read_seal(path)
        assert seal is not None, path
        assert all(made_from.exists() for made_from in seal)
    (seal,) = [read_seal(build.folder / "results/tensors/test.safetensors")]
    assert seal is not None and len(seal) == 5, "itself and the four raw files"


def start(project: Project) -> "subprocess.Popen[bytes]":
    line = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(project.config)]
    output = (project.folder.parent / "output").open("wb")
    return subprocess.Popen(line, cwd=project.folder, stdout=output, stderr=output, start_new_session=True)


def test_after_kills_at_random_moments_the_same_command_ends_the_work(project: Project) -> None:
    """Of Snakemake alone, whose jobs live on, or of all its processes; with nothing typed in between."""
    set_keys(project.config, {"models": ["linear"], "seeds": [0], "ladder": [], "searches": {}, "report.networks": []})
    shutil.rmtree(project.folder / "results")
    make(project)
    before = results(project)
    chance = random.Random(0)
    for _ in range(ROUNDS):
        for name in ("results", "resources", ".snakemake"):
            shutil.rmtree(project.folder / name)
        for _ in range(chance.randint(1, 3)):
            running = start(project)
            time.sleep(chance.uniform(0.5, 8))
            if chance.random() < 0.5:
                os.killpg(running.pid, signal.SIGKILL)
            else:
                running.kill()
            running.wait()
        make(project)
        assert results(project) == before
    assert not list((project.folder / "results").rglob(".*.part"))


def test_the_lock_of_a_living_snakemake_is_respected(project: Project) -> None:
    shutil.rmtree(project.folder / "results/runs")
    running = start(project)
    try:
        locks = project.folder / ".snakemake/locks"
        until(lambda: list(locks.glob("*.output.lock")))
        psutil.Process(running.pid).suspend()
        result = run(project)
        assert result.status != 0 and "lock" in result.output.lower()
        assert list(locks.glob("*.output.lock"))
        psutil.Process(running.pid).resume()
    finally:
        running.wait()
    assert "Nothing to be done" in make(project).output
