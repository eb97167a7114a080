"""The workflow as a whole: its rules, a job for each model and seed, every overlay, image files, Snakemake's own report."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, copy_project, planned, snakemake, write_config
from digits.core.files import sha256
from pictures import image_tree, png
from project import TENSORS
from safetensors.numpy import load_file

from workflow.conftest import (
    AFTER,
    EXPERIMENT_RULES,
    LADDER_RULES,
    Project,
    asked,
    jobs,
    make,
    plan,
    rules_of,
    run,
    set_keys,
)

LOCAL = {"download", "convert"}  # they run where snakemake does
DEFAULT = ("linear", "small", "published", "repaired", "convnet")
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
LADDER = tuple(yaml.safe_load((ROOT / "config" / "ladder.yaml").read_text())["models"])
SEARCHES = ("search", "general-search", "sweep")
# Models and seeds of each file in config/ that builds the report.
OVERLAYS = {
    "config": (DEFAULT, (0, 1, 2)),
    "quick": (DEFAULT, (0,)),
    "five-seeds": (DEFAULT, (0, 1, 2, 3, 4)),
    "ladder": (LADDER, (0, 1, 2)),
    "best": (("best-single",), range(15)),
    "fast": (("fast",), range(10)),
}


def test_every_configuration_file_is_tested() -> None:
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} == {*OVERLAYS, *SEARCHES, "own-images"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_configuration_file_plans_each_rule_and_a_run_for_each_model_and_seed(tmp_path: Path, name: str) -> None:
    models, seeds = OVERLAYS[name]
    folder = copy_project(tmp_path / "project")
    project = Project(folder, folder / "config" / f"{name}.yaml")
    without = {"search"} | (set() if "linear" in models else LADDER_RULES)  # where no model is on the ladder
    ensembles = {"best": range(5)} if name == "best" else {}
    expected = jobs(AFTER.keys() - without, models, seeds, candidates=(), ensembles=ensembles)
    if "published" in models:
        own = set(CONFIG["experiment"]["recipes"]) - set(models)
        expected |= EXPERIMENT_RULES | jobs({"train"}, own, seeds, candidates=())
    if "few-transfer" in models:  # its features come from a model that the report is not about
        expected |= jobs({"train digits-0-4"}, seeds=seeds)
    assert plan(project).all == expected


def test_features_come_from_the_run_of_another_recipe_with_the_same_seed(tmp_path: Path) -> None:
    """Its recipe need not be among the models: it is trained, and not evaluated."""
    project = Project(copy_project(tmp_path / "project"), write_config(tmp_path / "config.yaml", models=["target"]))
    set_keys(project.config, {"searches": {}})
    target = {"hidden": [20], "features_of": "published", "validation_size": 0, "batch_size": 50, "epochs": 2}
    set_keys(project.config, {"recipes.target": target})
    rules = AFTER.keys() - {"search"} - LADDER_RULES
    assert plan(project).all == jobs(rules, ["target"], candidates=()) | jobs(["train published"])
    wanted = "results/runs/target/seed-1/metrics.json"
    make(project, wanted)
    runs = project.folder / "results" / "runs"
    source, own = (load_file(runs / model / "seed-1" / "weights.safetensors") for model in ("published", "target"))
    assert np.array_equal(source["w1"], own["w1"]) and not np.array_equal(source["w2"], own["w2"])
    assert not (runs / "published" / "seed-0").exists()

    set_keys(project.config, {"recipes.published.learning_rate": 7})
    result = make(project, wanted, "--dry-run")
    assert planned(result) == {"train", "evaluate"}
    assert re.findall("Training (.*)", result.output) == ["published, seed 1", "target, seed 1"]


def test_the_default_configuration_needs_no_argument(tmp_path: Path) -> None:
    result = snakemake(copy_project(tmp_path / "project"), "--cores", 1, "--dry-run")
    assert planned(result) == set(AFTER) - {"search", "combine"} | EXPERIMENT_RULES


def test_each_rule_says_what_it_does_needs_and_depends_on(rules: dict[str, dict[str, Any]]) -> None:
    assert set(rules) == {*AFTER, "convert images"}
    for name, rule in rules.items():
        assert rule["log"] and rule["message"] and rule["source"], name
        assert rule["command"].startswith("python -m digits.") and rule["command"].endswith("2> {log}"), name
        assert rule["benchmark"] is (name != "download"), "what is declared can be held against what was measured"
        assert rule["local"] is (name in LOCAL), name
        for named, unnamed in rule["entries"]:
            assert not unnamed or (named, unnamed) == (0, 1), f"{name} names what it has several of"
        first, third = rule["resources"]
        for resource in ("mem_mb", "runtime"):
            assert third[resource] == 3 * first[resource] > 0, "what is tried again asks for more"


def test_training_and_evaluation_ask_for_the_memory_of_their_images(tmp_path: Path) -> None:
    """As soon as the images are there; until then for what they need without."""
    project, config = copy_project(tmp_path / "project"), write_config(tmp_path / "config.yaml")
    assert asked(project, config, memory) == {"train": 2000, "evaluate": 1000}
    (project / TENSORS[0]).parent.mkdir(parents=True)
    for path in TENSORS:
        with (project / path).open("wb") as file:
            file.truncate(3_000_000_000)  # a hole, which takes no room on the disk
    assert asked(project, config, memory) == {"train": 5000, "evaluate": 4000}


def memory(workflow: Any) -> dict[str, int]:
    """Return how much a job of each of these rules asks for at the first attempt, given the files that there are."""
    rules = {rule.name: rule for rule in workflow.rules if rule.name in ("train", "evaluate")}
    wildcards = {"model": "linear", "seed": "0"}
    return {n: r.expand_resources(wildcards, r.expand_input(wildcards)[0], 1).get("mem_mb") for n, r in rules.items()}


def test_a_training_alone_asks_for_a_gpu_where_the_device_is_cuda(tmp_path: Path) -> None:
    for device, gpus in (("cpu", 0), ("cuda", 1)):
        found = rules_of(write_config(tmp_path / "config.yaml", device=device))
        asking = {name: gpu for name, rule in found.items() if (gpu := rule["resources"][0]["gpu"]) is not None}
        assert asking == {"train": gpus}


def test_snakemake_lint_wants_nothing_but_an_environment_for_each_rule(tmp_path: Path) -> None:
    """The lock is the environment of all."""
    said = snakemake(tmp_path, "--snakefile", ROOT / "Snakefile", "--lint").output
    found = re.findall(r"^ +\* (.*)", said, re.MULTILINE)
    assert found and all("conda environment or container" in title for title in found), found


def test_the_workflow_is_a_module_of_another(tmp_path: Path) -> None:
    project = Project(tmp_path / "other", write_config(tmp_path / "config.yaml"))
    project.folder.mkdir()
    (project.folder / "Snakefile").write_text(
        f'configfile: "{ROOT}/config/config.yaml"\n'
        f'module digits:\n    snakefile: "{ROOT}/Snakefile"\n    config: config\n'
        "use rule * from digits as digits_*\n"
    )
    as_module = plan(project).all
    assert {job.removeprefix("digits_") for job in as_module} == jobs(AFTER)
    assert all(job.startswith("digits_") for job in as_module)
    wanted = "results/summary.csv"
    needed = {f"digits_{rule}" for rule in ("download", "convert", "train", "evaluate", "summarise")}
    assert planned(run(project, wanted)) == needed
    assert planned(run(project, wanted)) == set()


def test_the_example_for_own_images_needs_the_folder_alone(tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "project")
    for name in ("cat", "dog"):
        place = folder / "my-images" / name
        place.mkdir(parents=True)
        (place / "1.png").write_bytes(png(size=(40, 50)))
    found = plan(Project(folder, folder / "config" / "own-images.yaml")).all
    without = {"download", "search"} | LADDER_RULES
    assert found == jobs(AFTER.keys() - without, ("logistic", "general"), range(3), candidates=())


def test_image_files_give_the_same_tensors_and_count_by_content(project: Project, tmp_path: Path) -> None:
    images = tmp_path / "images"
    image_tree(images, *(project.folder / path for path in TENSORS))
    before = [sha256(project.folder / path) for path in TENSORS]
    set_keys(project.config, {"dataset.format": "images", "dataset.path": str(images)})
    assert planned(run(project, "--until", "convert")) == {"convert"}
    assert [sha256(project.folder / path) for path in TENSORS] == before

    one = next(images.rglob("*.png"))
    one.touch()
    assert "convert" not in plan(project).all
    one.write_bytes(png(size=(28, 28)))
    found = plan(project)
    assert "convert" in found.triggered
    # The drawing of the workflow is of the configuration with idx files, which are downloaded.
    assert found.all == jobs({"convert", "plot_workflow"} | AFTER["convert"])
