"""After a kill, damage on the disk or a lost .snakemake/, the same command goes on by itself, and no result is stale."""

import base64
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import until
from digits.core.files import altered, read_seal, seal_of, sealed_files

from workflow.conftest import Project, asked, checksums, copied, make, run, set_keys

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


@pytest.fixture(scope="module")
def linear_build(build: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The smallest pipeline: one run of one model, all tables but the ladder's, figures and report."""
    with copied(build, tmp_path_factory.mktemp("linear")) as copy:
        set_keys(copy.config, {"models": ["linear"], "seeds": [0], "ladder": [], "searches": {}, "report.networks": []})
        for name in ("results", ".snakemake"):
            shutil.rmtree(copy.folder / name)
        make(copy)
        yield copy


@pytest.fixture
def linear(linear_build: Project, tmp_path: Path) -> Iterator[Project]:
    with copied(linear_build, tmp_path) as copy:
        yield copy


@pytest.mark.parametrize(("damage", "keep_time"), [(flip, True), (empty, False), (swap, True)])
def test_what_changed_on_disk_is_named_and_made_again(
    linear: Project, damage: Callable[[Path], None], keep_time: bool
) -> None:
    before = results(linear)
    chosen = ["resources/train-labels-idx1-ubyte", "results/tensors/train.safetensors", "results/summary.csv"]
    chosen += [f"results/runs/linear/seed-0/{name}" for name in ("weights.safetensors", "predictions.safetensors")]
    chosen += ["results/runs/linear/seed-0/metrics.json", "results/figures/curves.svg", "results/report.html"]
    for path in map(linear.folder.joinpath, chosen):
        times = path.stat()
        damage(path)
        if keep_time:
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    said = run(linear, "--dry-run").output
    assert f"Changed since they were made, so they will be made again: {chosen[0]}" in said
    assert all((linear.folder / path).exists() for path in chosen), "a dry run changes nothing"
    said = make(linear).output
    assert f"made again: {chosen[0]}, " in said and "and 3 more." in said
    assert results(linear) == before
    assert "Nothing to be done" in make(linear).output


def test_what_came_from_elsewhere_with_its_seal_is_made_again(linear: Project) -> None:
    """A backup of another configuration's results, put back: everything is whole, but not what the records are about."""
    shutil.copytree(linear.folder / "results", linear.folder / "backup")
    set_keys(linear.config, {"recipes.linear.learning_rate": 0.5})
    make(linear)
    before = results(linear)
    shutil.rmtree(linear.folder / "results")
    (linear.folder / "backup").rename(linear.folder / "results")
    said = make(linear).output
    assert "Changed since they were made, so they will be made again: results/explorer.json, " in said
    assert results(linear) == before
    assert "Nothing to be done" in make(linear).output


def test_what_is_no_file_any_more_is_made_again(linear: Project) -> None:
    before = results(linear)
    pipe, link, folder = (linear.folder / "results" / name for name in ("metrics.csv", "mistakes.csv", "summary.csv"))
    for path in (pipe, link, folder):
        path.unlink()
    os.mkfifo(pipe)
    link.symlink_to("nowhere")
    folder.mkdir()
    assert run(linear).error() == "error: results/summary.csv: a folder is in the place of this file; move it away"
    folder.rmdir()
    assert "will be made again: results/metrics.csv, results/mistakes.csv." in make(linear).output
    assert results(linear) == before


@pytest.mark.parametrize("hidden", [True, False], ids=["with seals", "without hidden files"])
def test_without_snakemakes_records_nothing_counts_as_current(linear: Project, hidden: bool) -> None:
    before = results(linear)
    shutil.rmtree(linear.folder / ".snakemake")
    for seal in [] if hidden else list((linear.folder / "results").rglob(".*.sha256")):
        seal.unlink()
    (linear.folder / "results.old").mkdir()
    said = make(linear).output
    assert "no record of what results/ was made from: it is kept as results.old-2/ and made again" in said
    assert results(linear) == before
    assert checksums(linear.folder / "results.old-2") == checksums(linear.folder / "results")


def test_every_result_says_what_it_was_made_from(build: Project) -> None:
    assert altered(sealed_files([build.folder / "results", build.folder / "resources"])) == []
    for path in [path for path in (build.folder / "results").rglob("[!.]*") if path.is_file()]:
        seal = read_seal(path)
        assert seal is not None, path
        assert all(made_from.exists() for made_from in seal)
    seal = read_seal(build.folder / "results/tensors/test.safetensors")
    assert seal is not None and len(seal) == 5, "itself and the four raw files"


def start(project: Project) -> "subprocess.Popen[bytes]":
    line = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", str(project.config)]
    output = (project.folder.parent / "output").open("wb")
    return subprocess.Popen(line, cwd=project.folder, stdout=output, stderr=output, start_new_session=True)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_after_kills_at_random_moments_the_same_command_ends_the_work(linear: Project, seed: int) -> None:
    """Of Snakemake alone, whose jobs live on, or of all its processes; with nothing typed in between."""
    before = results(linear)
    for name in ("results", "resources", ".snakemake"):
        shutil.rmtree(linear.folder / name)
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        running = start(linear)
        time.sleep(chance.uniform(0.5, 8))
        if chance.random() < 0.5:
            os.killpg(running.pid, signal.SIGKILL)
        else:
            running.kill()
        running.wait()
    make(linear)
    assert results(linear) == before
    assert not list((linear.folder / "results").rglob(".*.part"))


def test_the_lock_of_a_living_snakemake_is_respected(linear: Project) -> None:
    shutil.rmtree(linear.folder / "results/runs")
    running = start(linear)
    try:
        locks = linear.folder / ".snakemake/locks"
        until(lambda: list(locks.glob("*.output.lock")))
        psutil.Process(running.pid).suspend()
        result = run(linear)
        assert result.status != 0 and "lock" in result.output.lower()
        assert list(locks.glob("*.output.lock"))
        psutil.Process(running.pid).resume()
    finally:
        running.wait()
    assert "Nothing to be done" in make(linear).output


def test_a_question_changes_nothing(linear: Project) -> None:
    flip(linear.folder / "results/summary.csv")
    before = results(linear)
    for question in ("--list-rules", "--summary", "--lint=text"):
        run(linear, question)
    asked(linear.folder, linear.config, lambda workflow: len(workflow.rules))  # from Python
    assert results(linear) == before
    shutil.rmtree(linear.folder / ".snakemake")
    assert "kept as results.old/" in run(linear, "--summary").output
    assert results(linear) == before


def test_what_has_no_record_or_no_seal_is_made_again(linear: Project) -> None:
    """Also in a folder that is a link; and what no rule makes is left alone."""
    before = results(linear)
    folder = linear.folder / "results"
    name = base64.urlsafe_b64encode(b"results/summary.csv").decode()
    (linear.folder / ".snakemake/metadata" / name).write_bytes(b"{}")
    (linear.folder / ".snakemake/locks").mkdir(exist_ok=True)
    (linear.folder / ".snakemake/locks/0.output.lock").write_bytes(b"\xff\xfe\nresults/summary.csv\n")
    seal_of(folder / "metrics.csv").unlink()
    flip(folder / "metrics.csv")
    (folder / "runs").rename(linear.folder / "elsewhere")
    (folder / "runs").symlink_to(linear.folder / "elsewhere")
    flip(folder / "runs/linear/seed-0/metrics.json")
    (folder / "notes.txt").write_text("mine")
    seal_of(folder / "notes.txt").write_text("mine")
    said = make(linear).output
    assert "made again: results/metrics.csv, results/runs/linear/seed-0/metrics.json." in said
    assert "No record of what these were made from, so they will be made again: results/summary.csv." in said
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    (folder / "runs").unlink()
    (linear.folder / "elsewhere").rename(folder / "runs")
    assert results(linear) == before
