"""What a user's mistake or a broken machine gets from the whole workflow: one clear line, nothing finished lost, and a next
run that goes on where this one ended.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import DATA, Result, planned, snakemake

from workflow.conftest import RESULTS, Project, checksums, jobs, plan, set_keys


def build(project: Project, *arguments: object) -> Result:
    return snakemake(project.folder, "--cores", 1, "--configfile", project.config, *arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modelz": ["linear"]}, "unknown key 'modelz', did you mean 'models'?"),
        ({"recipes.linear.loss": "cross_entropi"}, "recipes.linear.loss: unknown value 'cross_entropi'"),
        ({"recipes.linear.weights": "normal"}, "recipes.linear.weights: is now called 'init'"),
        ({"recipes.published.early_stopping": 2}, "recipes.published.snapshots: early_stopping"),
        ({"ensembles": {"pair": {"recipe": "liner"}}}, "ensembles.pair.recipe: unknown recipe 'liner'"),
        ({"searches.rate.grid": {"learning_rat": [1]}}, "searches.rate: recipe: unknown key 'learning_rat'"),
        ({"models": [], "searches": {}}, "models is []"),
        ({"dataset.path": "no/such/folder"}, "dataset.path: no/such/folder: no such folder or file"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_before_any_job(
    project: Project, changes: dict[str, Any], message: str
) -> None:
    before = checksums(project.folder / "results")
    set_keys(project.config, changes)
    error = build(project).error()
    assert error.startswith("error: config: ")
    assert message in error
    assert checksums(project.folder / "results") == before


def test_a_configuration_that_is_no_yaml_is_said_by_snakemake(project: Project) -> None:
    project.config.write_text("seeds: [1\n")
    result = build(project)
    assert result.status != 0
    assert "Config file is not valid JSON or YAML" in result.output
    assert "Traceback" not in result.output


def test_a_damaged_copy_of_the_data_is_named_and_the_results_stay(project: Project, tmp_path: Path) -> None:
    shutil.copytree(DATA / "mnist", tmp_path / "mine")
    damaged = tmp_path / "mine" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(gzip.compress(b"something else"))
    set_keys(
        project.config, {"dataset.path": str(tmp_path / "mine"), "dataset.sha256.t10k-labels-idx1-ubyte": "0" * 64}
    )
    before = checksums(project.folder / "results")
    error = build(project).error()
    assert f"{tmp_path / 'mine'}: t10k-labels-idx1-ubyte: wrong checksum" in error
    assert checksums(project.folder / "results") == before


def test_a_training_that_diverges_leaves_the_other_results(project: Project) -> None:
    set_keys(project.config, {"seeds": [0], "recipes.published.loss": "cross_entropy"})
    assert build(project, "--until", "plot_workflow").status == 0  # it shows how many jobs there are
    set_keys(project.config, {"recipes.published.learning_rate": 1.0e37})
    before = checksums(project.folder / "results")
    error = build(project).error()
    assert error == "error: the loss became nan at epoch 1, batch 2 (step 2); choose a recipe.learning_rate below 1e+37"
    tensors = [f"{name}.safetensors" for name in ("weights", "snapshots", "validation")]
    made_anew = {f"runs/published/seed-0/{name}" for name in (*tensors, "history.csv")}
    after = checksums(project.folder / "results")
    assert after == {name: sum_ for name, sum_ in before.items() if name not in made_anew}

    set_keys(project.config, {"recipes.published.learning_rate": 0.1})
    assert plan(project).all == {"train published 0", "evaluate published 0"} | RESULTS


def running(process: psutil.Process, text: str) -> list[psutil.Process]:
    """Return the children of a process whose command line has a text in it, `python` before the shell that started it."""
    return [child for child in reversed(process.children(recursive=True)) if text in " ".join(child.cmdline())]


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_after_a_killed_training_the_next_run_makes_what_is_missing(project: Project, tmp_path: Path) -> None:
    set_keys(project.config, {"models": ["linear"], "recipes.linear.epochs": 150})
    shutil.rmtree(project.folder / "logs")
    arguments = [sys.executable, "-m", "snakemake", "--configfile", str(project.config), "--until", "train"]
    log = project.folder / "logs/train/linear-1.log"
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen([*arguments, "--cores", "2"], cwd=project.folder, stdout=output, stderr=output)
        try:
            wait_for(lambda: log.exists() and "epoch 10/150" in log.read_text())
            running(psutil.Process(process.pid), "--seed 1")[0].kill()
            assert process.wait() != 0
        finally:
            process.terminate()
            process.wait()
    said = (tmp_path / "output").read_text()
    assert "Error in rule train" in said
    assert "Traceback" not in said
    finished = checksums(project.folder / "results/runs/linear/seed-0")
    assert "weights.safetensors" in finished
    assert not (project.folder / "results/runs/linear/seed-1/weights.safetensors").exists()

    result = build(project, "--until", "train")
    assert result.status == 0, result.output
    assert re.findall("Training (.*)", result.output) == ["linear, seed 1"]
    assert checksums(project.folder / "results/runs/linear/seed-0") == finished
    assert not list((project.folder / "results").rglob(".*"))

    # The same training, not interrupted, elsewhere.
    again = shutil.copytree(project.folder, tmp_path / "again", ignore=shutil.ignore_patterns("runs", ".snakemake"))
    made = [f"results/runs/linear/seed-1/{name}" for name in ("weights.safetensors", "history.csv")]
    result = snakemake(again, made[0], "--configfile", project.config, "--cores", 1)
    assert result.status == 0, result.output
    assert [(again / path).read_bytes() for path in made] == [(project.folder / path).read_bytes() for path in made]


def as_ordinary_user(project: Project) -> Result:
    """Build in a process that permissions hold for, even where the tests run as root."""
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*prefix, sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", str(project.config)]
    done = subprocess.run(
        command, check=False, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Result(done.returncode, done.stdout)


def protect(folder: Path, kind: Callable[[Path], bool]) -> None:
    for path in [folder, *folder.rglob("*")]:
        if kind(path):
            path.chmod(path.stat().st_mode & ~0o222)


@pytest.mark.parametrize("part", ["results", "."])
def test_read_only_folders_are_named_and_stay(project: Project, part: str) -> None:
    folder = project.folder / part
    set_keys(project.config, {"recipes.linear.epochs": 4})
    before = checksums(folder)
    try:
        protect(folder, Path.is_dir)
        error = as_ordinary_user(project).error()
        assert error.startswith(
            f"error: {project.folder if part == '.' else part}: permission denied; check the permissions"
        )
        assert checksums(folder) == before
    finally:
        for path in [folder, *folder.rglob("*/")]:
            path.chmod(0o755)
    assert planned(build(project, "--dry-run")) == {"train", "evaluate"} | RESULTS


def test_read_only_results_are_named_by_snakemake_and_stay(project: Project) -> None:
    set_keys(project.config, {"recipes.linear.epochs": 4})
    before = checksums(project.folder / "results")
    protect(project.folder / "results", Path.is_file)
    result = as_ordinary_user(project)
    assert result.status != 0
    assert "Write-protected output files for rule" in result.output
    assert re.search(r"affected files:\n +results/\w+", result.output)
    assert "Traceback" not in result.output
    assert checksums(project.folder / "results") == before


def test_a_processor_without_avx2_is_said_at_the_start(project: Project) -> None:
    said = "This is x86-64 without AVX2: results differ in the last digits from those published."
    assert said not in build(project, "--forcerun", "convert", "--until", "convert").output
    arithmetic = project.folder / "workflow" / "digits" / "core" / "arithmetic.py"
    arithmetic.write_text(arithmetic.read_text().replace("LEVEL = {", 'LEVEL = {"none", '))
    assert said in build(project, "--until", "convert").output


def test_a_damaged_intermediate_file_is_named(project: Project) -> None:
    tensors = project.folder / "results" / "tensors" / "train.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:1000])
    error = build(project, "--until", "plot_data").error()
    assert error.startswith("error: results/tensors/train.safetensors: not a file that `digits.convert` wrote")
    assert error.endswith("; delete it and start again")

    tensors.unlink()
    assert plan(project).all == jobs({"convert", "plot_data", "train", "search", "evaluate"} | RESULTS)
