"""`digits.explain`: the histories of what is explained as one table, and the experiment's means with intervals."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Ran, Refused
from project import EXPERIMENT, EXPERIMENT_RUNS, EXPLANATION, contents, rows

LEARNING, TABLE = EXPLANATION["learning"], EXPLANATION["experiment"]


def test_learning_is_the_histories_of_all_its_runs(measured: Path) -> None:
    found = rows(measured / LEARNING)
    for run in EXPERIMENT_RUNS:
        model, seed = run.split("/")[2], run[-1]
        history = rows(measured / run / "history.csv")
        same = [row for row in found if (row["model"], row["seed"]) == (model, seed)]
        assert [row["epoch"] for row in same] == [row["epoch"] for row in history]
        for ours, row in zip(same, history, strict=True):
            assert all(
                ours[key] == value or float(ours[key]) == pytest.approx(float(value)) for key, value in row.items()
            )
        found = [row for row in found if row not in same]
    assert found == [], "and of no other run"


def test_the_experiment_has_means_and_intervals_over_the_runs(measured: Path) -> None:
    found, learning = rows(measured / TABLE), rows(measured / LEARNING)
    recipes = EXPERIMENT["recipes"]
    assert [(row["model"], row["epoch"]) for row in found] == [(name, epoch) for name in recipes for epoch in "12"]
    for row in found:
        same = [r for r in learning if (r["model"], r["epoch"]) == (row["model"], row["epoch"])]
        assert (row["runs"], len(same)) == ("2", 2)
        assert {key: row[key] for key in ("init", "loss")} == {k: recipes[row["model"]][k] for k in ("init", "loss")}
        a, b = (float(r["validation_accuracy"]) for r in same)
        half = 12.7062047 * abs(a - b) / 2  # Student's t for one degree of freedom, from any table
        expected = [(a + b) / 2, max((a + b) / 2 - half, 0), min((a + b) / 2 + half, 1)]
        assert [float(row[k]) for k in ("validation_accuracy", "interval_low", "interval_high")] == pytest.approx(
            expected, rel=1e-5, abs=1e-6
        )
        recalls = [[float(v) for k, v in r.items() if k.startswith("recall_")] for r in same]
        assert float(row["classes_learned"]) == sum(v >= 0.5 for values in recalls for v in values) / 2
        for key in ("train_loss", "saturated", "gradient_1", "gradient_2"):
            assert float(row[key]) == pytest.approx(sum(float(r[key]) for r in same) / 2)


def test_runs_are_compared_after_as_many_epochs_as_the_shortest_has(ran: Ran, measured: Path, target: Path) -> None:
    plan: dict[str, Any] = {**EXPERIMENT, "recipes": {**EXPERIMENT["recipes"], "published": {"init": "a", "loss": "b"}}}
    ran("explain", measured, target, "--plan", json.dumps(plan), "--runs", measured / "results" / "runs")
    assert [row["epoch"] for row in rows(target / TABLE) if row["model"] == "published"] == ["1", "2"]  # of three


def test_a_history_that_is_none_is_named(project: Path, refused: Refused) -> None:
    path = project / EXPERIMENT_RUNS[0] / "history.csv"
    path.write_text("epoch\n")
    before = contents(project)
    error = refused("explain", project, "--runs", project / "results" / "runs")
    assert error.startswith(f"error: {path}: not a file that `digits.train` wrote (")
    assert contents(project) == before
