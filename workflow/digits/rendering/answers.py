"""Each model's predictions on the test images as the report's page shows them, and which images it wants pictures of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.special

from digits.statistics.predictions import Predictions

RIGHT = 6  # correctly classified images of a class that are wanted before all others of them


class Answers(NamedTuple):
    """A model's predictions on the test images."""

    read: np.ndarray  # int [N], the predicted class
    share: np.ndarray  # float64 [N], its probability
    labels: np.ndarray  # int [N]
    counted: np.ndarray  # bool [N], images of the classes that the model is about

    def wrong(self) -> np.ndarray:
        """Return which images are mistakes, bool [N]."""
        return np.asarray(self.counted & (self.read != self.labels))

    def worst_first(self) -> np.ndarray:
        """Return the numbers of the counted images: the most confident mistakes first, the most confident correct ones last."""
        wrong = self.wrong()
        order = np.lexsort((np.arange(len(wrong)), np.where(wrong, -self.share, self.share), ~wrong))
        return np.asarray(order[self.counted[order]])


def answers(predictions: Predictions, temperature: float | None) -> Answers:
    """Read what a model predicts, with the probabilities that the temperature, if there is one, calibrates."""
    shares = scipy.special.softmax(predictions.logits.astype(np.float64) / (temperature or 1), axis=1)
    read = predictions.logits.argmax(axis=1)
    return Answers(read, shares[np.arange(len(read)), read], predictions.labels.astype(int), predictions.counted)


def wanted_images(models: Sequence[Answers], chosen: int, classes: int) -> list[int]:
    """Return the numbers of the test images in the order in which the page wants pictures of them.

    First all mistakes of the chosen model; then, of each model and each cell of its confusion matrix in turn, the first
    image, the second and so on; last what the models classify correctly, but for the first few of each class.
    """
    entries = []
    for model, found in enumerate(models):
        order = found.worst_first()
        cells, wrong = found.labels[order] * classes + found.read[order], found.wrong()[order]
        rank = _rank_within(cells)
        rank[~wrong & (rank >= RIGHT)] += len(found.labels)
        rank[wrong & (model == chosen)] = -1
        entries.append(np.stack([rank, np.full(len(order), model), cells, order]))
    ranks, model_of, cell_of, numbers = np.concatenate(entries, axis=1)
    queue = numbers[np.lexsort((numbers, cell_of, model_of, ranks))]
    return list(dict.fromkeys(queue.tolist()))


def _rank_within(groups: np.ndarray) -> np.ndarray:
    """Return how many of the same group stand before each, int [N]."""
    order = np.argsort(groups, kind="stable")
    _, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    rank = np.empty(len(groups), int)
    rank[order] = np.arange(len(groups)) - np.repeat(first, sizes)
    return rank
