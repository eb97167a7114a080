"""The measures against worked examples and against other libraries."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from digits.statistics.metrics import (
    ensemble_accuracy,
    evaluate_logits,
    expected_calibration_error,
    fit_temperature,
    mean_and_interval,
    reliability,
    wilson_interval,
)
from sklearn.metrics import log_loss

# Four images with scores 4 and 0, of which three are of the first class. The likelihood is greatest where the softmax
# says 3/4: sigmoid(4 / T) = 3/4, so 4 / T = ln 3 and T = 3.641.
OVERCONFIDENT = np.array([[4.0, 0.0]] * 4, np.float32)
THREE_OF_FOUR = np.array([0, 0, 0, 1], np.uint8)


@pytest.mark.parametrize(
    ("errors", "images", "low", "high"),
    [(100, 10_000, 0.98785, 0.99177), (20, 10_000, 0.99691, 0.99870), (0, 10_000, 0.99962, 1.0), (1, 4, 0.30064, 0.95441)],
)  # fmt: skip
def test_wilson_interval_of_ten_thousand_images_and_of_four(errors: int, images: int, low: float, high: float) -> None:
    labels = (np.arange(images) % 10).astype(np.uint8)
    predicted = np.where(np.arange(images) < errors, (labels + 1) % 10, labels)
    measured = evaluate_logits(np.eye(10, dtype=np.float32)[predicted], labels, [str(i) for i in range(10)])
    assert (measured["errors"], measured["accuracy"]) == (errors, (images - errors) / images)
    assert measured["interval"] == pytest.approx([low, high], abs=1e-5)
    theirs = scipy.stats.binomtest(images - errors, images).proportion_ci(method="wilson")
    assert measured["interval"] == pytest.approx([theirs.low, theirs.high], abs=1e-12)


def test_per_class_measures_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    predicted = [0, 0, 1, 1, 0, 2]
    measured = evaluate_logits(np.eye(4, dtype=np.float32)[predicted], labels, ["a", "b", "c", "never"])
    assert measured["confusion"] == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    measures = [[row[key] for key in ("class", "precision", "recall", "f1", "images")] for row in measured["per_class"]]
    assert measures[0] == ["a", *[pytest.approx(2 / 3)] * 3, 3]
    assert measures[1:] == [["b", 0.5, 0.5, 0.5, 2], ["c", 1, 1, 1, 1], ["never", 0, 0, 0, 0]]


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


def test_calibration_error_of_perfect_and_of_always_wrong_predictions() -> None:
    assert [expected_calibration_error(np.eye(2), np.array(labels)) for labels in ([0, 1], [1, 0])] == [0, 1]


def test_reliability_has_a_row_for_each_bin_with_images() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.45, 0.55]])
    labels = np.array([0, 0, 1])
    np.testing.assert_allclose(reliability(probabilities, labels, bins=5), [(0.55, 1, 1), (0.8, 0, 1), (0.9, 1, 1)])
    np.testing.assert_allclose(reliability(probabilities, labels, bins=2), [(0.75, 2, 3)])


def test_t_interval_by_hand() -> None:
    """97, 98, 99 %: mean 98, standard deviation 1; t(0.975, 2 degrees of freedom) = 4.303; 4.303 / √3 = 2.484."""
    result = mean_and_interval([0.97, 0.98, 0.99])
    assert result["mean"] == pytest.approx(0.98)
    assert result["std"] == pytest.approx(0.01)
    assert [result["low"], result["high"]] == pytest.approx([0.95516, 1.00484], abs=1e-5)


def test_one_run_has_no_interval() -> None:
    np.testing.assert_equal(mean_and_interval([0.5]), {"mean": 0.5, "std": np.nan, "low": np.nan, "high": np.nan})


def test_temperature_by_hand() -> None:
    assert fit_temperature(OVERCONFIDENT, THREE_OF_FOUR) == pytest.approx(4 / math.log(3), rel=1e-7)


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("scale", [0.1, 1.0, 300.0])  # the tutorial's scores are sums of hundreds of large numbers
def test_temperature_is_where_the_likelihood_has_no_slope(classes: int, scale: float) -> None:
    """The likelihood is concave in 1 / T, so that Newton's method makes no step at its greatest value alone."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes, size=500).astype(np.uint8)
    logits = ((rng.normal(size=(500, classes)) * 5 + 8 * np.eye(classes)[labels]) * scale).astype(np.float32)
    found = fit_temperature(logits, labels)
    assert found is not None and fit_temperature(logits, labels) == found
    inverse = torch.tensor(1 / found, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits).double() * inverse, torch.from_numpy(labels).long()
    )
    slope = torch.autograd.grad(loss, inverse, create_graph=True)[0]
    step = slope / torch.autograd.grad(slope, inverse)[0]
    assert abs(step.item() * found) < 1e-6


def test_without_mistakes_or_images_there_is_no_temperature() -> None:
    """Where all are right, a lower temperature is always likelier."""
    assert fit_temperature(OVERCONFIDENT, np.zeros(4, np.uint8)) is None
    assert fit_temperature(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8)) is None


def test_calibrated_measures_by_hand() -> None:
    """At that temperature each image gets 3/4, and 3 of 4 are right: no calibration error, and a mean negative log-likelihood
    of -(3 ln 0.75 + ln 0.25) / 4 = 0.5623. Before, each gets sigmoid(4) = 0.98201, an error of 0.23201.
    """
    measured = evaluate_logits(OVERCONFIDENT, THREE_OF_FOUR, ["a", "b"], 4 / math.log(3))
    assert measured["expected_calibration_error"] == pytest.approx(0.23201, abs=1e-5)
    assert measured["calibrated"]["expected_calibration_error"] == pytest.approx(0, abs=1e-9)
    assert measured["calibrated"]["negative_log_likelihood"] == pytest.approx(0.5623, abs=1e-4)
    assert measured["accuracy"] == 0.75


def test_without_the_suspected_label_errors_by_hand() -> None:
    """Images 1 and 3 are left out: two right ones remain of 0 and 2."""
    measured = evaluate_logits(OVERCONFIDENT, THREE_OF_FOUR, ["a", "b"], None, [3, 1])
    assert measured["without_label_errors"] == {"images": 2, "errors": 0, "accuracy": 1.0}
    assert measured["calibrated"] is None and measured["errors"] == 1
    assert evaluate_logits(OVERCONFIDENT, THREE_OF_FOUR, ["a", "b"])["without_label_errors"] is None


def test_wilson_interval_holds_what_was_measured() -> None:
    """All or none right is an end of the interval, whatever the rounding: no whisker of a figure can be negative."""
    for images in range(1, 1000):
        assert wilson_interval(images, images)[1] == 1, images
        assert wilson_interval(0, images)[0] == 0, images


def test_ensemble_by_hand() -> None:
    """Means of the probabilities of class a: (0.6 + 0.1) / 2 = 0.35, (0.6 + 0.9) / 2 = 0.75, (0.4 + 0.5) / 2 = 0.45: b, a, b.

    A vote of the answers could not tell the first two apart; the mean of the scores would be another again.
    """
    first, second = (
        np.log(np.array([[p, 1 - p] for p in ps])).astype(np.float32) for ps in ((0.6, 0.6, 0.4), (0.1, 0.9, 0.5))
    )
    measured = ensemble_accuracy([first, second], np.array([1, 0, 0], np.uint8))
    assert measured["accuracy"] == pytest.approx(2 / 3)
    assert (measured["low"], measured["high"]) == wilson_interval(2, 3)
    assert all(math.isnan(value) for value in ensemble_accuracy([first], np.array([1, 0, 0], np.uint8)).values())
