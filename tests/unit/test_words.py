"""A recipe in words says what the recipe says."""

import pytest
from digits.rendering.words import recipe_in_words
from project import RECIPES


def test_all_that_a_recipe_can_have() -> None:
    words = recipe_in_words({**RECIPES["tiny-conv"], "layer_lr_multipliers": [1, 1, 1, 1]})
    for part in (
        "2 convolutions (4 filters of 3×3, stride 2; 8 filters of 3×3, stride 2) and global max pooling and 10 hidden units",
        "batch normalisation",
        "2 epochs with batches of 50, using Adam",
        "rises to 0.02 and falls to 0",
        "normalised pixels; the outermost 2 pixels cut off; label smoothing 0.1; dropout 0.1; momentum 0.7; a learning rate",
        "(shift up to 1 pixels, rotation up to 10°, scale up to 0.1, stretch up to 0.1, shear up to 0.1, elastic up to 0.5",
        "last 30% of the steps",
        "five views: the original and four shifts by 3 pixels",
        "the first epoch on a random 50% of the images, later ones on 40%",
    ):
        assert part in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden": []}, "A linear model, wx + b."),
        ({"hidden": [500, 30]}, "500 and 30 hidden units"),
        ({"epochs": 1}, "1 epoch with"),
        ({"schedule": "plateau"}, "of 50, halved when the validation loss"),
        ({"test_time_shift": 1}, "four shifts by a pixel"),
        ({"early_stopping": 3}, "early stopping"),
        ({"classes": ["3", "7"]}, "only the classes 3, 7"),
        ({"labels_per_class": 10}, "only 10 labelled images per class. No images are held out."),
        ({"features_of": "small"}, "taken from small"),
        (
            {"validation_size": 1000, "validation_split": "last"},
            "1,000 training images are held out, of each class the last.",
        ),
        ({"validation_size": 1000}, "1,000 training images are held out."),
    ],
)
def test_a_part(changes: dict[str, object], words: str) -> None:
    assert words in recipe_in_words({**RECIPES["published"], **changes})
    assert words not in recipe_in_words(RECIPES["published"])
