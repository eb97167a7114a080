"""The workflow as a whole: its rules, a job for each model and seed, every overlay, image files, Snakemake's own report."""

import re
import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT, copy_project, planned, snakemake, write_config
from digits.data.tensors import load_split
from PIL import Image
from safetensors.numpy import load_file

from workflow.conftest import AFTER, LADDER_RULES, Project, checksums, jobs, plan, set_keys

RULES_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))

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


def sections(text: str) -> dict[str, list[str]]:
    """Return the entries of each section of a rule, as snakefmt lays them out: one to a line, indented once more."""
    found: dict[str, list[str]] = {}
    indent, name = 0, ""
    for line in text.splitlines():
        if heading := re.match(r"( {4}| {8})(\w+):(.*)$", line):
            indent, name = len(heading[1]), heading[2]
            found[name] = [heading[3]] if heading[3] else []
        elif re.match(rf" {{{indent + 4}}}[^\s#\])]", line):
            found[name].append(line.strip())
    return found


def written_rules() -> list[tuple[str, str]]:
    return [
        (match[2], match[3])
        for path in RULES_FILES
        for match in re.finditer(r"^( *)rule (\w+):\n((?:\1 .*\n|\n)+)", path.read_text() + "\n", re.MULTILINE)
    ]


def test_each_rule_is_written_once_and_convert_for_each_format() -> None:
    assert Counter(name for name, _ in written_rules()) == Counter([*AFTER, "convert"])


@pytest.mark.parametrize(("name", "text"), written_rules(), ids=[name for name, _ in written_rules()])
def test_a_rule_has_log_and_message_and_names_what_it_has_several_of(name: str, text: str) -> None:
    parts = sections(text)
    assert {"output", "log", "params", "message", "shell"} <= set(parts)
    assert "2> {log}" in text
    assert any(entry.startswith("source=source(") for entry in parts["params"])
    for section in ("input", "output", "params"):
        entries = parts.get(section, [])
        assert len(entries) <= 1 or all(re.match(r"\w+=|\*\*|unpack\(", entry) for entry in entries), entries


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
    assert len(captions) == 18
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
