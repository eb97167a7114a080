"""`digits.summarise`: the two tables against numbers worked out by hand."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from conftest import Ran, Refused
from digits.core.arithmetic import PORTABLE
from digits.data.tensors import Split, save_split
from digits.statistics.by_class import RANKED
from digits.statistics.kinds import per_class
from digits.summarise import largest_class
from project import TABLES, rows
from safetensors.numpy import save_file

# Means over the classes: one class alone has images.
BY_CLASS: dict[str, Any] = {"balanced_accuracy": 0.5, "balanced_accuracy_interval": [0, 1], "macro_f1": 0.5}
BY_CLASS["macro_f1_interval"] = [0.125, 1.0]


def measures(model: str, seed: int, accuracy: float, validation: float | None, images: int = 200) -> dict[str, Any]:
    """Measures of a run that is tested on images of one class alone."""
    interval, errors = [accuracy - 0.125, accuracy + 0.125], round(images * (1 - accuracy))
    calibration = {"negative_log_likelihood": 1.5, "expected_calibration_error": 0.25}
    test = {"images": images, "accuracy": accuracy, "errors": errors, "interval": interval, **calibration}
    confusion = [[images - errors, errors], [0, 0]]
    rows_of = per_class(np.array(confusion), ["a", "b"])
    test |= {"per_class": [{**row, **dict.fromkeys(RANKED, 0.5 if row["images"] else None)} for row in rows_of]}
    test |= {"confusion": confusion, **BY_CLASS, "balanced_accuracy": accuracy, "macro_f1": rows_of[0]["f1"]}
    run = {"model": model, "seed": seed, "parameters": 7850, "epochs": 3, "train_size": 400}
    run |= {"processors": [PORTABLE], "snapshots": []}
    run |= {
        "validation_accuracy": validation,
        "validation": None if validation is None else BY_CLASS,
        "temperature": None,
        "training_flops": None,
    }
    if validation is None:
        return {**run, "test": {**test, "calibrated": None, "without_label_errors": None}}
    run |= {"temperature": 2.5, "training_flops": 3_000_000 + seed}
    calibrated = {"negative_log_likelihood": 0.75, "expected_calibration_error": 0.125}
    left = {"images": images * 19 // 20, "errors": images * 19 // 100, "accuracy": 0.8}
    return {**run, "test": {**test, "calibrated": calibrated, "without_label_errors": left}}


def predictions(probability: float, counted: list[bool]) -> dict[str, np.ndarray]:
    """Scores of two images, of the classes 0 and 1: this probability of class 0 for both."""
    scores = np.log(np.array([[probability, 1 - probability]] * 2)).astype(np.float32)
    return {"logits": scores, "labels": np.array([0, 1], np.uint8), "counted": np.array(counted)}


def summarise(
    ran: Ran,
    target: Path,
    *runs: dict[str, Any],
    probabilities: tuple[float, ...] = (0.5,) * 3,
    counted: tuple[list[bool], ...] = ([True, True],) * 3,
) -> tuple[list[str], list[dict[str, str]]]:
    """Run the command on measures and predictions; return the lines of metrics.csv and the rows of summary.csv."""
    paths = [target / f"{number}.json" for number in range(len(runs))]
    scores = [path.with_suffix(".safetensors") for path in paths]
    target.mkdir()
    for i, run in enumerate(runs):
        paths[i].write_text(json.dumps(run))
        save_file(predictions(probabilities[i % 3], counted[i % 3]), scores[i])
    labels = np.array([0, 1, 1], np.uint8)
    save_split(target / "train.safetensors", Split(np.zeros((3, 2, 2), np.uint8), labels, ["a", "b"]))
    more = ("--predictions", *scores, "--train", target / "train.safetensors")
    said = ran("summarise", target, target, "--runs", *paths, *more)
    assert said == f"{len(runs)} runs of {len({run['model'] for run in runs})} models\n"
    return (target / TABLES["metrics"]).read_text().splitlines(), rows(target / TABLES["summary"])


def test_metrics_has_a_line_a_run_in_their_order(ran: Ran, target: Path) -> None:
    lines, _ = summarise(ran, target, measures("b", 1, 0.5, None), measures("a", 0, 0.75, 0.625))
    assert lines == [
        "model,seed,parameters,epochs,train_size,training_flops,validation_accuracy,test_accuracy,test_images,test_errors,"
        "test_interval_low,test_interval_high,test_balanced_accuracy,test_balanced_accuracy_low,"
        "test_balanced_accuracy_high,test_macro_f1,test_macro_f1_low,test_macro_f1_high,"
        "validation_balanced_accuracy,validation_balanced_accuracy_low,validation_balanced_accuracy_high,"
        "validation_macro_f1,validation_macro_f1_low,validation_macro_f1_high,negative_log_likelihood,expected_calibration_error,temperature,"
        "calibrated_negative_log_likelihood,calibrated_expected_calibration_error,test_accuracy_without_label_errors",
        "b,1,7850,3,400,,,0.5,200,100,0.375,0.625,0.5,0,1,0.6666666666666666,0.125,1.0,,,,,,,1.5,0.25,,,,",
        "a,0,7850,3,400,3000000.0,0.625,0.75,200,50,0.625,0.875,0.75,0,1,0.8571428571428571,0.125,1.0,"
        "0.5,0.0,1.0,0.5,0.125,1.0,1.5,0.25,2.5,0.75,0.125,0.8",
    ]


def test_summary_has_mean_spread_and_t_interval_a_model(ran: Ran, target: Path) -> None:
    three = [measures("a", seed, accuracy, 0.25) for seed, accuracy in enumerate((0.5, 0.6, 0.7))]
    _, (a, b) = summarise(ran, target, *three, measures("b", 0, 0.75, 0.5))
    assert list(a) == [
        *("model", "runs", "parameters", "training_flops", "validation_accuracy", "test_accuracy", "test_accuracy_std"),
        *("interval_low", "interval_high", "test_images", "test_errors"),
        *("test_balanced_accuracy", "test_balanced_accuracy_low", "test_balanced_accuracy_high"),
        *("test_macro_f1", "test_macro_f1_low", "test_macro_f1_high"),
        *("validation_balanced_accuracy", "validation_macro_f1", "largest_class"),
        *("largest_class_accuracy", "imbalance_ratio"),
        *("ensemble_accuracy", "ensemble_low", "ensemble_high", "chosen"),
    ]
    assert (a["model"], a["runs"], a["parameters"], a["validation_accuracy"]) == ("a", "3", "7850", "0.25")
    # Student's t for 2 degrees of freedom at 97.5 % is 4.302653 in any table: 0.6 ± 4.302653 · 0.1 / √3.
    numbers = [float(a[key]) for key in ("test_accuracy", "test_accuracy_std", "interval_low", "interval_high")]
    assert numbers == pytest.approx([0.6, 0.1, 0.3515862, 0.8484138], abs=1e-7)
    by_class = [float(a[f"test_balanced_accuracy{end}"]) for end in ("", "_low", "_high")]
    assert by_class == pytest.approx([0.6, 0.3515862, 0.8484138], abs=1e-7), "of the one class that has test images"
    assert float(a["test_errors"]) == pytest.approx(80)
    assert float(a["training_flops"]) == 3_000_001
    one_run = [b[key] for key in ("runs", "test_accuracy", "test_accuracy_std", "interval_low", "interval_high")]
    assert one_run == ["1", "0.75", "", "", ""], "one run shows no spread"
    assert [b[f"ensemble_{key}"] for key in ("accuracy", "low", "high")] == [""] * 3, "and is no ensemble"


def test_intervals_of_shares_end_at_0_and_1(ran: Ran, target: Path) -> None:
    _, (a,) = summarise(
        ran, target, *(measures("a", seed, accuracy, 0.5) for seed, accuracy in enumerate((0.25, 0.875)))
    )
    assert [a[f"{name}{end}"] for name in ("interval", "test_balanced_accuracy") for end in ("_low", "_high")] == [
        "0.0",
        "1.0",
    ] * 2


def test_always_the_largest_class_is_the_training_images_largest_of_those_that_are_tested() -> None:
    """Of 10 test images, 3 are of the class with most training images; where that is not tested, 2 of 7 are of the next."""
    rows_of = [{"class": name, "images": images} for name, images in (("a", 2), ("b", 3), ("c", 5))]
    counts = {"a": 20, "b": 30, "c": 10}
    assert largest_class(counts, rows_of) == {
        **{"largest_class": "b", "largest_class_accuracy": 0.3},
        "imbalance_ratio": 3,
    }
    rows_of[1]["images"] = 0
    assert largest_class(counts, rows_of) == {
        **{"largest_class": "a", "largest_class_accuracy": pytest.approx(2 / 7)},
        "imbalance_ratio": 2,
    }


@pytest.mark.parametrize(
    ("probabilities", "counted", "right", "images"),
    [
        ((0.9, 0.4, 0.4), ([True, True],) * 3, 1, 2),  # mean 0.57: class 0, for the image of class 1 too
        ((0.9, 0.4, 0.4), ([True, True], [True, True], [True, False]), 1, 1),  # … which one of the runs does not count
        ((0.6, 0.1, 0.6), ([False, True],) * 3, 1, 1),  # mean 0.43, though two of three say class 0
    ],
)
def test_an_ensemble_is_the_mean_of_the_probabilities(
    ran: Ran, target: Path, probabilities: tuple[float, ...], counted: tuple[list[bool], ...], right: int, images: int
) -> None:
    runs = [measures("a", seed, 0.5, None) for seed in range(3)]
    _, (a,) = summarise(ran, target, *runs, probabilities=probabilities, counted=counted)
    expected = scipy.stats.binomtest(right, images).proportion_ci(method="wilson")
    shown = [float(a[f"ensemble_{key}"]) for key in ("accuracy", "low", "high")]
    assert shown == pytest.approx([right / images, expected.low, expected.high])


@pytest.mark.parametrize(
    ("validation", "chosen"),
    [
        ((0.5, 0.75, None), "b"),  # the highest validation accuracy, whatever the test says
        ((0.5, 0.5, 0.25), "a"),  # the first of equals
        ((None, None, 0.125), "c"),  # only one held images out
        ((None, None, None), "a"),  # none did: the first of all
    ],
)
def test_validation_alone_chooses(ran: Ran, target: Path, validation: tuple[float | None, ...], chosen: str) -> None:
    accuracies = (0.25, 0.125, 0.875)
    runs = [measures("abc"[i], 0, accuracies[i], validation[i]) for i in range(3)]
    _, found = summarise(ran, target, *runs)
    assert [row["model"] for row in found if row["chosen"] == "True"] == [chosen]
    assert [row["chosen"] for row in found].count("False") == 2


def test_a_model_of_some_classes_alone_is_not_chosen(ran: Ran, target: Path) -> None:
    few = measures("few", 0, 0.75, 1.0, images=100)
    _, found = summarise(ran, target, few, measures("a", 0, 0.25, 0.5), measures("b", 0, 0.25, None))
    assert [row["model"] for row in found if row["chosen"] == "True"] == ["a"]


RIGHT = measures("a", 0, 0.5, None)


def with_test(**changes: object) -> dict[str, Any]:
    return {**RIGHT, "test": {**RIGHT["test"], **changes}}


MORE = {"negative_log_likelihood": 1.5, "expected_calibration_error": 0.25}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({**RIGHT, "test": None}, "test: nothing is not an object"),
        ({**RIGHT, "test": {"accuracy": 1}}, "no 'test.images'"),
        ({**RIGHT, "more": 1}, "more: unknown"),
        (with_test(interval=[]), "test.interval: [] is not a list of 2"),
        (with_test(accuracy="0.5"), "test.accuracy: 0.5 is not a share of 0 to 1"),
        (with_test(accuracy=math.nan), "test.accuracy: nan is not a share of 0 to 1"),
        (with_test(accuracy=0.51), "test.accuracy is not what test.errors leave of test.images"),
        (with_test(interval=[0.6, 0.7]), "test.interval is not around test.accuracy"),
        (with_test(errors=99), "test.errors is not what is beside the diagonal of test.confusion"),
        (with_test(images=100), "test.images is not the sum of test.confusion"),
        (with_test(confusion=[[100, 100]]), "test.confusion is not as many rows and columns as "),
        (with_test(confusion=[[99, 100], [1, 0]]), "test.per_class is not what test.confusion gives"),
        (with_test(balanced_accuracy=0.75), "test.balanced_accuracy is not what test.confusion gives"),
        (with_test(macro_f1=0.5), "test.macro_f1 is not what test.confusion gives"),
        (with_test(macro_f1_interval=[0.7, 0.8]), "test.macro_f1_interval is not around test.macro_f1"),
        ({**RIGHT, "validation": BY_CLASS}, "validation is not there where validation_accuracy is"),
        (with_test(calibrated=MORE), "test.calibrated is not there where temperature is"),
    ],
)
def test_measures_that_make_no_sense(tmp_path: Path, refused: Refused, changed: dict[str, Any], reason: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(changed))
    error = refused("summarise", tmp_path, "--runs", path, "--predictions", path)
    assert error.startswith(f"error: {path}: not a file that `digits.evaluate` wrote ({reason}")
