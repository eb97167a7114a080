"""Means over the classes and average precision against scikit-learn, their intervals against other resamples."""

import numpy as np
import pytest
import sklearn.metrics
from digits.statistics.by_class import RANKED, averages_by_class, precision_recall, ranked, to_beat

RNG = np.random.default_rng(0)
LABELS = RNG.choice(5, 400, p=[0.6, 0.2, 0.15, 0.05, 0]).astype(np.uint8)  # the last has no image
SCORES = RNG.normal(size=(400, 5)).round(1) + 2 * np.eye(5)[LABELS] - [0, 0, 0, 0, 99]
PREDICTED = SCORES.argmax(axis=1)


def test_means_are_scikit_learns_and_intervals_those_of_resampled_images() -> None:
    found = averages_by_class(PREDICTED, LABELS, 5, "a", 0)
    balanced, macro = sklearn.metrics.balanced_accuracy_score, sklearn.metrics.f1_score
    assert found["balanced_accuracy"] == pytest.approx(balanced(LABELS, PREDICTED))
    assert found["macro_f1"] == pytest.approx(macro(LABELS, PREDICTED, average="macro"))
    draws = [RNG.integers(400, size=400) for _ in range(1000)]
    theirs = {
        "balanced_accuracy": [balanced(LABELS[drawn], PREDICTED[drawn]) for drawn in draws],
        "macro_f1": [macro(LABELS[drawn], PREDICTED[drawn], average="macro") for drawn in draws],
    }
    for name, values in theirs.items():
        assert found[f"{name}_interval"] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.015)
    assert averages_by_class(PREDICTED, LABELS, 5, "a", 0) == found != averages_by_class(PREDICTED, LABELS, 5, "a", 1)


def test_an_interval_holds_what_was_measured_where_a_class_has_one_image() -> None:
    found = averages_by_class(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), 3)
    assert found == dict(zip(found, [1.0, [1.0, 1.0]] * 2, strict=True))
    always = averages_by_class(np.zeros(4, int), np.array([0, 0, 0, 1]), 2)
    assert always["balanced_accuracy"] == 0.5, "1 / classes, whatever their sizes"


@pytest.mark.parametrize("number", range(4))
def test_precision_and_recall_are_scikit_learns(number: int) -> None:
    precision, recall, _ = sklearn.metrics.precision_recall_curve(number == LABELS, SCORES[:, number])
    found = precision_recall(SCORES, LABELS, number)
    kept = slice(None, -1)  # they add a last point, at a recall of 0
    for ours, theirs in zip(found, (precision, recall), strict=True):
        np.testing.assert_allclose(ours[::-1][-len(theirs[kept]) :], theirs[kept])
    area = sklearn.metrics.average_precision_score(number == LABELS, SCORES[:, number])
    at = [precision[recall >= least].max() for least in (0.5, 0.9)]
    assert list(ranked(SCORES, LABELS, number).values()) == pytest.approx([area, *at])


def test_a_class_without_images_has_no_average_precision() -> None:
    assert ranked(SCORES, LABELS, 4) == dict.fromkeys(RANKED)
    assert np.isnan(precision_recall(SCORES, LABELS, 4)[1]).all()


@pytest.mark.parametrize(
    ("accuracy", "imbalance", "expected"),
    [(0.25, 3.0, ("a", 0.25)), (0.25, 1.9, (None, 0.2)), (0.1, 3.0, (None, 0.2))],
    ids=["unequal", "nearly equal", "rare among the test images"],
)
def test_to_beat_is_the_largest_of_unequal_classes(
    accuracy: float, imbalance: float, expected: tuple[str | None, float]
) -> None:
    assert to_beat("a", accuracy, imbalance, 5) == expected
