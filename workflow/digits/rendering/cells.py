"""The cells of confusion matrices: which test images stand behind each, and which of them the report's page shows."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.special

from digits.statistics.predictions import Predictions

Cells = dict[tuple[int, int], list[int]]  # (true class, predicted class) → numbers of test images

PER_CELL = 6  # images of a cell; of the chosen model, all mistakes
DEPTH = 10  # the chosen model's cells are filled so many times as fast


class Reading(NamedTuple):
    """A model's predictions on the test images."""

    confusion: np.ndarray  # int [classes, classes], rows: true, columns: predicted
    cells: Cells  # mistakes by falling confidence, correct predictions by rising confidence
    probabilities: np.ndarray  # float64 [N, classes]


def reading(predictions: Predictions) -> Reading:
    """Sort the images that a model was tested on into the cells of its confusion matrix."""
    probabilities = scipy.special.softmax(predictions.logits.astype(np.float64), axis=1)
    labels, read = predictions.labels.astype(int), predictions.logits.argmax(axis=1)
    confusion = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(confusion, (labels[predictions.counted], read[predictions.counted]), 1)
    confidence = probabilities[np.arange(len(read)), read]
    order = np.lexsort((np.arange(len(read)), np.where(labels == read, confidence, -confidence)))
    cells: Cells = {}
    for number in order[predictions.counted[order]].tolist():
        cells.setdefault((int(labels[number]), int(read[number])), []).append(number)
    return Reading(confusion, cells, probabilities)


def images_to_show(cells: Mapping[str, Cells], chosen: str, limit: int) -> tuple[dict[str, Cells], list[int]]:
    """Choose at most `limit` images to show: the first of every cell, then the second, and so on.

    Returns what is left of each model's cells, and the images' numbers in order.
    """
    queue = []
    for place, (model, of_model) in enumerate(cells.items()):
        for (true, read), numbers in of_model.items():
            all_of_it = model == chosen and true != read
            for rank, number in enumerate(numbers if all_of_it else numbers[:PER_CELL]):
                queue.append((rank / DEPTH if all_of_it else rank, place, true, read, number))
    left: dict[str, Cells] = {model: {} for model in cells}
    models, images = list(cells), set[int]()
    for _, place, true, read, number in sorted(queue):
        if number not in images and len(images) == limit:
            break
        images.add(number)
        left[models[place]].setdefault((true, read), []).append(number)
    return left, sorted(images)
