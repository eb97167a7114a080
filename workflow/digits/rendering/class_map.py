"""A map of images by what a network says to them: each class pulls an image towards its place on a circle.

This is RadViz (Hoffman, Grinstein, Marx, Grosse and Stanley 1997, DNA visual and analytic data mining) of a network's
probabilities: an image lies at the mean of the classes' places, weighted by them. As they are, nearly all of a good
network's images would lie on the circle, and all of an uninformative one's in the middle. So the scores are divided by
the temperature at which the probabilities have half of the entropy that they can have. Nothing is fitted to labels.
"""

import math

import numpy as np
import scipy.special

HALVINGS = 50  # of the interval that the temperature is sought in
RANGE = 1e6  # from this fraction of the scores' spread to so many times it


def softened(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, float64 [N, classes], whose mean entropy is half of its maximum; of scores, some of them -inf."""
    scores = logits.astype(np.float64)
    outputs = int(np.isfinite(scores).all(axis=0).sum())
    spread = float(scores[np.isfinite(scores)].std()) or 1.0
    low, high = spread / RANGE, spread * RANGE
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        entropy = scipy.special.entr(scipy.special.softmax(scores / middle, axis=1)).sum(axis=1).mean()
        low, high = (middle, high) if entropy < math.log(outputs) / 2 else (low, middle)
    return np.asarray(scipy.special.softmax(scores / high, axis=1))


def circle_order(probabilities: np.ndarray) -> list[int]:
    """Order the classes on a circle so that those which share images stand beside each other; class 0 comes first.

    Of an order, any stretch is reversed that makes neighbours share more, until none does (2-opt, Croes 1958).
    """
    shared = probabilities.T @ probabilities
    count = len(shared)
    order = list(range(count))
    improved = True
    while improved:
        improved = False
        for start in range(1, count - 1):
            for end in range(start + 1, count):
                before, first, last, after = order[start - 1], order[start], order[end], order[(end + 1) % count]
                gain = shared[before, last] + shared[first, after] - shared[before, first] - shared[last, after]
                if gain > 1e-9:
                    order[start : end + 1] = order[start : end + 1][::-1]
                    improved = True
    return order


def places(probabilities: np.ndarray, order: list[int]) -> np.ndarray:
    """Return where the images lie, uint8 [N, 2]: x to the right, y downwards, the circle's first class at the top."""
    angles = np.empty(len(order))
    angles[order] = 2 * np.pi * np.arange(len(order)) / len(order)
    found = probabilities @ np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    return np.asarray(np.rint((found + 1) / 2 * 255), dtype=np.uint8)
