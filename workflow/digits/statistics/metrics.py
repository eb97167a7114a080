"""How good predictions are: what is measured of each run on the test images, and over the runs of a model."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from digits.core.arithmetic import processor
from digits.core.command import UserError
from digits.networks.ensembles import mean_logits
from digits.statistics.by_class import averages_by_class, ranked
from digits.statistics.kinds import per_class
from digits.statistics.predictions import Predictions

CALIBRATION_BINS = 15
TEMPERATURES = (0.01, 10_000.0)  # where fit_temperature looks; uninformative scores end at the upper end


def measure_run(
    training: Mapping[str, Any],
    parameters: int,
    predictions: Predictions,
    held_out: tuple[np.ndarray, np.ndarray],
    label_errors: Sequence[int],
) -> dict[str, Any]:
    """Return everything that is measured of a network or an ensemble, plain numbers for JSON.

    `training` is the header of its weights; `held_out` the logits, [N, classes], and labels, [N], of the validation images.
    """
    logits, labels, counted = predictions
    validation, validation_labels = held_out
    temperature = fit_temperature(validation, validation_labels)
    correct = validation.argmax(axis=1) == validation_labels
    run, classes = (training["model"], training["seed"]), len(training["classes"])
    suspected = np.flatnonzero(np.isin(np.flatnonzero(counted), label_errors)).tolist()
    return {
        **{key: training[key] for key in ("model", "seed")},
        "parameters": parameters,
        **{key: training[key] for key in ("epochs", "train_size", "training_flops")},
        "processors": sorted({*training["processors"], processor()}),
        "validation_accuracy": float(correct.mean()) if len(correct) else None,
        "validation": averages_by_class(validation.argmax(axis=1), validation_labels, classes, "validation", *run)
        if len(correct)
        else None,
        "temperature": temperature,
        "test": evaluate_logits(logits[counted], labels[counted], training["classes"], temperature, suspected, run=run),
    }


def read_label_errors(text: str, images: int) -> list[int]:
    """Read numbers of test images from a JSON list; UserError if there is no such image."""
    try:
        numbers = json.loads(text)
    except ValueError as error:
        raise UserError(f"--label-errors: not JSON ({error})") from error
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise UserError("--label-errors: expected a JSON list of image numbers, such as [947, 1621]")
    for number in numbers:
        if not 0 <= number < images:
            raise UserError(f"dataset.label_errors: {number}: the test images are numbered from 0 to {images - 1}")
    return numbers


def evaluate_logits(
    logits: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    temperature: float | None = None,
    label_errors: Sequence[int] = (),
    *,
    run: Sequence[object] = (),
) -> dict[str, Any]:
    """Measure the scores, float32 [N, classes], against the labels, integers [N]. Returns plain numbers for JSON.

    Probabilities are the softmax of the scores, whatever the loss was. Interval: Wilson, 95 %. `calibrated` is measured
    on the scores divided by the temperature, `without_label_errors` without the images of those numbers; None without.
    The `run`, model and seed, seeds the bootstrap.
    """
    labels = labels.astype(np.int64)
    predicted = logits.argmax(axis=1)
    errors = int((predicted != labels).sum())
    confusion = np.zeros((len(classes), len(classes)), np.int64)  # rows: true, columns: predicted
    np.add.at(confusion, (labels, predicted), 1)
    scores = logits.astype(np.float64)
    probabilities = scipy.special.softmax(scores, axis=1)
    return {
        "images": len(labels),
        "errors": errors,
        "accuracy": (len(labels) - errors) / len(labels),
        "interval": list(wilson_interval(len(labels) - errors, len(labels))),
        **averages_by_class(predicted, labels, len(classes), "test", *run),
        **probability_measures(scores, labels),
        "calibrated": None if temperature is None else probability_measures(scores / temperature, labels),
        "without_label_errors": without_images(predicted == labels, label_errors) if label_errors else None,
        "per_class": [
            {**row, **ranked(probabilities, labels, number)} for number, row in enumerate(per_class(confusion, classes))
        ],
        "confusion": confusion.tolist(),
    }


def probability_measures(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Measure how good the probabilities are that the softmax makes of the scores, float64 [N, classes]."""
    log_probabilities = scipy.special.log_softmax(scores, axis=1)
    return {
        "negative_log_likelihood": negative_log_likelihood(log_probabilities, labels),
        "expected_calibration_error": expected_calibration_error(np.exp(log_probabilities), labels),
    }


