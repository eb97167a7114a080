"""How good predictions are: what is measured of each run on the test images, and over the runs of a model."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

CALIBRATION_BINS = 15


def evaluate_logits(logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Measure the scores, float32 [N, classes], against the labels, integers [N]. Returns plain numbers for JSON.

    Probabilities are the softmax of the scores, whatever the loss was. Interval: Wilson, 95 %.
    """
    # Not at the top: these imports take longer than anything else here, and `summarise` does without.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
    from statsmodels.stats.proportion import proportion_confint

    labels = labels.astype(np.int64)
    predicted = logits.argmax(axis=1)
    errors = int((predicted != labels).sum())
    numbers = np.arange(len(classes))
    low, high = proportion_confint(len(labels) - errors, len(labels), alpha=0.05, method="wilson")
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0)
    log_probabilities = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    return {
        "images": len(labels),
        "errors": errors,
        "accuracy": (len(labels) - errors) / len(labels),
        "interval": [float(low), float(high)],
        "negative_log_likelihood": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "expected_calibration_error": expected_calibration_error(np.exp(log_probabilities), labels),
        "per_class": [
            {
                "class": name,
                "images": int(support[i]),
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
            }
            for i, name in enumerate(classes)
        ],
        "confusion": confusion_matrix(labels, predicted, labels=numbers).tolist(),  # rows: true, columns: predicted
    }


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Return the mean distance between confidence and accuracy, over bins of equal width, weighted by their images.

    `probabilities` is [N, classes]; confidence is the highest of a row. Guo et al. 2017,
    https://arxiv.org/abs/1706.04599, equation 3.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    # Bins are open below and closed above, as in the paper.
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(index, weights=correct.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def mean_and_interval(values: Sequence[float]) -> dict[str, float]:
    """Return mean, sample standard deviation and 95 % t-interval of the mean over runs; NaN where one run gives none."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "std": math.nan, "low": math.nan, "high": math.nan}
    std = float(np.std(values, ddof=1))
    half = float(scipy.stats.t.ppf(0.975, len(values) - 1)) * std / math.sqrt(len(values))
    return {"mean": mean, "std": std, "low": mean - half, "high": mean + half}
