"""What a recipe leaves to the images: how deep a network is for their size, how large a batch for their number."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from digits.settings.recipes import AUTO, Recipe

# Chosen by the searches of config/own-images.yaml.
FEWEST_PIXELS = 4  # that are left of a side
FIRST_CHANNELS, MOST_CHANNELS = 16, 64
STEPS, SMALLEST_BATCH, LARGEST_BATCH = 50, 16, 128  # steps an epoch, where the bounds leave it
SHIFT = 1 / 14  # of the shorter side


def fitted(recipe: Recipe, shape: Sequence[int], images: int) -> Recipe:
    """Return the recipe with what is AUTO in it decided by the images: their shape, [3,] height, width, and how many train."""
    side = min(shape[-2:])
    decided: dict[str, Any] = {}
    if recipe.convolutions == AUTO:
        decided["convolutions"] = convolutions_for(side - 2 * recipe.crop)
    if recipe.batch_size == AUTO:
        decided["batch_size"] = min(max(images // STEPS, SMALLEST_BATCH), LARGEST_BATCH, images)
    if recipe.augmentation.get("shift") == AUTO:
        decided["augmentation"] = {**recipe.augmentation, "shift": round(side * SHIFT)}
    return dataclasses.replace(recipe, **decided)


def convolutions_for(side: int) -> list[tuple[int, int, int]]:
    """Return padded convolutions, [channels, kernel size, stride], for images whose shorter side has so many pixels.

    They halve the image until 4 to 7 pixels are left, and double the channels up to a limit; two more see what is left.
    """
    found: list[tuple[int, int, int]] = []
    channels = FIRST_CHANNELS
    while side >= 2 * FEWEST_PIXELS:
        found.append((channels, 3 if found else 5, 2))
        side, channels = (side + 1) // 2, min(2 * channels, MOST_CHANNELS)
    return [*found, (channels, 3, 1), (min(2 * channels, MOST_CHANNELS), 3, 1)]
