"""The workflow as a whole: its rules, a job for each model and seed, every overlay, image files, Snakemake's own report."""

import re
import socket
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import yaml
from conftest import ROOT, copy_project, planned, snakemake, write_config
from digits.data.tensors import load_split
from PIL import Image
from safetensors.numpy import load_file

from workflow.conftest import AFTER, LADDER_RULES, Project, checksums, jobs, plan, rules_of, set_keys

DEFAULT = ("linear", "small", "published", "repaired", "convnet")
LADDER = tuple(yaml.safe_load((ROOT / "config" / "ladder.yaml").read_text())["models"])
# Models and seeds of each file in config/ that builds the report.
OVERLAYS = {
    "config": (DEFAULT, (0, 1, 2)),
    "quick": (DEFAULT, (0,)),
    "five-seeds": (DEFAULT, (0, 1, 2, 3, 4)),
    "ladder": (LADDER, (0, 1, 2)),
    "best": (("best",), (0, 1, 2, 3, 4)),
}


def test_every_configuration_file_is_tested() -> None:
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} == {*OVERLAYS, "search", "sweep"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_configuration_file_plans_each_rule_and_a_run_for_each_model_and_seed(tmp_path: Path, name: str) -> None:
    models, seeds = OVERLAYS[name]
    folder = copy_project(tmp_path / "project")
    project = Project(folder, folder / "config" / f"{name}.yaml")
    without = {"search"} | (set() if "linear" in models else LADDER_RULES)  # where no model is on the ladder
    expected = jobs(AFTER.keys() - without, models, seeds, candidates=())
    if name == "best":  # five ensembles of three
        singles = jobs(["train", "evaluate"], ["best-single"], range(15), ())
        expected = jobs(AFTER.keys() - without - {"train", "evaluate"}) | singles | {f"combine best {s}" for s in seeds}
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
    assert planned(result) == set(AFTER) - {"search"}


def test_each_rule_has_log_message_source_and_says_what_it_needs() -> None:
    rules = rules_of(ROOT)
    assert rules.keys() - {"all"} == AFTER.keys() | {"combine"}
    for name, rule in rules.items():
        assert rule["message"]
        if name != "all":
            assert rule["log"] and "2> {log}" in rule["shell"] and "source" in rule["params"]
            assert rule["resources"].keys() == {"mem_mb", "runtime"}
    assert {name for name, rule in rules.items() if rule["local"]} == {"download", "convert"}


def test_lint_asks_for_nothing_but_containers(tmp_path: Path) -> None:
    result = snakemake(copy_project(tmp_path / "project"), "--lint")
    said = {line.strip() for line in result.output.splitlines() if line.startswith("    * ")}
    assert said == {"* Specify a conda environment or container for each rule.:"}


MODULE = """
configfile: "{config}"

module digits:
    snakefile: "{project}/Snakefile"
    config: config

use rule * from digits as digits_*
"""


def test_another_workflow_can_use_it_as_a_module(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "digits")
    base = yaml.safe_load((project / "config" / "config.yaml").read_text())
    write_config(tmp_path / "config.yaml")
    small = yaml.safe_load((tmp_path / "config.yaml").read_text())
    recipes = {name: {**base["recipes"].get(name, {}), **changes} for name, changes in small["recipes"].items()}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**small, "recipes": recipes}))
    other = tmp_path / "other"
    other.mkdir()
    (other / "Snakefile").write_text(MODULE.format(config=tmp_path / "config.yaml", project=project))
    result = snakemake(other, "--cores", 2, "results/report.html")
    assert result.status == 0, result.output
    assert "digits_train" in planned(result) and (other / "results" / "metrics.csv").is_file()


def test_an_ensemble_has_members_that_are_ordinary_runs(tmp_path: Path) -> None:
    """Trained in parallel, kept, and reported; its predictions are the mean of their probabilities."""
    config = write_config(tmp_path / "config.yaml", models=["linear", "pair"], report={"networks": ["pair"]})
    set_keys(config, {"ensembles": {"pair": {"recipe": "linear", "members": 2}}, "searches": {}, "ladder": []})
    project = Project(copy_project(tmp_path / "project"), config)
    made = jobs(["train", "evaluate"], ["linear"], range(4), ()) | {"combine pair 0", "combine pair 1"}
    rest = AFTER.keys() - {"train", "evaluate", "search"} - LADDER_RULES
    assert plan(project).all == made | rest
    result = snakemake(project.folder, "--cores", 2, "--configfile", config)
    assert result.status == 0, result.output
    table = (project.folder / "results" / "metrics.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:2] for row in table] == [
        *(["linear", str(s)] for s in range(4)),
        ["pair", "0"],
        ["pair", "1"],
    ]

    run = "results/runs/{}/seed-{}/predictions.safetensors"
    files = [load_file(project.folder / run.format(*of)) for of in (("linear", 2), ("linear", 3), ("pair", 1))]
    shares = [scipy.special.softmax(file["logits"].astype(float), axis=1) for file in files]
    np.testing.assert_allclose(shares[2], (shares[0] + shares[1]) / 2, atol=1e-6)

    (project.folder / "results/runs/linear/seed-3/weights.safetensors").unlink()
    again = plan(project).all
    assert {job for job in again if job.startswith(("train", "evaluate"))} == {"train linear 3", "evaluate linear 3"}
    assert "combine pair 1" in again and "combine pair 0" not in again


def test_snakemakes_own_report_needs_no_network_and_captions_each_result(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    result = snakemake(project.folder, "--cores", 1, "--configfile", project.config, "--report", "snakemake.html")
    assert result.status == 0, result.output
    page = (project.folder / "snakemake.html").read_text()
    captions = sorted((ROOT / "workflow" / "report").glob("*.rst"))
    assert len(captions) == 19
    for caption in captions:
        assert caption.read_text().strip().split(".")[0] in page, caption.name
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", page)


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
