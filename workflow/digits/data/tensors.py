"""The cached tensors between `convert` and everything after it."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save

from digits.core.arrays import read_arrays
from digits.core.command import UserError
from digits.core.files import written_by


class Split(NamedTuple):
    """One split of a data set, in the data set's own order."""

    images: np.ndarray  # uint8 [N, height, width]
    labels: np.ndarray  # uint8 [N], an index into classes
    classes: list[str]  # the name of each class


def save_split(path: Path, split: Split) -> None:
    """Write a split as safetensors: `images`, `labels`, and the class names in the header."""
    arrays = {"images": np.ascontiguousarray(split.images), "labels": np.ascontiguousarray(split.labels)}
    # Through Python's own write: a full disk is then an OSError like any other.
    path.write_bytes(save(arrays, metadata={"classes": json.dumps(split.classes)}))


def load_split(path: Path) -> Split:
    """Read what save_split wrote; UserError, naming the file, where it is something else."""
    with written_by("digits.convert", path):
        arrays, texts = read_arrays(path)
        images, labels, classes = arrays["images"], arrays["labels"], list(json.loads(texts["classes"]))
    if images.ndim != 3 or images.dtype != np.uint8 or labels.shape != images.shape[:1] or labels.dtype != np.uint8:
        raise UserError(
            f"{path}: expected uint8 images [N, height, width] and uint8 labels [N], "
            f"found {images.dtype} {list(images.shape)} and {labels.dtype} {list(labels.shape)}; delete it and start again"
        )
    if len(labels) and labels.max() >= len(classes):
        raise UserError(
            f"{path}: label {labels.max()} in a data set of {len(classes)} classes; delete it and start again"
        )
    return Split(images, labels, classes)
