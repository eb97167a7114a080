"""Whether one model is better than another: judged image by image in each seed, then over all seeds, then over all rungs.

Two networks are tested on the same images, so only the images that one of them alone classifies correctly count (McNemar's
test). The runs of other seeds are tested on these same images too, so their p-values depend on each other.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

from digits.statistics.predictions import Predictions

SIGNIFICANCE = 0.05


class Pair(NamedTuple):
    """Two networks on the images that are counted for both."""

    images: int
    only_first: int  # classified correctly by the first alone
    only_second: int
    p_value: float  # exact, two-sided: how likely so uneven a split is where neither network is better


def compare_pair(first: Predictions, second: Predictions) -> Pair:
    """Compare two networks on the same test images, by McNemar's exact test."""
    counted = first.counted & second.counted
    labels = first.labels[counted]
    first_right = first.logits[counted].argmax(axis=1) == labels
    second_right = second.logits[counted].argmax(axis=1) == labels
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    differ = only_first + only_second
    p_value = float(scipy.stats.binomtest(only_first, differ).pvalue) if differ else 1.0
    return Pair(len(labels), only_first, only_second, p_value)


def combine_p_values(p_values: Sequence[float]) -> float:
    """Return one p-value for K seeds, whatever the dependence between them: half of the seeds must show the difference.

    K / k times the k-th smallest for k = K / 2 rounded up, at most 1: Rüger 1978, Metrika 25; Vovk and Wang 2020,
    "Combining p-values via averaging", Biometrika 107. Fisher's method would take the seeds for independent.
    """
    count = len(p_values)
    rank = math.ceil(count / 2)
    return min(1.0, count / rank * sorted(p_values)[rank - 1])


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values, so that of several comparisons none misleads by being one of many; NaN stays.

    The smallest of K times K, the next one times K - 1, …, each at least the one before: Holm 1979, Scandinavian Journal
    of Statistics 6.
    """
    values = np.array(p_values, dtype=np.float64)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]  # NaN comes last
    steps = values[order] * np.arange(len(order), 0, -1)
    values[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(value) for value in values]


def is_significant(p_adjusted: float, low: float, high: float) -> bool:
    """Whether a difference is beyond both kinds of chance: that of the test images, and that of the seeds.

    McNemar's test only says that these very networks differ; with another seed it might be the other way round. So the
    interval of the difference over the seeds must leave 0 out as well; one seed has none (NaN), and is taken as it is.
    """
    return p_adjusted < SIGNIFICANCE and not low <= 0 <= high
