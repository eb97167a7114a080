"""`digits.summarise`: the two tables against numbers worked out by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, Refused
from project import RUNS, TABLES, arguments, built_by


def measures(model: str, seed: int, accuracy: float, validation: float | None) -> dict[str, Any]:
    return {
        "model": model,
        "seed": seed,
        "parameters": 7850,
        "epochs": 3,
        "train_size": 400,
        "validation_accuracy": validation,
        "test": {
            "accuracy": accuracy,
            "errors": round(200 * (1 - accuracy)),
            "interval": [accuracy - 0.125, accuracy + 0.125],
            "negative_log_likelihood": 1.5,
            "expected_calibration_error": 0.25,
        },
    }


def summarise(command: Command, target: Path, *runs: dict[str, Any]) -> tuple[list[str], list[dict[str, str]]]:
    """Run the command on measures; return the lines of metrics.csv and the rows of summary.csv."""
    paths = [target / f"{number}.json" for number in range(len(runs))]
    target.mkdir()
    for path, run in zip(paths, runs, strict=True):
        path.write_text(json.dumps(run))
    result = command("summarise", *arguments("summarise", target, target), "--runs", *paths)
    models = len({run["model"] for run in runs})
    assert (result.status, result.output) == (0, f"{len(runs)} runs of {models} models\n")
    with (target / TABLES["summary"]).open(newline="") as file:
        return (target / TABLES["metrics"]).read_text().splitlines(), list(csv.DictReader(file))


def test_metrics_has_a_line_a_run_in_their_order(command: Command, target: Path) -> None:
    lines, _ = summarise(command, target, measures("b", 1, 0.5, None), measures("a", 0, 0.75, 0.625))
    assert lines == [
        "model,seed,parameters,epochs,train_size,validation_accuracy,test_accuracy,test_errors,"
        "test_interval_low,test_interval_high,negative_log_likelihood,expected_calibration_error",
        "b,1,7850,3,400,,0.5,100,0.375,0.625,1.5,0.25",
        "a,0,7850,3,400,0.625,0.75,50,0.625,0.875,1.5,0.25",
    ]


def test_summary_has_mean_spread_and_t_interval_a_model(command: Command, target: Path) -> None:
    three = [measures("a", seed, accuracy, 0.25) for seed, accuracy in enumerate((0.5, 0.6, 0.7))]
    _, (a, b) = summarise(command, target, *three, measures("b", 0, 0.75, 0.5))
    assert list(a) == [
        "model",
        "runs",
        "parameters",
        "validation_accuracy",
        "test_accuracy",
        "test_accuracy_std",
        "interval_low",
        "interval_high",
        "test_errors",
        "chosen",
    ]
    assert (a["model"], a["runs"], a["parameters"], a["validation_accuracy"]) == ("a", "3", "7850", "0.25")
    # Student's t for 2 degrees of freedom at 97.5 % is 4.302653 in any table: 0.6 ± 4.302653 · 0.1 / √3.
    numbers = [float(a[key]) for key in ("test_accuracy", "test_accuracy_std", "interval_low", "interval_high")]
    assert numbers == pytest.approx([0.6, 0.1, 0.3515862, 0.8484138], abs=1e-7)
    assert float(a["test_errors"]) == pytest.approx(80)
    one_run = [b[key] for key in ("runs", "test_accuracy", "test_accuracy_std", "interval_low", "interval_high")]
    assert one_run == ["1", "0.75", "", "", ""], "one run shows no spread"


@pytest.mark.parametrize(
    ("validation", "chosen"),
    [
        ((0.5, 0.75, None), "b"),  # the highest validation accuracy, whatever the test says
        ((0.5, 0.5, 0.25), "a"),  # the first of equals
        ((None, None, 0.125), "c"),  # only one held images out
        ((None, None, None), "a"),  # none did: the first of all
    ],
)
def test_the_model_is_chosen_by_validation_alone(
    command: Command, target: Path, validation: tuple[float | None, ...], chosen: str
) -> None:
    runs = [
        measures(model, 0, accuracy, held_out)
        for model, accuracy, held_out in zip("abc", (0.25, 0.125, 0.875), validation, strict=True)
    ]
    _, rows = summarise(command, target, *runs)
    assert [row["model"] for row in rows if row["chosen"] == "True"] == [chosen]
    assert [row["chosen"] for row in rows].count("False") == 2


def test_the_real_runs_and_twice_the_same_bytes(command: Command, measured: Path, target: Path) -> None:
    assert command("summarise", *arguments("summarise", measured, target)).status == 0
    assert built_by("summarise", target) == built_by("summarise", measured)
    with (target / TABLES["metrics"]).open(newline="") as file:
        for row, run in zip(csv.DictReader(file), RUNS, strict=True):
            read = json.loads((measured / run / "metrics.json").read_text())
            assert f"results/runs/{row['model']}/seed-{row['seed']}" == run
            assert int(row["test_errors"]) == read["test"]["errors"]
            assert [float(row[f"test_interval_{end}"]) for end in ("low", "high")] == read["test"]["interval"]
            assert float(row["negative_log_likelihood"]) == read["test"]["negative_log_likelihood"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"test": None}, "'NoneType' object is not subscriptable"),
        ({"test": {"accuracy": 1}}, "no 'errors'"),
        ({"test": {**measures("a", 0, 0.5, None)["test"], "interval": []}}, "list index out of range"),
    ],
)
def test_measures_that_lack_something_are_named(
    tmp_path: Path, refused: Refused, change: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({**measures("a", 0, 0.5, None), **change}))
    assert refused("summarise", tmp_path, "--runs", path) == (
        f"error: {path}: not a file that `digits.evaluate` wrote ({reason}); delete it and start again"
    )
