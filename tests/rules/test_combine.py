"""`digits.combine`: an ensemble's files, held against its members' by hand; what reads them takes it as it takes a network."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from conftest import Command, call
from PIL import Image
from project import CONFIG, TENSORS, arguments, contents
from safetensors.numpy import load_file, save_file

MEMBERS = [f"results/runs/linear/seed-{seed}" for seed in range(3)]
ENSEMBLE = "results/runs/trio/seed-0"
KINDS = {"weights": "safetensors", "predictions": "safetensors", "validation": "safetensors", "metrics": "json"}
WRITTEN = {name: f"{ENSEMBLE}/{name}.{kind}" for name, kind in KINDS.items() if name != "validation"}


def line(project: Path, target: Path, members: list[str] = MEMBERS) -> list[object]:
    """The command's line for members in a project's folder."""
    found: list[object] = ["--model", "trio", "--seed", 0, "--label-errors", "[1, 2]"]
    for name, kind in KINDS.items():
        found += [f"--member-{name}", *(project / run / f"{name}.{kind}" for run in members)]
    for name, path in WRITTEN.items():
        found += [f"--{name}", target / path]
    return found


@pytest.fixture(scope="module")
def project(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with a third run of `linear`, and the ensemble."""
    project = shutil.copytree(measured, tmp_path_factory.mktemp("ensemble") / "project")
    for name in ("train", "evaluate"):
        call(name, *arguments(name, project, project, MEMBERS[2]))
    call("combine", *line(project, project))
    return project


def mean_probabilities(project: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the members' softmaxes, and the labels."""
    files = [load_file(project / run / f"{name}.safetensors") for run in MEMBERS]
    softmaxes = [scipy.special.softmax(file["logits"].astype(float), axis=1) for file in files]
    return sum(softmaxes) / 3, files[0]["labels"]


def test_its_predictions_are_the_mean_of_its_members_probabilities(project: Path) -> None:
    found = load_file(project / WRITTEN["predictions"])
    expected, labels = mean_probabilities(project, "predictions")
    assert found["logits"].dtype == np.float32 and found["counted"].all() and (found["labels"] == labels).all()
    np.testing.assert_allclose(scipy.special.softmax(found["logits"].astype(float), axis=1), expected, atol=1e-6)


def test_its_measures_are_those_of_these_predictions(project: Path) -> None:
    found = json.loads((project / WRITTEN["metrics"]).read_text())
    members = [json.loads((project / run / "metrics.json").read_text()) for run in MEMBERS]
    test, labels = mean_probabilities(project, "predictions")
    held_out, held_out_labels = mean_probabilities(project, "validation")
    assert (found["model"], found["seed"], found["snapshots"]) == ("trio", 0, [])
    for key in ("parameters", "training_flops"):
        assert found[key] == sum(member[key] for member in members)
    assert found["test"]["accuracy"] == (test.argmax(axis=1) == labels).mean()
    assert found["validation_accuracy"] == (held_out.argmax(axis=1) == held_out_labels).mean()
    likelihoods = test[np.arange(len(labels)), labels]
    assert found["test"]["negative_log_likelihood"] == pytest.approx(-np.log(likelihoods).mean())
    assert found["temperature"] > 0 and found["test"]["without_label_errors"]["images"] == 198


def test_predict_and_the_page_take_it_as_they_take_a_network(command: Command, project: Path, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    Image.fromarray(load_file(project / TENSORS[1])["images"][7]).save(image)
    rows = []
    for run in [*MEMBERS, ENSEMBLE]:
        written = ["--table", tmp_path / "p.csv", "--page", tmp_path / "p.html"]
        weights = ["--weights", project / run / "weights.safetensors"]
        assert command("predict", *weights, "--images", image, "--as-is", *written).status == 0
        with (tmp_path / "p.csv").open(newline="") as file:
            rows.append([float(row[name]) for row in csv.DictReader(file) for name in "0123456789"])
    np.testing.assert_allclose(rows[3], np.mean(rows[:3], axis=0), atol=2e-6)

    call("summarise", *arguments("summarise", project, tmp_path))
    given = ["--models", "linear", *CONFIG["models"][1:], "--weights", project / WRITTEN["weights"]]
    explored = [*arguments("explore", project, tmp_path), *given, "--summary", tmp_path / "results/summary.csv"]
    call("explore", *explored)
    (network,) = json.loads((tmp_path / "results/explorer.json").read_text())["networks"]
    assert (network["model"], len(network["members"])) == ("trio", 3)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([*MEMBERS[:2], "results/runs/published/seed-0"], "not of the same model as"),
        ([*MEMBERS[:2], "results/runs/linear/seed-9"], "no such file or folder"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    command: Command, project: Path, tmp_path: Path, members: list[str], reason: str
) -> None:
    assert reason in command("combine", *line(project, tmp_path, members)).error()
    assert contents(tmp_path) == {}


def test_as_many_files_of_each_kind(command: Command, project: Path, tmp_path: Path) -> None:
    one_less = ["--member-metrics", project / MEMBERS[0] / "metrics.json"]
    error = command("combine", *line(project, tmp_path), *one_less).error()
    assert "different numbers of files" in error and contents(tmp_path) == {}


@pytest.mark.parametrize("changes", [{"logits": np.zeros((200, 9), np.float32)}, {"counted": np.arange(200) > 3}])
def test_predictions_of_other_classes_are_refused(
    command: Command, project: Path, tmp_path: Path, changes: dict[str, np.ndarray]
) -> None:
    arrays = load_file(project / MEMBERS[1] / "predictions.safetensors") | changes
    if changes.keys() == {"logits"}:
        arrays["labels"] = np.minimum(arrays["labels"], 8)  # valid by itself
    other = shutil.copytree(project, tmp_path / "other")
    if changes.keys() == {"logits"}:
        for run in (MEMBERS[0], MEMBERS[2]):
            same = load_file(other / run / "predictions.safetensors") | {"labels": arrays["labels"]}
            save_file(same, other / run / "predictions.safetensors")
    save_file(arrays, other / MEMBERS[1] / "predictions.safetensors")
    error = command("combine", *line(other, tmp_path / "target")).error()
    assert "seed-1/predictions.safetensors: not of the same classes as" in error
    assert not (tmp_path / "target").exists()