def without_images(right: np.ndarray, numbers: Sequence[int]) -> dict[str, float | None]:
    """Count again without the images of these numbers, from whether each was classified correctly, bool [N]."""
    kept = np.delete(right, numbers)
    errors = int((~kept).sum())
    accuracy = (len(kept) - errors) / len(kept) if len(kept) else None
    return {"images": len(kept), "errors": errors, "accuracy": accuracy}


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the temperature T at which the softmax of logits / T makes the labels most likely.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2. None where there is nothing to fit: no images, or none
    misclassified, so that the likelihood only grows as T falls to 0.
    """
    if (logits.argmax(axis=1) == labels).all():
        return None
    scores, labels = logits.astype(np.float64), labels.astype(np.int64)

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(scipy.special.log_softmax(scores / math.exp(log_temperature), axis=1), labels)

    low, high = map(math.log, TEMPERATURES)
    found = scipy.optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-8})
    return math.exp(found.x)


def negative_log_likelihood(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative logarithm of the probability given to the true class, from float64 [N, classes]."""
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
    """Return the mean distance between confidence and accuracy, over bins of equal width, weighted by their images.

    `probabilities` is [N, classes]; confidence is the highest of a row. Guo et al. 2017,
    https://arxiv.org/abs/1706.04599, equation 3.
    """
    confidence, correct, index = _by_confidence(probabilities, labels, bins)
    gaps = np.bincount(index, weights=correct.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> list[tuple[float, int, int]]:
    """Return, for each bin of confidence that has images: its mean confidence, how many are classified correctly, how many there are."""
    confidence, correct, index = _by_confidence(probabilities, labels, bins)
    return [
        (float(confidence[index == number].mean()), int(correct[index == number].sum()), int((index == number).sum()))
        for number in range(bins)
        if (index == number).any()
    ]


def _by_confidence(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    """Return each image's confidence, whether it is classified correctly, and its bin: open below and closed above, as in Guo et al."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    return confidence, correct, np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def wilson_interval(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of an accuracy: how far the number of images alone could move it."""
    interval = scipy.stats.binomtest(right, images).proportion_ci(method="wilson")
    fraction = right / images  # an end of the interval where all or none are right, but for rounding
    return min(float(interval.low), fraction), max(float(interval.high), fraction)


def ensemble_accuracy(logits: Sequence[np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """Measure several networks as an ensemble, by the mean of their probabilities; with 95 % Wilson interval. NaN for one alone."""
    if len(logits) < 2:
        return {"accuracy": math.nan, "low": math.nan, "high": math.nan}
    right = int((mean_logits(logits).argmax(axis=1) == labels).sum())
    low, high = wilson_interval(right, len(labels))
    return {"accuracy": right / len(labels), "low": low, "high": high}


def mean_and_interval(values: Sequence[float], lowest: float = 0.0) -> dict[str, float]:
    """Return mean, sample standard deviation and 95 % t-interval of the mean over runs; NaN where there is none.

    One run gives none, nor do runs that are all equal: an interval without width would claim to be certain. It ends where
    the values must: by default they are shares.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "std": math.nan, "low": math.nan, "high": math.nan}
    std = float(np.std(values, ddof=1))
    if min(values) == max(values):  # their standard deviation may be rounded to more than 0
        return {"mean": mean, "std": 0.0, "low": math.nan, "high": math.nan}
    half = float(scipy.stats.t.ppf(0.975, len(values) - 1)) * std / math.sqrt(len(values))
    return {"mean": mean, "std": std, "low": max(mean - half, lowest), "high": min(mean + half, 1.0)}
