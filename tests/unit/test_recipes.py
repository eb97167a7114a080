"""Recipes: the same parts and defaults as the code and the schema have, and one line for what does not fit."""

import dataclasses
import re
from typing import Any

import pytest
import yaml
from digits.core.command import UserError
from digits.data import splitting
from digits.networks import dense
from digits.networks import network as networks
from digits.settings import recipes
from digits.settings.recipes import HardExamples, Recipe, parse_recipe
from digits.training import losses, optimisers, schedules
from project import SCHEMA
from small import convolutional, recipe

FIELDS = yaml.safe_load(SCHEMA.read_text())["properties"]["recipes"]["additionalProperties"]["properties"]
HARD = {"warmup_epochs": 1, "warmup_fraction": 0.5, "fraction": 0.2}


def test_recipes_name_the_parts_that_there_are() -> None:
    assert set(recipes.NETWORKS) == set(networks.NETWORKS)
    assert set(recipes.WEIGHTS) == set(dense.INITS)
    assert set(recipes.LOSSES) == set(losses.LOSSES)
    assert set(recipes.OPTIMISERS) == set(optimisers.OPTIMISERS)
    assert set(recipes.SCHEDULES) == set(schedules.SCHEDULES)
    assert set(recipes.VALIDATION_SPLITS) == set(splitting.VALIDATION_SPLITS)


def test_the_schema_names_the_same_parts() -> None:
    assert {key: tuple(part["enum"]) for key, part in FIELDS.items() if "enum" in part} == recipes.CHOICES
    assert tuple(FIELDS["augmentation"]["properties"]) == recipes.AUGMENTATIONS
    assert list(FIELDS["hard_examples"]["properties"]) == [field.name for field in dataclasses.fields(HardExamples)]


def test_the_schema_has_the_same_keys_and_defaults() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Recipe)}
    assert set(FIELDS) == set(recipes.VALUES) | set(recipes.CHOICES)
    theirs = {name: part["default"] for name, part in FIELDS.items()}
    filled = dataclasses.asdict(recipe(**theirs))
    assert filled == dataclasses.asdict(recipes.make_recipe(theirs))
    for field in dataclasses.fields(Recipe):
        if field.default is not dataclasses.MISSING:
            assert filled[field.name] == field.default, field.name
        elif field.default_factory is not dataclasses.MISSING:
            assert filled[field.name] == field.default_factory(), field.name


def test_the_same_numbers_are_the_same_recipe() -> None:
    assert recipe(learning_rate=1, dropout=0, layer_lr_multipliers=[1, 2]) == recipe(
        learning_rate=1.0, layer_lr_multipliers=[1.0, 2.0]
    )
    assert recipe(epochs=3, hard_examples={**HARD, "first": 1}).hard_examples == HardExamples(1, 1.0, 0.2)
    assert recipe(hidden=[3, 4]).layers() == 3
    assert convolutional(hidden=[6]).layers() == 4


VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"learning_rte": 3}, "recipe: unknown key 'learning_rte', did you mean 'learning_rate'? (known: "),
    "network": (
        {"network": "convolution"},
        "recipe.network: unknown network 'convolution', did you mean 'convolutional'?",
    ),
    "optimiser": (
        {"optimiser": "adm"},
        "recipe.optimiser: unknown optimiser 'adm', did you mean 'adam'? (known: adam, sgd)",
    ),
    "schedule": (
        {"schedule": "cosine"},
        "recipe.schedule: unknown schedule 'cosine' (known: constant, one_cycle, plateau)",
    ),
    "pixels": ({"pixels": "normalized"}, "recipe.pixels: unknown pixels 'normalized', did you mean 'normalised'?"),
    "a choice that is no text": ({"loss": ["cross_entropy"]}, "recipe.loss: unknown loss '['cross_entropy']'"),
    "rate": ({"learning_rate": 0}, "recipe.learning_rate: 0 is not a number above 0"),
    "no end": ({"learning_rate": float("inf")}, "recipe.learning_rate: inf is not a number above 0"),
    "truth as number": ({"epochs": True}, "recipe.epochs: True is not a whole number from 1"),
    "hidden": ({"hidden": [0]}, "recipe.hidden: [0] is not a list of whole numbers"),
    "convolutions": (
        {"convolutions": [[16, 3]]},
        "recipe.convolutions: [[16, 3]] is not a list of layers [channels, side of the kernel, stride]",
    ),
    "batch norm": ({"batch_norm": 1}, "recipe.batch_norm: 1 is not true or false"),
    "crop": ({"crop": -1}, "recipe.crop: -1 is not a whole number from 0"),
    "validation_split": (
        {"validation_split": "first"},
        "recipe.validation_split: unknown validation_split 'first' (known: last, random)",
    ),
    "test_time_shift": ({"test_time_shift": 0.5}, "recipe.test_time_shift: 0.5 is not a whole number from 0"),
    "dropout": ({"dropout": 1}, "recipe.dropout: 1 is not a number from 0, below 1"),
    "momentum": ({"momentum": "0.9"}, "recipe.momentum: 0.9 is not a number from 0, below 1"),
    "layer rates": (
        {"layer_lr_multipliers": [-1, 1]},
        "recipe.layer_lr_multipliers: [-1, 1] is not a list of factors from 0",
    ),
    "snapshots": ({"snapshots": [1, 1]}, "recipe.snapshots: [1, 1] is not a list of different epochs"),
    "augmentation": (
        {"augmentation": {"shfit": 2}},
        "recipe.augmentation: unknown augmentation 'shfit', did you mean 'shift'? (known: elastic, rotation, scale, ",
    ),
    "how far": ({"augmentation": {"shift": -1}}, "recipe.augmentation.shift: -1 is not a number from 0"),
    "how much larger": (
        {"augmentation": {"scale": 10}},
        "recipe.augmentation.scale: 10 is not a share from 0, below 1; 10 % is 0.1",
    ),
    "how much wider": (
        {"augmentation": {"stretch": 1}},
        "recipe.augmentation.stretch: 1 is not a share from 0, below 1; 10 % is 0.1",
    ),
    "augmentations": (
        {"augmentation": ["shift"]},
        "recipe.augmentation: ['shift'] is not a mapping such as {shift: 2}",
    ),
    "classes": ({"classes": [3]}, "recipe.classes: [3] is not a list of different class names, in quotes"),
    "labels": ({"labels_per_class": 0}, "recipe.labels_per_class: 0 is not null or a whole number from 1"),
    "features": ({"features_of": 3}, "recipe.features_of: 3 is not null or the name of a recipe"),
    **{
        f"hard examples {value}": (
            {"hard_examples": value},
            f"recipe.hard_examples: {value} is not null or {{after: epochs, first: share, share: share}}, shares to 1",
        )
        for value in (
            3,
            {"after": 1},
            {**HARD, "after": 0},
            {**HARD, "first": 0},
            {**HARD, "share": 1.5},
            {**HARD, "share": "0.2"},
            {**HARD, "first": None},
            {**HARD, "first": True},
        )
    },
}


