"""What networks said to images, in the images' order: between `evaluate`, which alone reads the test images, and tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save

from digits.core.arrays import check_arrays, label_type, read_arrays, require_labels
from digits.core.command import UserError
from digits.core.files import written_by


class Predictions(NamedTuple):
    """The scores of one network for the test images, in test order."""

    logits: np.ndarray  # float32 [N, classes]
    labels: np.ndarray  # [N], the true classes, of the dtype that label_type says
    counted: np.ndarray  # bool [N], images of the classes that the recipe is about


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions as safetensors."""
    path.write_bytes(save(predictions._asdict()))


def load_predictions(path: Path) -> Predictions:
    """Read a run's predictions; UserError, naming the file, where it is something else."""
    with written_by("digits.evaluate", path):
        arrays, _ = read_arrays(path)
        check_arrays(arrays, {**_scores(arrays), "counted": ("bool", ["N"])})
        found = Predictions(**arrays)
        require_labels(found.labels, found.logits.shape[1])
        _require_numbers(found.logits)
        return found


def load_validation(path: Path, classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read scores and labels of the images that a training held out; UserError where the file is something else.

    Scores of so many classes must be numbers; those of a training that diverged are not, which a search asks for.
    """
    with written_by("digits.train", path):
        arrays, _ = read_arrays(path)
        check_arrays(arrays, _scores(arrays))
        logits, labels = arrays["logits"], arrays["labels"]
        require_labels(labels, logits.shape[1])
        if classes is not None:
            if logits.shape[1] != classes:
                raise ValueError(f"scores of {logits.shape[1]} classes, but there are {classes}")
            _require_numbers(logits)
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


def _scores(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[str, Sequence[str]]]:
    """Return what scores and labels should be, as check_arrays takes it."""
    labels = label_type(arrays["logits"].shape[-1])
    return {"logits": ("float32", ["N", "classes"]), "labels": (labels, ["N"])}


def _require_numbers(logits: np.ndarray) -> None:
    """Stop where a score is NaN or infinite; a class without an output has minus infinity, but not all have."""
    bad = ~np.isfinite(logits.max(axis=1)) if logits.shape[1] else np.zeros(len(logits), dtype=bool)
    if bad.any():
        raise ValueError(f"logits: those of image {int(bad.argmax())} are not finite")
