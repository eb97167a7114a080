"""The measures against worked examples and against other libraries."""

import math

import numpy as np
import pytest
import scipy.stats
from digits.lib.metrics import evaluate_logits, expected_calibration_error, mean_and_interval
from sklearn.metrics import log_loss


def logits_with_errors(errors: int, images: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(images) % 10
    predicted = labels.copy()
    predicted[:errors] = (predicted[:errors] + 1) % 10
    return np.eye(10, dtype=np.float32)[predicted], labels.astype(np.uint8)


@pytest.mark.parametrize(
    ("errors", "low", "high"),
    [(100, 0.98785, 0.99177), (50, 0.99341, 0.99621), (20, 0.99691, 0.99870), (0, 0.99962, 1.0)],
)
def test_wilson_interval_of_ten_thousand_images(errors: int, low: float, high: float) -> None:
    logits, labels = logits_with_errors(errors)
    measured = evaluate_logits(logits, labels, [str(i) for i in range(10)])
    assert measured["errors"] == errors
    assert measured["accuracy"] == (10_000 - errors) / 10_000
    assert measured["interval"] == pytest.approx([low, high], abs=1e-5)
    theirs = scipy.stats.binomtest(10_000 - errors, 10_000).proportion_ci(method="wilson")
    assert measured["interval"] == pytest.approx([theirs.low, theirs.high], abs=1e-12)


def test_per_class_measures_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    predicted = [0, 0, 1, 1, 0, 2]
    measured = evaluate_logits(np.eye(4, dtype=np.float32)[predicted], labels, ["a", "b", "c", "never"])
    assert measured["confusion"] == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    rows = {row["class"]: row for row in measured["per_class"]}
    assert (rows["a"]["precision"], rows["a"]["recall"], rows["a"]["images"]) == (
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
        3,
    )
    assert (rows["b"]["precision"], rows["b"]["f1"]) == (0.5, 0.5)
    assert (rows["never"]["precision"], rows["never"]["recall"], rows["never"]["f1"]) == (0, 0, 0)


def test_negative_log_likelihood_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, 5)).astype(np.float32)
    labels = rng.integers(5, size=200).astype(np.uint8)
    measured = evaluate_logits(logits, labels, list("abcde"))
    probabilities = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum(axis=1, keepdims=True)
    assert measured["negative_log_likelihood"] == pytest.approx(log_loss(labels, probabilities, labels=range(5)))


def test_large_scores_stay_finite() -> None:
    measured = evaluate_logits(np.array([[1000.0, -1000.0]], np.float32), np.array([1], np.uint8), ["a", "b"])
    assert measured["negative_log_likelihood"] == 2000


def test_calibration_error_by_hand() -> None:
    """Two bins of (0.5, 1]: 0.95 and 0.9 with one of two right, 0.6 right: (2 × |0.925 − 0.5| + 1 × |0.6 − 1|) / 3."""
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 1, 0])
    assert expected_calibration_error(probabilities, labels, bins=5) == pytest.approx((2 * 0.425 + 0.4) / 3)


def test_calibration_error_of_perfect_and_of_boastful_answers() -> None:
    certain = np.eye(2)[[0, 1, 0, 1]]
    assert expected_calibration_error(certain, np.array([0, 1, 0, 1])) == 0
    assert expected_calibration_error(certain, np.array([1, 0, 1, 0])) == 1


def test_t_interval_by_hand() -> None:
    """97, 98, 99 %: mean 98, standard deviation 1; t(0.975, 2 degrees of freedom) = 4.303; 4.303 / √3 = 2.484."""
    result = mean_and_interval([0.97, 0.98, 0.99])
    assert result["mean"] == pytest.approx(0.98)
    assert result["std"] == pytest.approx(0.01)
    assert [result["low"], result["high"]] == pytest.approx([0.95516, 1.00484], abs=1e-5)


def test_one_run_has_no_interval() -> None:
    result = mean_and_interval([0.5])
    assert result["mean"] == 0.5
    assert all(math.isnan(result[key]) for key in ("std", "low", "high"))
