"""The measures against worked examples and against other libraries."""

import math

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
import torch
from digits.statistics import metrics

# Four images with scores 4 and 0, of which three are of the first class. The likelihood is greatest where the softmax
# says 3/4: sigmoid(4 / T) = 3/4, so 4 / T = ln 3 and T = 3.641.
OVERCONFIDENT = np.array([[4.0, 0.0]] * 4, np.float32)
THREE_OF_FOUR = np.array([0, 0, 0, 1], np.uint8)


WILSON = [(9_900, 10_000, [0.98785, 0.99177]), (10_000, 10_000, [0.99962, 1]), (3, 4, [0.30064, 0.95441])]


def test_equal_runs_have_no_interval() -> None:
    """One without width would say that another run could score nothing else."""
    found = metrics.mean_and_interval([0.1] * 3)
    assert found["mean"] == pytest.approx(0.1) and found["std"] == 0
    assert np.isnan([found["low"], found["high"]]).all()


@pytest.mark.parametrize(("right", "images", "interval"), WILSON)
def test_wilson_intervals(right: int, images: int, interval: list[float]) -> None:
    assert metrics.wilson_interval(right, images) == pytest.approx(interval, abs=1e-5)
    # Wilson 1927: the shares p at which |right / images - p| is z standard errors of p.
    for p in metrics.wilson_interval(right, images):
        assert abs(right / images - p) == pytest.approx(1.959963985 * math.sqrt(p * (1 - p) / images), abs=1e-9)


def test_wilson_interval_holds_what_was_measured() -> None:
    """All or none right is an end of the interval, whatever the rounding: no whisker of a figure can be negative."""
    for images in range(1, 1000):
        assert metrics.wilson_interval(images, images)[1] == 1, images
        assert metrics.wilson_interval(0, images)[0] == 0, images


def test_measures_are_scikit_learns() -> None:
    """One class has no image and no prediction, others have many."""
    rng = np.random.default_rng(0)
    labels = rng.choice(5, 200, p=[0.4, 0.3, 0.2, 0.1, 0])
    logits = rng.normal(size=(200, 5)) + 1.3 * np.eye(5)[labels] - [0, 0, 1, 0, 99]
    measured = metrics.evaluate_logits(logits.astype(np.float32), labels.astype(np.uint8), list("abcde"))
    predicted, logits = logits.argmax(axis=1), logits.astype(np.float32)
    probabilities = scipy.special.softmax(logits.astype(float), axis=1)
    right = int((predicted == labels).sum())
    assert [measured[key] for key in ("images", "errors", "accuracy")] == [200, 200 - right, right / 200]
    assert measured["interval"] == list(metrics.wilson_interval(right, 200))
    likelihood = sklearn.metrics.log_loss(labels, probabilities, labels=range(5))
    assert measured["negative_log_likelihood"] == pytest.approx(likelihood, rel=1e-9)
    assert measured["confusion"] == sklearn.metrics.confusion_matrix(labels, predicted, labels=range(5)).tolist()
    theirs = sklearn.metrics.precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    found = [[row[key] for row in measured["per_class"]] for key in ("precision", "recall", "f1", "images")]
    np.testing.assert_allclose(found, theirs, rtol=1e-12)
    assert [row["class"] for row in measured["per_class"]] == list("abcde")
    confidence, gap = probabilities.max(axis=1), 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15 + 1e-12)
        gap += abs(((predicted == labels) - confidence)[inside].sum()) / 200
    assert measured["expected_calibration_error"] == pytest.approx(gap, rel=1e-9)
    large = metrics.evaluate_logits(np.array([[1000.0, -1000.0]], np.float32), np.array([1], np.uint8), ["a", "b"])
    assert large["negative_log_likelihood"] == 2000


def test_calibration_error_by_hand() -> None:
    """Two bins of (0.5, 1]: 0.95 and 0.9 with one of two right, 0.6 right: (2 × |0.925 − 0.5| + 1 × |0.6 − 1|) / 3."""
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.6, 0.4]])
    labels = np.array([0, 1, 0])
    assert metrics.expected_calibration_error(probabilities, labels, bins=5) == pytest.approx((2 * 0.425 + 0.4) / 3)


def test_reliability_has_a_row_for_each_bin_with_images() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.45, 0.55]])
    labels = np.array([0, 0, 1])
    np.testing.assert_allclose(
        metrics.reliability(probabilities, labels, bins=5), [(0.55, 1, 1), (0.8, 0, 1), (0.9, 1, 1)]
    )
    np.testing.assert_allclose(metrics.reliability(probabilities, labels, bins=2), [(0.75, 2, 3)])


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("scale", [0.1, 1.0, 300.0])  # the tutorial's scores are sums of hundreds of large numbers
def test_temperature_is_where_the_likelihood_has_no_slope(classes: int, scale: float) -> None:
    """The likelihood is concave in 1 / T, so that Newton's method makes no step at its greatest value alone."""
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes, size=500).astype(np.uint8)
    logits = ((rng.normal(size=(500, classes)) * 5 + 8 * np.eye(classes)[labels]) * scale).astype(np.float32)
    found = metrics.fit_temperature(logits, labels)
    assert found is not None and metrics.fit_temperature(logits, labels) == found
    inverse = torch.tensor(1 / found, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits).double() * inverse, torch.tensor(labels).long())
    slope = torch.autograd.grad(loss, inverse, create_graph=True)[0]
    step = slope / torch.autograd.grad(slope, inverse)[0]
    assert abs(step.item() * found) < 1e-6


def test_without_mistakes_or_images_there_is_no_temperature() -> None:
    """Where all are right, a lower temperature is always likelier."""
    assert metrics.fit_temperature(OVERCONFIDENT, np.zeros(4, np.uint8)) is None
    assert metrics.fit_temperature(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8)) is None


def test_calibrated_measures_by_hand() -> None:
    """At that temperature each image gets 3/4, and 3 of 4 are right: no calibration error, and a mean negative log-likelihood
    of -(3 ln 0.75 + ln 0.25) / 4 = 0.5623. Before, each gets sigmoid(4) = 0.98201, an error of 0.23201.
    """
    measured = metrics.evaluate_logits(OVERCONFIDENT, THREE_OF_FOUR, ["a", "b"], 4 / math.log(3))
    assert measured["expected_calibration_error"] == pytest.approx(0.23201, abs=1e-5)
    assert measured["calibrated"]["expected_calibration_error"] == pytest.approx(0, abs=1e-9)
    assert measured["calibrated"]["negative_log_likelihood"] == pytest.approx(0.5623, abs=1e-4)
    assert measured["accuracy"] == 0.75
