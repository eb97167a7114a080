"""`digits.combine`: the mean of the members' probabilities, by hand, and an ensemble wherever a network can stand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from conftest import Command, Ran, Refused
from digits.data.tensors import load_split
from digits.settings.recipes import make_recipe
from digits.statistics.metrics import fit_temperature
from PIL import Image
from project import PAIR_RUNS, RECIPES, RUNS, TENSORS, header, metrics, options, rewrite, rows
from safetensors.numpy import load_file, save_file

MEMBERS = dict(zip(PAIR_RUNS, zip(RUNS[::2], RUNS[1::2], strict=True), strict=True))
LINEAR, PUBLISHED, _ = PAIR_RUNS
Change = Callable[[Path], object]


def probabilities(path: Path) -> np.ndarray:
    return np.asarray(scipy.special.softmax(load_file(path)["logits"].astype(float), axis=1))


def mean(project: Path, pair: str, name: str) -> np.ndarray:
    """The mean of the probabilities of an ensemble's two members, from a file of theirs."""
    first, second = (probabilities(project / run / f"{name}.safetensors") for run in MEMBERS[pair])
    return np.asarray((first + second) / 2)


@pytest.mark.parametrize("pair", PAIR_RUNS)
def test_the_probabilities_are_the_mean_of_the_members(measured: Path, pair: str) -> None:
    found, expected = load_file(measured / pair / "predictions.safetensors"), mean(measured, pair, "predictions")
    np.testing.assert_allclose(np.exp(found["logits"].astype(float)), expected, atol=1e-6, err_msg="log probabilities")
    labels = load_split(measured / TENSORS[1]).labels
    assert (found["labels"] == labels).all() and found["counted"].all()
    # Two sure members that disagree leave two classes at 0.5: which one wins is float32's rounding.
    answers = found["logits"].argmax(axis=1)
    assert (expected[np.arange(200), answers] >= expected.max(axis=1) - 1e-6).all()
    measures = metrics(measured, pair)
    assert measures["test"]["accuracy"] == (answers == labels).mean()
    logits = [load_file(measured / run / "predictions.safetensors")["logits"].astype(float) for run in MEMBERS[pair]]
    first, second = (scipy.special.log_softmax(scores, axis=1)[range(200), labels] for scores in logits)
    logs = np.logaddexp(first, second) - np.log(2)  # a probability may be too small for a number
    assert measures["test"]["negative_log_likelihood"] == pytest.approx(-logs.mean(), rel=1e-6)
    members = [metrics(measured, run) for run in MEMBERS[pair]]
    for key in ("parameters", "training_flops"):
        assert measures[key] == sum(member[key] for member in members) > 0
    assert measures["epochs"] == members[0]["epochs"] and measures["snapshots"] == []


def test_three_members_and_their_held_out_images(ran: Ran, measured: Path, target: Path) -> None:
    """Scores made up, with a temperature of their own: those of the small project's networks say too little to have one."""
    labels, rng = np.random.default_rng(0).integers(10, size=100).astype(np.uint8), np.random.default_rng(1)
    runs = [target / f"{number}.safetensors" for number in range(3)]
    target.mkdir()
    for run in runs:
        logits = 4 * np.eye(10)[labels] + 3 * rng.normal(size=(100, 10))
        save_file({"logits": logits.astype(np.float32), "labels": labels}, run)
    more: list[object] = ["--member-validation", *runs]
    for kind, name in (("weights", "safetensors"), ("predictions", "safetensors"), ("metrics", "json")):
        more += [f"--member-{kind}", *(measured / RUNS[i] / f"{kind}.{name}" for i in (0, 1, 0))]
    ran("combine", measured, target, *more, run=LINEAR)
    expected = np.mean([probabilities(run) for run in runs], axis=0)
    found = metrics(target, LINEAR)
    assert found["validation_accuracy"] == pytest.approx((expected.argmax(axis=1) == labels).mean(), abs=1e-12)
    assert found["parameters"] == 3 * 7850
    assert found["temperature"] == pytest.approx(fit_temperature(np.log(expected), labels), rel=1e-4)
    np.testing.assert_allclose(probabilities(target / LINEAR / "validation.safetensors"), expected, atol=1e-6)
    assert (load_file(target / LINEAR / "validation.safetensors")["labels"] == labels).all()
    members = [probabilities(measured / RUNS[i] / "predictions.safetensors") for i in (0, 1, 0)]
    of_all = probabilities(target / LINEAR / "predictions.safetensors")
    np.testing.assert_allclose(of_all, np.mean(members, axis=0), atol=1e-6)


