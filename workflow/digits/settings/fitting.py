"""What a recipe leaves to the images: how deep a network is for their size, how large a batch for their number."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from digits.settings.recipes import AUTO, Recipe

# Chosen by the searches of config/general-search.yaml.
FEWEST_PIXELS = 4  # that are left of a side
FIRST_CHANNELS, MOST_CHANNELS = 16, 64
STEPS, SMALLEST_BATCH, LARGEST_BATCH = 50, 16, 128  # steps an epoch, where the bounds leave it
SHIFT = 1 / 14  # of the shorter side
SCORE_STEP = 2  # how far about a step of Adam can move a score: each of a score's weights by the learning rate


def fitted(recipe: Recipe, shape: Sequence[int], images: int) -> Recipe:
    """Return the recipe with what is AUTO in it decided by the images: their shape, [3,] height, width, and how many train."""
    side = min(shape[-2:])
    values = math.prod(shape[:-2]) * math.prod(length - 2 * recipe.crop for length in shape[-2:])
    decided: dict[str, Any] = {}
    if recipe.convolutions == AUTO:
        decided["convolutions"] = convolutions_for(side - 2 * recipe.crop)
    if recipe.learning_rate == AUTO:
        decided["learning_rate"] = float(f"{SCORE_STEP / values:.2g}")
    if recipe.batch_size == AUTO:
        decided["batch_size"] = min(max(images // STEPS, SMALLEST_BATCH), LARGEST_BATCH, images)
    if recipe.augmentation.get("shift") == AUTO:
        decided["augmentation"] = {**recipe.augmentation, "shift": round(side * SHIFT)}
    return dataclasses.replace(recipe, **decided)


def convolutions_for(side: int) -> list[tuple[int, int, int]]:
    """Return padded convolutions, [channels, kernel size, stride], for images whose shorter side has so many pixels.

    There are four, or more where they are needed to halve the image until 4 to 7 pixels are left; the channels double up to
    a limit. The first of a small image keeps all of its pixels, the last two see what is left.
    """
    halvings = 0
    while side >= 2 * FEWEST_PIXELS:
        side, halvings = (side + 1) // 2, halvings + 1
    strides = [1] * (2 - halvings) + [2] * halvings + [1, 1]
    channels = [min(FIRST_CHANNELS * 2**number, MOST_CHANNELS) for number in range(len(strides))]
    return [(many, 5 if not i and strides[0] == 2 else 3, strides[i]) for i, many in enumerate(channels)]
