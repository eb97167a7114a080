"""What a user's mistake or a broken machine gets from the whole workflow: one clear line, nothing finished lost, and a next
run that goes on where this one ended.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import DATA, Result, planned, process, until

from workflow.conftest import RESULTS, Project, checksums, make, plan, run, set_keys


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modelz": ["linear"]}, "unknown key 'modelz', did you mean 'models'?"),
        ({"searches.rate.grid": {"learning_rat": [1]}}, "searches.rate: recipe: unknown key 'learning_rat'"),
        ({"dataset.path": "no/such/folder"}, "dataset.path: no/such/folder: no such folder or file"),
    ],
)
def test_a_bad_configuration_is_one_line(project: Project, changes: dict[str, Any], message: str) -> None:
    before = checksums(project.folder / "results")
    set_keys(project.config, changes)
    error = run(project).error()
    assert error.startswith("error: config: ")
    assert message in error
    assert checksums(project.folder / "results") == before


def test_a_configuration_that_is_no_yaml_is_said_by_snakemake(project: Project) -> None:
    project.config.write_text("seeds: [1\n")
    result = run(project)
    assert result.status != 0
    assert "Config file is not valid JSON or YAML" in result.output
    assert "Traceback" not in result.output


def test_a_damaged_copy_of_the_data_is_named_and_the_results_stay(project: Project, tmp_path: Path) -> None:
    shutil.copytree(DATA / "mnist", tmp_path / "mine")
    damaged = tmp_path / "mine" / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(gzip.compress(b"something else"))
    set_keys(project.config, {"dataset.path": str(damaged.parent), f"dataset.sha256.{damaged.stem}": "0" * 64})
    before = checksums(project.folder / "results")
    error = run(project).error()
    assert f"{tmp_path / 'mine'}: t10k-labels-idx1-ubyte: wrong checksum" in error
    assert checksums(project.folder / "results") == before


def test_a_training_that_diverges_leaves_the_other_results(project: Project) -> None:
    set_keys(project.config, {"seeds": [0], "recipes.published.loss": "cross_entropy"})
    make(project, "--until", "plot_workflow")  # it shows how many jobs there are
    set_keys(project.config, {"recipes.published.learning_rate": 1.0e37})
    before = checksums(project.folder / "results")
    error = run(project).error()
    assert error == "error: the loss became nan at epoch 1, batch 2 (step 2); choose a recipe.learning_rate below 1e+37"
    tensors = [f"{name}.safetensors" for name in ("weights", "snapshots", "validation")]
    made_anew = {f"runs/published/seed-0/{name}" for name in (*tensors, "history.csv")}
    after = checksums(project.folder / "results")
    assert after == {name: sum_ for name, sum_ in before.items() if name not in made_anew}

    set_keys(project.config, {"recipes.published.learning_rate": 0.1})
    assert plan(project).all == {"train published 0", "evaluate published 0"} | RESULTS


def test_what_the_images_and_a_recipe_for_others_warned_of_is_said_at_the_end(project: Project) -> None:
    (project.folder / "logs/convert.log").write_text("warning: two classes, 'A' and 'a'\ntrain: 3 images\n")
    set_keys(
        project.config,
        {"models": ["linear"], "recipes.linear": {"crop": 5, "epochs": 1, "batch_size": 50, "validation_size": 0}},
    )
    said = make(project, "--until", "train").output
    assert said.count("warning") == 2 and said.count("\nimages: warning: two classes, 'A' and 'a'\n") == 1
    assert said.count("\nlinear: warning: recipe.crop: 5 leaves 18×18 of 28×28 pixels; choose 0\n") == 1


def test_after_a_killed_training_the_next_run_makes_what_is_missing(project: Project, tmp_path: Path) -> None:
    set_keys(project.config, {"models": ["linear"], "recipes.linear.epochs": 150})
    shutil.rmtree(project.folder / "logs")
    arguments = [sys.executable, "-m", "snakemake", "--configfile", str(project.config), "--until", "train"]
    log = project.folder / "logs/train/linear-1.log"
    with (tmp_path / "output").open("w") as output:
        running = subprocess.Popen([*arguments, "--cores", "2"], cwd=project.folder, stdout=output, stderr=output)
        try:
            until(lambda: log.exists() and "epoch 10/150" in log.read_text())
            children = psutil.Process(running.pid).children(recursive=True)
            [child for child in children if "--seed 1" in " ".join(child.cmdline())][-1].kill()  # Python, not its shell
            assert running.wait() != 0
        finally:
            running.terminate()
            running.wait()
    said = (tmp_path / "output").read_text()
    assert "Error in rule train" in said
    assert "Traceback" not in said
    finished = checksums(project.folder / "results/runs/linear/seed-0")
    assert "weights.safetensors" in finished
    assert not (project.folder / "results/runs/linear/seed-1/weights.safetensors").exists()

    assert re.findall("Training (.*)", make(project, "--until", "train").output) == ["linear, seed 1"]
    assert checksums(project.folder / "results/runs/linear/seed-0") == finished
    assert not list((project.folder / "results").rglob(".*.part"))


def as_ordinary_user(project: Project) -> Result:
    """Build in a process that permissions hold for, even where the tests run as root."""
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*prefix, sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", str(project.config)]
    return process(command, cwd=project.folder)


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
        place = project.folder if part == "." else part
        assert error.startswith(f"error: {place}: permission denied; check the permissions")
        assert checksums(folder) == before
    finally:
        for path in [folder, *folder.rglob("*/")]:
            path.chmod(0o755)
    assert planned(run(project, "--dry-run")) == {"train", "evaluate"} | RESULTS


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
    assert said not in run(project, "--forcerun", "convert", "--until", "convert").output
    arithmetic = project.folder / "workflow" / "digits" / "core" / "arithmetic.py"
    arithmetic.write_text(arithmetic.read_text().replace("LEVEL = {", 'LEVEL = {"none", '))
    assert said in run(project, "--until", "convert").output
