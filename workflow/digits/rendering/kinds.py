"""What the two JSON files of the report hold, each declared once: its explorer's data, and what it was made from."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from digits.core.arrays import label_type
from digits.core.fields import AMOUNT, COUNT, FLAG, NUMBER, ORDINAL, TEXT, Kind, Maybe, Rule
from digits.data.form import FORMS
from digits.rendering.form import MANY
from digits.rendering.sheet import decode

OPTIONAL = ("ladder", "learning", "experiment")  # tables that not every configuration has
WHOLE = 10_000  # what `digits.explore` writes of a probability of 1; more is that of an image that is not counted
REPORT = Kind(
    "digits.report",
    {
        **dict.fromkeys(("metrics", "summary", "mistakes", "explorer", "datasheet"), TEXT),
        **{name: [TEXT] for name in (*OPTIONAL, "runs", "numbers")},
        "figures": {"*": TEXT},
        "tensors": {"*": {"sha256": TEXT, "shape": [COUNT]}},
        "raw": {"*": TEXT},
        "checksums": {"*": TEXT},
        "about": {
            "configuration": {
                "recipes": {"*": {"*": None}},
                "ensembles": {"*": {"recipe": TEXT, "*": None}},
                "*": None,
            },
            "*": None,
        },
    },
)
LAYER = {"kind": TEXT, "inputs": ORDINAL, "outputs": ORDINAL, "weights": TEXT, "biases": Maybe(TEXT), "*": None}


def are_below(numbers: Sequence[int] | np.ndarray, end: int) -> bool:
    """Whether all numbers are below the end."""
    return len(numbers) == 0 or max(numbers) < end


def label_kind(classes: int) -> str:
    """Return the kind of number, as `decode` takes it, that labels of so many classes are."""
    return {"uint8": "u1", "uint16": "<u2"}[label_type(classes)]


def labels_of(explorer: Mapping[str, Any], model: Mapping[str, Any] | None = None) -> np.ndarray:
    """Return the true labels of the explorer's images or, of one of its models, the predicted ones: a byte each, or two."""
    return decode(model["read"] if model else explorer["labels"], label_kind(len(explorer["classes"])))


def are_images(numbers: Sequence[int], explorer: Mapping[str, Any]) -> bool:
    """Whether all are numbers of the explorer's images."""
    return are_below(numbers, len(labels_of(explorer)))


def is_of(explorer: Mapping[str, Any], model: Mapping[str, Any]) -> bool:
    """Whether a model's predictions, and their probabilities and places, are of the explorer's images and count up to its confusions."""
    labels, read, shares = labels_of(explorer), labels_of(explorer, model), decode(model["shares"], "<u2")
    classes, places = len(explorer["classes"]), model["places"]
    if not len(labels) == len(read) == len(shares) or not are_below(read, classes):
        return False
    if places is not None and len(decode(places, "u1")) != 2 * len(labels):
        return False
    if classes > MANY:
        return model["confusion"] is None
    counted = shares <= WHOLE
    cells = np.bincount(labels[counted].astype(int) * classes + read[counted], minlength=classes**2)
    return bool(cells.reshape(classes, classes).tolist() == model["confusion"])


EXPLORER = Kind(
    "digits.explore",
    {
        "classes": [TEXT],
        "shape": (ORDINAL, ORDINAL),  # height and width
        "channels": ORDINAL,
        "form": TEXT,
        "chosen": TEXT,
        "labels": TEXT,
        "suspected": [COUNT],
        "circle": [COUNT],
        "images": {"numbers": [COUNT], "columns": ORDINAL, "picture": TEXT},
        "models": [
            {
                "name": TEXT,
                "seed": COUNT,
                "temperature": Maybe(AMOUNT),
                "sigmoids": FLAG,
                "confusion": Maybe([[COUNT]]),  # null of many classes
                "read": TEXT,
                "shares": TEXT,
                "places": Maybe(TEXT),
            }
        ],
        "networks": [
            {
                "model": TEXT,
                "seed": COUNT,
                "outputs": [COUNT],
                "crop": COUNT,
                "shift": COUNT,
                "sigmoids": FLAG,
                "half": FLAG,
                "changed": COUNT,
                "none": Maybe(COUNT),
                "members": [{"mean": [NUMBER], "std": [NUMBER], "layers": [LAYER]}],
            }
        ],
        "examples": [{"number": COUNT, "label": COUNT, "pixels": TEXT}],
    },
    [
        Rule("chosen", "one of models", lambda it: it["chosen"] in [model["name"] for model in it["models"]]),
        Rule("form", f"one of {', '.join(FORMS)}", lambda it: it["form"] in FORMS),
        Rule("labels", "of its classes", lambda it: are_below(labels_of(it), len(it["classes"]))),
        Rule("models", "of these labels, with their confusions", lambda it: all(map(partial(is_of, it), it["models"]))),
        Rule("circle", "all classes or none", lambda it: sorted(it["circle"]) in ([], [*range(len(it["classes"]))])),
        Rule("suspected", "of its images", lambda it: are_images(it["suspected"], it)),
        Rule("images.numbers", "of its images", lambda it: are_images(it["images"]["numbers"], it)),
        Rule("examples", "of its images", lambda it: are_images([row["number"] for row in it["examples"]], it)),
    ],
)
