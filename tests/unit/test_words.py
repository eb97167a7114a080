"""A recipe in words says what the recipe says."""

import pytest
from digits.rendering.words import recipe_in_words
from project import RECIPES


def test_the_tutorials_recipe() -> None:
    assert recipe_in_words({**RECIPES["published"], "hidden": [500, 30], "epochs": 30, "batch_size": 1000}) == (
        "500 and 30 hidden units, which pass on what is above zero. It starts from weights drawn with a standard deviation of "
        "1, and goes 30 times through its images, 1,000 a step, with plain gradient descent, at a learning rate of 50; the loss "
        "is the mean distance of each score, squeezed between 0 and 1, from the 0 or 1 that it should be. "
        "It trains on all training images."
    )


def test_all_that_a_recipe_can_have() -> None:
    words = recipe_in_words({**RECIPES["tiny-conv"], "layer_lr_multipliers": [1, 1, 1, 1]})
    for part in (
        "Convolutions (layer by layer 4 filters of 3×3 pixels at every second place and 8 filters of",
        "and the maximum over all places and 10 hidden units",
        "outputs brought to mean 0",
        "sees its images in 2 epochs, 50 a step, with Adam",
        "a learning rate that rises to 0.02 and falls to 0",
        "pixels are brought to mean 0 and standard deviation 1; the outermost 2 pixels are cut off; 10% of the target",
        "10% of the units",
        "momentum 0.7; each layer has",
        "(shift to 1 pixels, rotation to 10°, scale to 0.1, stretch to 0.1, shear to 0.1, elastic to 0.5 pixels)",
        "the last 30% of the steps; once trained, it looks at each image five times, as it is and moved to each side by 3 "
        "pixels, and answers with the mean",
        "the first epoch is of 50% of the images, at random, each later one of 40%, half of them the hardest",
    ):
        assert part in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden": []}, "One weighted sum of the pixels for each class, wx + b."),
        ({"epochs": 1}, "goes once through its images"),
        ({"schedule": "plateau"}, "of 50, halved where the held-out loss stops falling"),
        ({"test_time_shift": 1}, "moved to each side by a pixel,"),
        ({"early_stopping": 3}, "it stops early"),
        ({"classes": ["3", "7"]}, "only the classes 3, 7"),
        ({"labels_per_class": 10}, "only 10 labelled images a class. It holds out none."),
        ({"features_of": "small"}, "all layers but the last are those of small"),
        (
            {"validation_size": 1000, "validation_split": "last"},
            "It holds out 1,000 training images, of each class the last.",
        ),
        ({"validation_size": 1000}, "It holds out 1,000 training images."),
    ],
)
def test_a_part(changes: dict[str, object], words: str) -> None:
    assert words in recipe_in_words({**RECIPES["published"], **changes})
    assert words not in recipe_in_words(RECIPES["published"])
