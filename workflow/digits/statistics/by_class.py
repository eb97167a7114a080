"""Measures for classes of unequal size: means that count each class alike, and how well a rare one is found."""

import numpy as np

RESAMPLES = 1000
AVERAGES = ("balanced_accuracy", "macro_f1")
UNEQUAL = 2.0  # imbalance ratio, largest to smallest class, above which results are told class by class as well
RECALLS = {"precision_at_recall_50": 0.5, "precision_at_recall_90": 0.9}
RANKED = ("average_precision", *RECALLS)  # measures of a class's scores, whichever class has the highest


def class_means(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return balanced accuracy (the mean recall) and macro-F1 over the classes that have images, float64 [..., 2].

    Given are counts of images, [..., classes]: those classified correctly, those of the class, and those taken for it.
    """
    recall, f1 = right / np.maximum(true, 1), 2 * right / np.maximum(true + predicted, 1)
    there = true > 0
    return np.stack([np.where(there, of, 0).sum(axis=-1) / there.sum(axis=-1) for of in (recall, f1)], axis=-1)


def averages_by_class(predicted: np.ndarray, labels: np.ndarray, classes: int, *names: object) -> dict[str, object]:
    """Return each of AVERAGES, and as `…_interval` its 95 % percentile interval over resampled images, which holds it.

    `predicted` and `labels`, [N], are numbers of classes; the names seed the resampling. A class that a resample lacks is
    left out of its means. Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 13.
    """
    rng = np.random.default_rng(list("/".join(map(str, names)).encode()))
    labels, predicted = labels.astype(np.int64), predicted.astype(np.int64)
    right = np.where(predicted == labels, labels, classes)  # whatever is wrong is counted as a class of its own
    counts = np.empty((3, RESAMPLES + 1, classes), np.int64)
    for number in range(RESAMPLES + 1):
        drawn = rng.integers(len(labels), size=len(labels)) if number else slice(None)  # the first is all as they are
        for kind, of in enumerate((right, labels, predicted)):
            counts[kind, number] = np.bincount(of[drawn], minlength=classes + 1)[:classes]
    means = class_means(*counts)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    found: dict[str, object] = {}
    for number, name in enumerate(AVERAGES):
        value = float(means[0, number])
        found[name] = value
        found[f"{name}_interval"] = [min(float(low[number]), value), max(float(high[number]), value)]
    return found


def to_beat(largest: str, accuracy: float, imbalance: float, classes: int) -> tuple[str | None, float]:
    """Return the answer and the accuracy of the best that takes no look at an image: always the largest of unequal classes.

    Else it is guessing, None. `accuracy` is that of always answering the largest, `imbalance` the imbalance ratio.
    """
    guessing = 1 / classes
    return (largest, accuracy) if imbalance > UNEQUAL and accuracy > guessing else (None, guessing)


def precision_recall(scores: np.ndarray, labels: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall of a class, float64 [thresholds], if the images above a threshold are taken for it.

    `scores` is [N, classes]; each score that an image has for the class is a threshold, the highest first. Recall is NaN
    where the class has no image.
    """
    order = (-scores[:, number]).argsort(kind="stable")
    ranked, found = scores[order, number], np.cumsum(labels[order] == number)
    last = np.append(ranked[1:] != ranked[:-1], True)  # images of equal score are found together
    taken = np.arange(1, len(ranked) + 1)[last]
    with np.errstate(invalid="ignore"):
        return found[last] / taken, found[last] / found[-1]


def ranked(scores: np.ndarray, labels: np.ndarray, number: int) -> dict[str, float | None]:
    """Return RANKED of a class: the area under the steps of its precision over its recall, and the precision at RECALLS.

    That is the highest at which so many of its images or more are found. None where the class has no image.
    """
    if not (labels == number).any():
        return dict.fromkeys(RANKED)
    precision, recall = precision_recall(scores, labels, number)
    area = float(np.sum(np.diff(recall, prepend=0) * precision))
    return dict(
        zip(RANKED, (area, *(float(precision[recall >= least].max()) for least in RECALLS.values())), strict=True)
    )
