"""The workflow as a whole: its rules, a job for each model and seed, every overlay, image files, Snakemake's own report."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, copy_project, planned, snakemake, write_config
from digits.data.tensors import load_split
from PIL import Image
from safetensors.numpy import load_file

from workflow.conftest import AFTER, LADDER_RULES, Project, checksums, jobs, plan, rules_of, set_keys

LOCAL = {"download", "convert"}  # they run where snakemake does
DEFAULT = ("linear", "small", "published", "repaired", "convnet")
LADDER = tuple(yaml.safe_load((ROOT / "config" / "ladder.yaml").read_text())["models"])
# Models and seeds of each file in config/ that builds the report.
OVERLAYS = {
    "config": (DEFAULT, (0, 1, 2)),
    "quick": (DEFAULT, (0,)),
    "five-seeds": (DEFAULT, (0, 1, 2, 3, 4)),
    "ladder": (LADDER, (0, 1, 2)),
    "best": (("best-single",), range(15)),
}


def test_every_configuration_file_is_tested() -> None:
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} == {*OVERLAYS, "search", "sweep"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_configuration_file_plans_each_rule_and_a_run_for_each_model_and_seed(tmp_path: Path, name: str) -> None:
    models, seeds = OVERLAYS[name]
    folder = copy_project(tmp_path / "project")
    project = Project(folder, folder / "config" / f"{name}.yaml")
    without = {"search"} | (set() if "linear" in models else LADDER_RULES)  # where no model is on the ladder
    ensembles = {"best": range(5)} if name == "best" else {}
    expected = jobs(AFTER.keys() - without, models, seeds, candidates=(), ensembles=ensembles)
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
    result = snakemake(project.folder, wanted, "--cores", 2, "--configfile", project.config)
    assert result.status == 0, result.output
    source, own = (
        load_file(project.folder / f"results/runs/{model}/seed-1/weights.safetensors")
        for model in ("published", "target")
    )
    assert np.array_equal(source["w1"], own["w1"]) and not np.array_equal(source["w2"], own["w2"])
    assert not (project.folder / "results/runs/published/seed-0").exists()

    set_keys(project.config, {"recipes.published.learning_rate": 7})
    result = snakemake(project.folder, wanted, "--cores", 1, "--configfile", project.config, "--dry-run")
    assert planned(result) == {"train", "evaluate"}
    assert re.findall("Training (.*)", result.output) == ["published, seed 1", "target, seed 1"]


def test_the_default_configuration_needs_no_argument(tmp_path: Path) -> None:
    result = snakemake(copy_project(tmp_path / "project"), "--cores", 1, "--dry-run")
    assert planned(result) == set(AFTER) - {"search", "combine"}


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


def test_a_training_alone_asks_for_a_gpu_where_the_device_is_cuda(tmp_path: Path) -> None:
    for device, gpus in (("cpu", 0), ("cuda", 1)):
        found = rules_of(write_config(tmp_path / "config.yaml", device=device))
        asking = {name: gpu for name, rule in found.items() if (gpu := rule["resources"][0]["gpu"]) is not None}
        assert asking == {"train": gpus}


def test_snakemake_lint_wants_nothing_but_an_environment_for_each_rule(tmp_path: Path) -> None:
    """The lock is the environment of all."""
    found = re.findall(
        r"^ +\* (.*)", snakemake(tmp_path, "--snakefile", ROOT / "Snakefile", "--lint").output, re.MULTILINE
    )
    assert found and all("conda environment or container" in title for title in found), found


def test_the_workflow_is_a_module_of_another(tmp_path: Path) -> None:
    folder, config = tmp_path / "other", write_config(tmp_path / "config.yaml")
    folder.mkdir()
    (folder / "Snakefile").write_text(
        f'configfile: "{ROOT}/config/config.yaml"\n'
        f'module digits:\n    snakefile: "{ROOT}/Snakefile"\n    config: config\n'
        "use rule * from digits as digits_*\n"
    )
    as_module = plan(Project(folder, config)).all
    assert {job.removeprefix("digits_") for job in as_module} == jobs(AFTER)
    assert all(job.startswith("digits_") for job in as_module)
    wanted = "results/summary.csv"
    result = snakemake(folder, wanted, "--cores", 2, "--configfile", config)
    assert result.status == 0, result.output
    assert planned(result) == {f"digits_{rule}" for rule in ("download", "convert", "train", "evaluate", "summarise")}
    assert planned(snakemake(folder, wanted, "--cores", 1, "--configfile", config, "--dry-run")) == set()


@pytest.fixture
def images(tensors: Path, tmp_path: Path) -> Path:
    """The small data set as the tutorial's archive has it: training/<class>/<n>.png and testing/<class>/<n>.png."""
    for split, name in (("train", "training"), ("test", "testing")):
        data = load_split(tensors / f"{split}.safetensors")
        for number, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
            folder = tmp_path / "images" / name / data.classes[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png", compress_level=1)
    return tmp_path / "images"


def test_image_files_give_the_same_tensors_and_count_by_content(project: Project, images: Path) -> None:
    before = checksums(project.folder / "results" / "tensors")
    set_keys(project.config, {"dataset.format": "images", "dataset.path": str(images)})
    result = snakemake(project.folder, "--cores", 2, "--configfile", project.config, "--until", "convert")
    assert result.status == 0, result.output
    assert planned(result) == {"convert"}
    assert checksums(project.folder / "results" / "tensors") == before

    one = next(images.rglob("*.png"))
    one.touch()
    assert "convert" not in plan(project).all
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(one)
    found = plan(project)
    assert "convert" in found.triggered
    # The drawing of the workflow is of the configuration with idx files, which are downloaded.
    assert found.all == jobs({"convert", "plot_workflow"} | AFTER["convert"])
