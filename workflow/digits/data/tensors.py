"""The cached tensors between `convert` and everything after it."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import save

from digits.core.arrays import check_arrays, read_arrays, require_labels
from digits.core.fields import TEXT, Kind, Rule, check, parse_json
from digits.core.files import written_by

ARRAYS = {"images": ("uint8", ["N", "height", "width"]), "labels": ("uint8", ["N"])}
CLASSES = Kind(
    "digits.convert", [TEXT], [Rule("classes", "a list without repetition", lambda it: len(it) == len(set(it)))]
)


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
        check_arrays(arrays, ARRAYS)
        check(texts, {"classes": TEXT})
        classes: list[str] = parse_json(texts["classes"], CLASSES)
        require_labels(arrays["labels"], len(classes))
        return Split(arrays["images"], arrays["labels"], classes)
