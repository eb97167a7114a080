"""`digits.search`: table, figure and verdict against runs written by hand, whose accuracies and losses are known."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ran, Refused
from digits.search import draw_searches, read_candidate
from drawings import svg_texts
from matplotlib.axes import Axes
from project import SEARCH_RUNS, built_by, outputs, rows
from safetensors.numpy import save_file

TABLE, FIGURE = outputs("search").values()
Scores = list[tuple[int, float]]  # of each seed, for write_run


def write_run(path: Path, right: int, lead: float) -> None:
    """Write 8 held-out images of two classes, `right` of them read correctly, each answer by a lead of the logit."""
    labels = np.array([0, 1] * 4, np.uint8)
    answers = np.where(np.arange(8) < right, labels, 1 - labels)
    path.parent.mkdir(parents=True)
    logits = np.zeros((8, 2), np.float32)
    logits[np.arange(8), answers] = lead
    save_file({"logits": logits, "labels": labels}, path)


def write_search(folder: Path, values: list[Any], runs: list[Scores], key: str = "k") -> dict[str, Any]:
    """Write the runs of a candidate for each value; return what stands for the search on the command line."""
    names = {f"{key}-{number}": {key: value} for number, value in enumerate(values)}
    for name, by_seed in zip(names, runs, strict=True):
        for seed, (right, lead) in enumerate(by_seed):
            write_run(folder / name / f"seed-{seed}" / "validation.safetensors", right, lead)
    return {"criterion": "accuracy", "seeds": list(range(len(runs[0]))), "candidates": names}


def search(ran: Ran, target: Path, searches: dict[str, Any], runs: Path) -> tuple[list[dict[str, str]], str]:
    """Run the command; return the rows of its table and what it said."""
    said = ran("search", target, target, "--searches", json.dumps(searches), "--runs", runs)
    return rows(target / TABLE), said


def best(found: list[dict[str, str]]) -> list[str]:
    assert {row["best"] for row in found} <= {"True", "False"}
    return [row["changes"] for row in found if row["best"] == "True"]


def test_the_table_has_mean_spread_interval_and_loss_of_each_candidate(ran: Ran, target: Path, tmp_path: Path) -> None:
    spec = write_search(tmp_path / "runs", [0.1, 0.5], [[(4, 1), (5, 1), (6, 1)], [(7, 2), (7, 2), (7, 2)]])
    (low, high), said = search(ran, target, {"rate": spec}, tmp_path / "runs")
    names = "validation_accuracy validation_accuracy_std interval_low interval_high"
    names += " validation_balanced_accuracy validation_macro_f1 validation_loss criterion best"
    assert " ".join(low) == f"search candidate changes runs diverged {names}"
    assert list(low.values())[:5] == ["rate", "k-0", "k 0.1", "3", "0"]
    # Student's t for 2 degrees of freedom at 97.5 % is 4.302653 in any table: 0.625 ± 4.302653 · 0.125 / √3.
    numbers = [float(value) for value in list(low.values())[5:9]]
    assert numbers == pytest.approx([0.625, 0.125, 0.314482, 0.935518], abs=1e-6)
    # An answer by a lead of 1 costs ln(1 + 1/e) where it is right, 1 more where it is wrong; 3 of 8 are.
    assert float(low["validation_loss"]) == pytest.approx(math.log(1 + math.exp(-1)) + 3 / 8)
    assert float(high["validation_loss"]) == pytest.approx(math.log(1 + math.exp(-2)) + 2 / 8)
    assert (high["validation_accuracy"], high["validation_accuracy_std"]) == ("0.875", "0.0")
    assert best([low, high]) == ["k 0.5"]
    assert said == "rate: k 0.5 is best, validation accuracy 87.50\u202f%\n"


@pytest.mark.parametrize(
    ("runs", "chosen"),
    [
        ([[(6, 1)], [(7, 9)], [(5, 1)]], ["k 2"]),  # the highest accuracy, whatever the loss
        ([[(6, 2)], [(6, 1)], [(6, 2)]], ["k 2"]),  # of equals, the lowest loss
        ([[(6, 1)], [(7, 1)], [(7, 1)]], ["k 2"]),  # of those, the first
        ([[(7, math.nan)], [(5, 1)], [(8, math.inf)]], ["k 2"]),  # one that diverged never
        ([[(8, 1), (8, math.nan)], [(5, 1), (5, 1)], [(4, 1), (4, 1)]], ["k 2"]),  # nor with one run alone
        ([[(8, math.nan)]] * 3, []),
    ],
)
def test_the_best_is_chosen(ran: Ran, target: Path, tmp_path: Path, runs: list[Scores], chosen: list[str]) -> None:
    spec = write_search(tmp_path / "runs", [1, 2, 3], runs)
    found, said = search(ran, target, {"s": spec}, tmp_path / "runs")
    assert best(found) == chosen
    assert said.startswith(f"s: {chosen[0]} is best, " if chosen else "s: all diverged\n")


@pytest.mark.parametrize(
    ("criterion", "chosen", "words"),
    [
        ("accuracy", "k 1", "accuracy 62.50\u202f%"),
        ("balanced_accuracy", "k 2", "balanced accuracy 66.67\u202f%"),
        ("macro_f1", "k 2", "macro-F1 50.00\u202f%"),
    ],
)
def test_unequal_classes_may_be_counted_alike(
    ran: Ran, target: Path, tmp_path: Path, criterion: str, chosen: str, words: str
) -> None:
    """Six images of one class and two of another: five and none of them right, against two and two."""
    spec = write_search(tmp_path / "runs", [1, 2], [[(5, 1)], [(7, 1)]]) | {"criterion": criterion}
    labels = np.array([0] * 6 + [1] * 2)
    for number, answers in enumerate(([0] * 5 + [1] + [0] * 2, [0] * 2 + [1] * 4 + [1] * 2)):
        logits = np.eye(2, dtype=np.float32)[answers]
        path = tmp_path / "runs" / f"k-{number}" / "seed-0" / "validation.safetensors"
        save_file({"logits": logits, "labels": labels.astype(np.uint8)}, path)
    found, said = search(ran, target, {"s": spec}, tmp_path / "runs")
    assert best(found) == [chosen] and {row["criterion"] for row in found} == {criterion}
    assert said == f"s: {chosen} is best, validation {words}\n"
    label = "validation error" if criterion == "accuracy" else f"1 − validation {words.rsplit(' ', 1)[0]}"
    assert label in svg_texts(target / FIGURE)


def test_a_candidate_that_diverged_has_no_numbers(ran: Ran, target: Path, tmp_path: Path) -> None:
    spec = write_search(tmp_path / "runs", [1, 2], [[(8, 1), (8, math.nan)], [(5, 1), (5, 1)]])
    (row, _), _ = search(ran, target, {"s": spec}, tmp_path / "runs")
    assert list(row.values()) == ["s", "k-0", "k 1", "2", "1", *[""] * 7, "accuracy", "False"]
    assert "diverged " in svg_texts(target / FIGURE)


def draw(folder: Path, spec: dict[str, Any]) -> Axes:
    found = [read_candidate(name, changes, spec, folder) for name, changes in spec["candidates"].items()]
    return draw_searches({"s": found}).axes[0]


def points(axis: Axes, marker: str) -> list[list[float]]:
    lines = [line for line in axis.lines if line.get_marker() == marker]
    return [point for line in lines for point in np.asarray(line.get_xydata()).tolist()]


def test_one_number_is_an_axis_logarithmic_where_its_values_are_far_apart(tmp_path: Path) -> None:
    spec = write_search(tmp_path / "near", [10, 1], [[(4, 1), (6, 1)], [(7, 1), (7, 1)]])
    axis = draw(tmp_path / "near", spec)
    assert points(axis, ".") == [[10, 0.5], [10, 0.25], [1, 0.125], [1, 0.125]]
    assert points(axis, "o") == [[10, 0.375]]
    assert points(axis, "D") == [[1, 0.125]], "the best has a mark of its own"
    assert points(axis, "None") == [[1, 0.125], [10, 0.375]], "a line from left to right"
    assert (axis.get_xscale(), axis.get_yscale(), axis.get_xlabel()) == ("linear", "linear", "k")
    far = write_search(tmp_path / "far", [0.01, 0.21], [[(4, 1)], [(7, 1)]])
    assert draw(tmp_path / "far", far).get_xscale() == "log"
    zero = write_search(tmp_path / "zero", [0, 100], [[(4, 1)], [(7, 1)]])
    assert draw(tmp_path / "zero", zero).get_xscale() == "linear"


OTHERS = {"loss": ["a", "b", "c"], "hidden": [[1], [2], [3]], "flag": [True, False, None]}


@pytest.mark.parametrize(("key", "values"), OTHERS.items())
def test_what_is_no_number_is_a_row_a_candidate_the_best_first(tmp_path: Path, key: str, values: list[Any]) -> None:
    spec = write_search(tmp_path, values, [[(5, 1)], [(8, math.nan)], [(7, 1)]], key)
    axis = draw(tmp_path, spec)
    texts = [{True: "true", False: "false", None: "null"}.get(v, str(v)) if key == "flag" else str(v) for v in values]
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"{key} {texts[i]}" for i in (2, 0, 1)]
    assert points(axis, "D") == [[0.125, 0]]
    assert points(axis, "o") == [[0.375, 1]]
    assert [text.get_text() for text in axis.texts] == [" diverged"]


def test_several_numbers_are_rows_too(tmp_path: Path) -> None:
    spec = write_search(tmp_path, [1, 2], [[(5, 1)], [(7, 1)]])
    spec["candidates"] = {name: {"j": 1, **changes} for name, changes in spec["candidates"].items()}
    assert [label.get_text() for label in draw(tmp_path, spec).get_yticklabels()] == ["j 1, k 2", "j 1, k 1"]


def test_each_search_has_a_panel_and_its_verdict(ran: Ran, target: Path, tmp_path: Path) -> None:
    one = write_search(tmp_path / "runs", [1, 2], [[(5, 1)], [(7, 1)]])
    other = write_search(tmp_path / "runs", ["a", "b"], [[(5, 1)], [(6, 1)]], "loss")
    found, _ = search(ran, target, {"one": one, "other": other}, tmp_path / "runs")
    assert [row["search"] for row in found] == ["one", "one", "other", "other"]
    assert best(found) == ["k 2", "loss b"]
    texts = svg_texts(target / FIGURE)
    assert "one: k 2 is best, validation accuracy 87.50\u202f%" in texts
    assert "other: loss b is best, validation accuracy 75.00\u202f%" in texts


def test_the_real_runs(ran: Ran, built: Path, target: Path, tmp_path: Path) -> None:
    """By what they said to the images held out alone."""
    for run in SEARCH_RUNS:
        path = Path(run) / "validation.safetensors"
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes((built / path).read_bytes())
    ran("search", tmp_path, target)
    assert built_by("search", target) == built_by("search", built)
    for row, run in zip(rows(target / TABLE), SEARCH_RUNS, strict=True):
        assert row["candidate"] == Path(run).parent.name
        assert row["validation_accuracy"] == rows(built / run / "history.csv")[-1]["validation_accuracy"]


def test_a_run_without_held_out_images_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "runs" / "k-0" / "seed-0" / "validation.safetensors"
    spec = write_search(tmp_path / "runs", [1], [[(5, 1)]])
    save_file({"logits": np.zeros((0, 10), np.float32), "labels": np.zeros(0, np.uint8)}, path)
    more = ("--searches", json.dumps({"s": spec}), "--runs", tmp_path / "runs")
    assert refused("search", tmp_path, *more).startswith(f"error: {path}: no images were held out; ")


def test_no_searches(tmp_path: Path, refused: Refused) -> None:
    assert refused("search", tmp_path, "--searches", "{}").startswith("error: --searches: none; ")
