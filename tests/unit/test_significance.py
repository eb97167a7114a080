"""The comparison of two models against worked examples and against other libraries."""

import math

import numpy as np
import pytest
import scipy.stats
from digits.statistics.predictions import Predictions
from digits.statistics.significance import adjust_p_values, combine_p_values, compare_pair, is_significant


def predictions_of(right: list[bool]) -> Predictions:
    """Predictions of a network that classifies these images correctly and misclassifies the others."""
    labels = np.arange(len(right)) % 2
    logits = np.eye(2, dtype=np.float32)[np.where(right, labels, 1 - labels)]
    return Predictions(logits, labels.astype(np.uint8), np.ones(len(right), np.bool_))


def split(both: int, first: int, second: int, neither: int) -> tuple[Predictions, Predictions]:
    return (
        predictions_of([True] * (both + first) + [False] * (second + neither)),
        predictions_of([True] * both + [False] * first + [True] * second + [False] * neither),
    )


PAIRS = [(8, 2, 2 * 56 / 1024), (1, 9, 2 * 11 / 1024), (1, 0, 1), (5, 5, 1), (0, 0, 1)]


@pytest.mark.parametrize(("first", "second", "p_value"), PAIRS)
def test_a_pair_by_hand(first: int, second: int, p_value: float) -> None:
    """Two or fewer of ten images on which they differ fall to one side in (1 + 10 + 45) / 1024 of all cases, …"""
    pair, images = split(50, first, second, 40), 90 + first + second
    assert tuple(compare_pair(*pair)) == pytest.approx((images, first, second, p_value), rel=1e-9)
    assert tuple(compare_pair(*reversed(pair))) == pytest.approx((images, second, first, p_value), rel=1e-9)


@pytest.mark.parametrize(
    ("p_values", "combined"),
    [
        ([0.03], 0.03),
        ([0.04, 0.01], 0.02),  # 2 / 1 times the smallest: Bonferroni's
        ([0.9, 0.01, 0.02], 0.03),  # 3 / 2 times the second
        ([0.001, 0.2, 0.9], 0.3),  # one seed alone is not half of them
        ([0.01, 0.02, 0.03, 0.9], 0.04),  # 4 / 2 times the second
        ([0.5, 0.01, 0.03, 0.02, 0.6], 0.05),  # 5 / 3 times the third
        ([0.8, 0.9, 1.0], 1.0),
    ],
)
def test_half_of_the_seeds_must_show_the_difference(p_values: list[float], combined: float) -> None:
    assert combine_p_values(p_values) == pytest.approx(combined)


@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 10])
def test_false_alarms_stay_rare_however_the_seeds_depend(seeds: int) -> None:
    """From independent seeds to seeds that are all alike, by a common part in normal variables; no seed has a difference."""
    rng = np.random.default_rng(seeds)
    for common in (0.0, 0.5, 0.9, 1.0):
        scores = math.sqrt(common) * rng.normal(size=(4000, 1)) + math.sqrt(1 - common) * rng.normal(size=(4000, seeds))
        alarms = [combine_p_values(p_values.tolist()) < 0.05 for p_values in 2 * scipy.stats.norm.sf(abs(scores))]
        assert np.mean(alarms) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)


def test_holm_by_hand() -> None:
    """0.01 · 3 = 0.03; 0.03 · 2 = 0.06; 0.04 · 1 is below that and becomes 0.06. What has no p-value is not counted."""
    assert adjust_p_values([math.nan, 0.01, 0.04, 0.03])[1:] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjust_p_values([math.nan, 0.01])[0])
    assert math.isnan(adjust_p_values([math.nan])[0])


@pytest.mark.parametrize(
    ("p_adjusted", "low", "high", "significant"),
    [
        (0.01, 0.001, 0.003, True),
        (0.01, -0.003, -0.001, True),
        (0.01, -0.001, 0.003, False),  # another seed may turn it round
        (0.2, 0.001, 0.003, False),  # other images may
        (0.01, math.nan, math.nan, True),  # one seed
        (math.nan, math.nan, math.nan, False),  # the foot of the ladder
    ],
)
def test_a_difference_is_beyond_chance(p_adjusted: float, low: float, high: float, significant: bool) -> None:
    assert is_significant(p_adjusted, low, high) is significant