def test_the_weights_are_those_of_all_members(measured: Path) -> None:
    found = load_file(measured / PUBLISHED / "weights.safetensors")
    for number, run in enumerate(MEMBERS[PUBLISHED]):
        for name, array in load_file(measured / run / "weights.safetensors").items():
            np.testing.assert_array_equal(found.pop(f"members.{number}.{name}"), array)
    assert not found
    single, both = (header(measured / run / "weights.safetensors") for run in (RUNS[2], PUBLISHED))
    assert {key for key in both if both[key] != single[key]} == {"model", "members", "training_flops"}
    assert [metrics(measured, PUBLISHED)[key] for key in ("validation_accuracy", "temperature")] == [None, None]
    assert (both["model"], both["members"], both["recipe"]) == (
        "published-pair",
        2,
        make_recipe(RECIPES["published"]).header(),
    )


@pytest.mark.parametrize("pair", PAIR_RUNS)
def test_predict_gives_the_members_mean(command: Command, measured: Path, tmp_path: Path, pair: str) -> None:
    files = [tmp_path / f"{number}.png" for number in range(20)]
    for file, image in zip(files, load_split(measured / TENSORS[1]).images, strict=False):
        Image.fromarray(image).save(file)
    tables = []
    for run in (pair, *MEMBERS[pair]):
        written = ("--table", tmp_path / "p.csv", "--page", tmp_path / "p.html")
        line = ("--weights", measured / run / "weights.safetensors", "--images", *files, "--as-is", *written)
        assert command("predict", *line).status == 0
        tables.append(np.array([[float(row[name]) for name in "0123456789"] for row in rows(tmp_path / "p.csv")]))
    np.testing.assert_allclose(tables[0], (tables[1] + tables[2]) / 2, atol=1.1e-6)
    np.testing.assert_allclose(tables[0], mean(measured, pair, "predictions")[:20], atol=2e-6)


def replaced(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    def write(path: Path) -> None:
        arrays = load_file(path)
        save_file({**arrays, name: change(arrays[name])}, path)

    return write


REVERSED = replaced("labels", lambda labels: labels[::-1].copy())


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (
            "weights",
            lambda path: rewrite(path, recipe={**header(path)["recipe"], "crop": 1}),
            "not of the same recipe as ",
        ),
        ("weights", lambda path: rewrite(path, classes=["a", "b"]), "not of the same classes as "),
        ("weights", lambda path: rewrite(path, model="small"), "not of the same model as "),
        ("weights", lambda path: rewrite(path, train_size=7), "not of the same train_size as "),
        ("weights", lambda path: rewrite(path, members=None), "not a file that `digits.train` wrote (no 'members')"),
        ("predictions", REVERSED, "not about the same images as "),
        ("validation", REVERSED, "not about the same images as "),
        ("predictions", replaced("counted", np.logical_not), "not of the same classes as "),
        ("predictions", replaced("logits", lambda scores: np.c_[scores, scores[:, 0]]), "not of the same classes as "),
    ],
)
def test_other_members(project: Path, refused: Refused, name: str, change: Change, reason: str) -> None:
    path = project / RUNS[1] / f"{name}.safetensors"
    first = str(path).replace("seed-1", "seed-0")
    change(path)
    error = refused("combine", project, run=LINEAR)
    assert error.startswith(f"error: {path}: {reason}{first if reason.endswith(' as ') else ''}; delete ")


def test_one_file_of_each_kind_for_each_member(measured: Path, refused: Refused) -> None:
    one = measured / options("combine", LINEAR)["member-metrics"][0]
    assert refused("combine", measured, "--member-metrics", one, run=LINEAR).startswith("error: --member-…: ")
