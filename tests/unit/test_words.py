"""A recipe in words says what the recipe says."""

import pytest
from digits.rendering.words import extreme, recipe_in_words
from project import RECIPES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden": [500, 30]}, ["500 and 30 hidden units with ReLU."]),
        ({"hidden": []}, ["A linear model, wx + b."]),
        ({"epochs": 1, "batch_size": 1000}, ["for 1 epoch with batches of 1,000,"]),
        ({"schedule": "plateau"}, ["of 50, halved when the validation loss stops falling"]),
        ({"test_time_shift": 1}, ["four shifts by a pixel)"]),
        ({"early_stopping": 3}, ["early stopping"]),
        ({"classes": ["3", "7"]}, ["only the classes 3, 7", "No images are held out."]),
        ({"labels_per_class": 10}, ["only 10 labelled images per class", "No images are held out."]),
        ({"features_of": "small"}, ["all layers but the last taken from small"]),
        ({"layer_lr_multipliers": [1, 1]}, ["a learning rate for each layer"]),
        ({"validation_size": 0.2, "validation_split": "stratified"}, ["20\u202f% of the training images are held out, the same fraction"]),
        ({"convolutions": "auto", "network": "convolutional"}, ["onvolutions that halve the image until 4 to 7 pixels are left"]),
        ({"learning_rate": "auto"}, ["at a learning rate of 2 / pixel values;"]),
        ({"batch_size": "auto"}, ["with batches of a fiftieth of the images"]),
        ({"augmentation": {"shift": "auto", "flip": 0.5}}, ["(shift up to a fourteenth of the side, 50\u202f% of the images flipped"]),
        ({"class_weights": "balanced"}, ["all classes counted equally in the loss"]),
        ({"validation_size": 1000}, ["1,000 training images are held out."]),
        ({"validation_size": 1000, "validation_split": "last"}, ["1,000 training images are held out, the last ones of each class"]),
        (
            RECIPES["tiny-conv"],
            [
                "2 convolutions (4 filters of 3×3, stride 2; 8 filters of 3×3, stride 2) and global max pooling and 10 hidden",
                *("batch normalisation", "scaled by each layer's number of inputs", "for 2 epochs with batches of 50"),
                *("Adam at a learning rate that rises to 0.02 and falls to 0", "cross-entropy", "normalised pixels"),
                *("outermost 2 pixels cut off", "label smoothing 0.1", "dropout 0.1", "momentum 0.7", "shifts by 3 pixels"),
                "(shift up to 1 pixels, rotation up to 10°, scale up to 0.1, stretch up to 0.1, shear up to 0.1, elastic up to ",
                "last 30\u202f% of the steps",
                "the first epoch on a random 50\u202f% of the images, later ones on 40\u202f%, half of them",
            ],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_recipe_has_is_named(changes: dict[str, object], words: list[str]) -> None:
    tutorial = recipe_in_words(RECIPES["published"])
    described = recipe_in_words({**RECIPES["published"], **changes})
    assert all(part in described and part not in tutorial for part in words)


def test_the_tutorials_recipe_has_nothing_in_addition() -> None:
    described = recipe_in_words(RECIPES["published"])
    for part in (
        "standard deviation 1",
        "plain gradient descent at a learning rate of 50",
        "sigmoid",
        "whole training set.",
    ):
        assert part in described
    assert "addition" not in described


def test_all_classes_with_the_lowest_recall_are_named() -> None:
    rows = [{"class": name, "recall": recall} for name, recall in (("a", 0.0), ("b", 0.5), ("c", 0.0))]
    assert extreme(rows, min) == (["a", "c"], 0) and extreme(rows, max) == (["b"], 0.5)
