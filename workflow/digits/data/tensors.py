"""The cached tensors between `convert` and everything after it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits.core.arrays import check_arrays, label_type, read_arrays, require_labels
from digits.core.fields import TEXT, Kind, Rule, check, parse_json
from digits.core.files import written_by

GREY, COLOUR = ["N", "height", "width"], ["N", "red, green, blue", "height", "width"]
CLASSES = Kind(
    "digits.convert", [TEXT], [Rule("classes", "a list without repetition", lambda it: len(it) == len(set(it)))]
)


class Split(NamedTuple):
    """One split of a data set, in the data set's own order."""

    images: np.ndarray  # uint8 [N, height, width], of coloured images [N, 3, height, width]
    labels: np.ndarray  # an index into classes, [N], of the dtype that label_type says
    classes: list[str]  # the name of each class
    groups: np.ndarray | None = None  # uint32 [N], of training images that stay together: numbered as they come


def save_split(path: Path, split: Split) -> None:
    """Write a split as safetensors: `images`, `labels`, `groups` if there are any, and the class names in the header.

    The library itself would copy all images before it writes them, twice; and a full disk is here an OSError like any other.
    """
    arrays = {"images": np.ascontiguousarray(split.images), "labels": np.ascontiguousarray(split.labels)}
    if split.groups is not None:
        arrays["groups"] = np.ascontiguousarray(split.groups)
    header: dict[str, Any] = {"__metadata__": {"classes": json.dumps(split.classes)}}
    end = 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):  # as the library orders them
        start, end = end, end + arrays[name].nbytes
        dtype = {"uint8": "U8", "uint16": "U16", "uint32": "U32"}[arrays[name].dtype.name]
        header[name] = {"dtype": dtype, "shape": list(arrays[name].shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in list(header)[1:]:
            file.write(arrays[name].data)


def load_split(path: Path) -> Split:
    """Read what save_split wrote; UserError, naming the file, where it is something else. The images stay in the file."""
    with written_by("digits.convert", path):
        arrays, texts = read_arrays(path, mapped=True)
        check(texts, {"classes": TEXT})
        classes: list[str] = parse_json(texts["classes"], CLASSES)
        axes = COLOUR if arrays.get("images", np.empty(0)).ndim == len(COLOUR) else GREY
        groups = {"groups": ("uint32", ["N"])} if "groups" in arrays else {}
        check_arrays(arrays, {"images": ("uint8", axes), "labels": (label_type(len(classes)), ["N"]), **groups})
        if axes is COLOUR and arrays["images"].shape[1] != 3:
            raise ValueError(f"images: {arrays['images'].shape[1]} colours, not 3")
        require_labels(arrays["labels"], len(classes))
        return Split(arrays["images"], arrays["labels"], classes, arrays.get("groups"))
