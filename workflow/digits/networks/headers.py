"""What a file of weights holds beside them: how they came to be, checked as it is read. Needs no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from digits.core.arrays import read_arrays
from digits.core.fields import BIG_COUNT, COUNT, FLAG, ORDINAL, TEXT, Kind, Rule, check, parse_json
from digits.core.files import written_by

# What of a recipe is read where the schema, which knows all of it, is not.
RECIPE: Mapping[str, Any] = {
    "hidden": [ORDINAL],
    "convolutions": [(ORDINAL, ORDINAL, ORDINAL)],
    **dict.fromkeys(("padding", "batch_norm"), FLAG),
    **dict.fromkeys(("crop", "test_time_shift"), COUNT),
    **dict.fromkeys(("pixels", "loss"), TEXT),
    "classes": [TEXT],
    "*": None,
}
TRAINING = Kind(
    "digits.train",
    {
        "model": TEXT,
        "seed": COUNT,
        "recipe": RECIPE,
        "members": ORDINAL,
        "epochs": COUNT,
        "train_size": ORDINAL,
        "training_flops": BIG_COUNT,
        "processors": [TEXT],  # their kinds (core/arithmetic.py)
        "classes": [TEXT],
        "shape": [ORDINAL],
    },
    [
        Rule(
            "shape",
            "an image's: [height, width] or [3, height, width]",
            lambda it: len(it["shape"]) > 1 and it["shape"][:-2] in ([], [3]),
        )
    ],
)


def read_weights(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays of a file of weights, finite float32 numbers, and the facts of their training from its header.

    UserError, naming the file, where it is something else.
    """
    with written_by(TRAINING.command, path):
        arrays, texts = read_arrays(path)
        check(texts, {"training": TEXT})
        training: dict[str, Any] = parse_json(texts["training"], TRAINING)
        for name, array in arrays.items():
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name} is not made of finite float32 numbers")
        if training["members"] > max(1, len(arrays)):
            raise ValueError(f"members: {training['members']} of {len(arrays)} arrays")
        return arrays, training