@pytest.mark.parametrize("case", VALUES)
def test_a_value_that_is_none_is_refused(case: str) -> None:
    changes, message = VALUES[case]
    with pytest.raises(UserError) as caught:
        recipe(**changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "--recipe: not JSON ("),
        ("[]", '--recipe: expected a JSON object such as {"hidden": [500], …}'),
        ("{}", "recipe: key 'hidden' is missing"),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match="^" + re.escape(message)):
        parse_recipe(text)


STOPS = {"early_stopping": 2, "validation_size": 10, "epochs": 5}
TOGETHER: list[tuple[dict[str, Any], str]] = [
    ({"epochs": 3, "snapshots": [2, 4, 5]}, "snapshots: [4, 5] come after the last epoch, 3"),
    (
        {"convolutions": [[4, 3, 2]]},
        "convolutions: a dense network has none; choose network: convolutional",
    ),
    (
        {"network": "convolutional"},
        "convolutions: a convolutional network needs at least one, such as [16, 3, 2]",
    ),
    (
        {"network": "convolutional", "convolutions": [[4, 3, 2]], "init": "normal"},
        "init: normal is for dense networks; choose kaiming",
    ),
    ({"batch_norm": True}, "batch_norm: only convolutional networks have it; choose network: convolutional"),
    (
        {"network": "convolutional", "convolutions": [[4, 3, 2]], "batch_norm": True, "batch_size": 1},
        "batch_size: batch norm needs at least 2 images a step",
    ),
    (
        {"hidden": [], "dropout": 0.5},
        "dropout: a linear model has no hidden units to leave out; add some to hidden, or choose 0",
    ),
    (
        {"loss": "mnist_loss", "label_smoothing": 0.1},
        "label_smoothing: mnist_loss has no use for it; choose loss: cross_entropy, or 0",
    ),
    (
        {"schedule": "plateau"},
        "schedule: plateau follows the loss on the validation images; choose a validation_size above 0",
    ),
    (
        {**STOPS, "validation_size": 0},
        "early_stopping: it watches the validation images; choose a validation_size above 0",
    ),
    (
        {**STOPS, "weight_averaging": 0.5},
        "average: the last steps are not known where early_stopping may end the training; choose one of the two",
    ),
    (
        {**STOPS, "snapshots": [1]},
        "snapshots: early_stopping may end the training before them; choose one of the two",
    ),
    ({"layer_lr_multipliers": [1, 1, 1]}, "layer_lr_multipliers: 3 for a network of 2 layers; give one for each"),
    (
        {"layer_lr_multipliers": [1, 1], "features_of": "x"},
        "layer_lr_multipliers: features_of trains the last layer alone; choose one of the two",
    ),
    (
        {"hidden": [], "features_of": "x"},
        "features_of: a linear model has no features; add hidden layers or convolutions",
    ),
    (
        {"epochs": 3, "hard_examples": {**HARD, "after": 3}},
        "hard_examples.warmup_epochs: 3 leaves no epoch of 3 for the hard ones",
    ),
]


@pytest.mark.parametrize(("changes", "message"), TOGETHER, ids=[message for _, message in TOGETHER])
def test_parts_that_do_not_fit_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        recipe(**changes)
    assert str(caught.value) == f"recipe.{message}"


def test_parts_at_the_edge_of_what_fits() -> None:
    recipe(epochs=3, snapshots=[3])
    recipe(**STOPS)
    recipe(schedule="plateau", validation_size=1)
    recipe(layer_lr_multipliers=[0, 1])
    recipe(augmentation={"scale": 0.99, "stretch": 0, "shear": 1, "rotation": 180, "shift": 10, "elastic": 2})
    recipe(epochs=2, hard_examples=HARD)
    convolutional(dropout=0.5, features_of="x")  # no hidden layers, but convolutions
