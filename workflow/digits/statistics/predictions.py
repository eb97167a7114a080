"""What networks said to images, in the images' order: between `evaluate`, which alone reads the test images, and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save

from digits.core.arrays import read_arrays
from digits.core.command import UserError
from digits.core.files import written_by


class Predictions(NamedTuple):
    """The scores of one network for the test images, in test order."""

    logits: np.ndarray  # float32 [N, classes]
    labels: np.ndarray  # uint8 [N], the true classes
    counted: np.ndarray  # bool [N], images of the classes that the recipe is about


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions as safetensors."""
    path.write_bytes(save(predictions._asdict()))


def load_predictions(path: Path) -> Predictions:
    """Read a run's predictions; UserError, naming the file, where it is something else."""
    with written_by("digits.evaluate", path):
        arrays, _ = read_arrays(path)
        found = Predictions(arrays["logits"], arrays["labels"], arrays["counted"])
        _check_scores(found.logits, found.labels)
        if found.counted.dtype != np.bool_ or found.counted.shape != found.labels.shape:
            raise ValueError(f"counted is {found.counted.dtype} {list(found.counted.shape)}")
        return found


def load_validation(path: Path, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read scores and labels of the images that a training held out; UserError where the file is something else."""
    with written_by("digits.train", path):
        arrays, _ = read_arrays(path)
        logits, labels = arrays["logits"], arrays["labels"]
        _check_scores(logits, labels)
        if classes not in (None, logits.shape[1]):
            raise ValueError(f"scores of {logits.shape[1]} classes, but there are {classes}")
        return logits, labels


def require_one_each(runs: Sequence[object], predictions: Sequence[Path]) -> None:
    """Stop where there is not one file of predictions for each run."""
    if len(predictions) != len(runs):
        raise UserError(
            f"--predictions: {len(predictions)} files for {len(runs)} runs; name one for each, in their order"
        )


def require_same_images(first: Path, first_labels: np.ndarray, second: Path, second_labels: np.ndarray) -> None:
    """Stop where two files of predictions are not about the same images."""
    if not np.array_equal(first_labels, second_labels):
        raise UserError(f"{second}: not about the same images as {first}; delete both and start again")


def _check_scores(logits: np.ndarray, labels: np.ndarray) -> None:
    shapes = f"logits {logits.dtype} {list(logits.shape)}, labels {labels.dtype} {list(labels.shape)}"
    if logits.dtype != np.float32 or logits.ndim != 2 or labels.dtype != np.uint8 or labels.shape != logits.shape[:1]:
        raise ValueError(shapes)
    if len(labels) and labels.max() >= logits.shape[1]:
        raise ValueError(f"label {labels.max()} among scores of {logits.shape[1]} classes")
