"""What the images decide of a recipe: depth, batch and shift; and the warning where a recipe does not suit them."""

import itertools
from typing import Any

import pytest
from digits.networks.convolutional import output_sizes, too_small
from digits.settings.fitting import convolutions_for, fitted
from digits.settings.recipes import AUTO
from small import convolutional, recipe


@pytest.mark.parametrize("side", [*range(1, 70), 224, 500])
def test_convolutions_halve_the_image_until_4_to_7_pixels_are_left(side: int) -> None:
    found = convolutions_for(side)
    sizes = [side, *(height for height, _ in output_sizes(side, side, found, padding=True))]
    assert 4 <= sizes[-1] <= 7 or sizes[-1] == side < 4
    assert sizes[-3] == sizes[-1], "the last two see what is left"
    assert all(after in (before, (before + 1) // 2) for before, after in itertools.pairwise(sizes))
    assert len(found) >= 4 and (side >= 15 or sizes[1] == side), "the first of a small image keeps its pixels"
    suited = fitted(convolutional(convolutions=AUTO), (side, side), 100)
    few = too_small(suited, (side, side), auto=True)
    assert suited.convolutions == found and bool(few) == (side < 3)
    assert not any("auto" in line for line in few), "which it is"


def test_convolutions_for_mnist_and_photos() -> None:
    assert convolutions_for(28) == [(16, 5, 2), (32, 3, 2), (64, 3, 1), (64, 3, 1)]
    assert [channels for channels, _, _ in convolutions_for(64)] == [16, 32, 64, 64, 64, 64]


@pytest.mark.parametrize(
    ("shape", "images", "batch_size", "shift"),
    [((28, 28), 48_000, 128, 2), ((3, 64, 96), 3_000, 60, 5), ((8, 8), 160, 16, 1), ((4, 4), 9, 9, 0)],
)
def test_auto_is_decided_by_the_images(shape: tuple[int, ...], images: int, batch_size: int, shift: int) -> None:
    changes = {"batch_size": AUTO, "augmentation": {"shift": AUTO, "flip": 0.5}, "crop": 0}
    found = fitted(convolutional(convolutions=AUTO, **changes), shape, images)
    assert (found.batch_size, found.augmentation) == (batch_size, {"shift": shift, "flip": 0.5})
    assert found.convolutions == convolutions_for(min(shape[-2:])) and found.layers() == len(found.convolutions) + 1
    said = recipe(batch_size=7)
    assert fitted(said, shape, images) == said


@pytest.mark.parametrize(
    ("changes", "side", "keys"),
    [
        ({"crop": 2, "convolutions": [[24, 5, 2], [32, 3, 2], [48, 3, 1], [64, 3, 2]]}, 28, []),
        ({"crop": 4, "convolutions": [[16, 5, 2], [24, 3, 2], [32, 3, 1], [48, 3, 2]]}, 28, []),
        ({"crop": 2, "convolutions": [[24, 5, 2], [32, 3, 2], [48, 3, 1], [64, 3, 2]]}, 8, ["crop", "convolutions"]),
        ({"convolutions": [[4, 3, 2], [4, 3, 2], [4, 3, 2], [4, 3, 1]]}, 8, ["convolutions"]),
        ({"convolutions": [[4, 3, 2], [4, 3, 2]]}, 8, []),
        ({"convolutions": [[4, 3, 1]], "crop": 1}, 6, ["crop"]),
    ],
)
def test_a_recipe_that_leaves_too_few_pixels_is_named(changes: dict[str, Any], side: int, keys: list[str]) -> None:
    found = too_small(convolutional(**changes), (side, side), auto=False)
    assert [line.split(":")[0] for line in found] == [f"recipe.{key}" for key in keys]


@pytest.mark.parametrize(
    ("shape", "crop", "rate"), [((28, 28), 0, 0.0026), ((28, 28), 4, 0.005), ((3, 64, 64), 0, 0.00016)]
)
def test_a_linear_models_steps_are_the_smaller_the_more_values_an_image_has(
    shape: tuple[int, ...], crop: int, rate: float
) -> None:
    found = fitted(recipe(hidden=[], optimiser="adam", learning_rate=AUTO, crop=crop), shape, 100)
    assert found.learning_rate == rate
