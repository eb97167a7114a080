"""Recipes: the parts that the schema names are there, and one line for keys that do not fit each other."""

import dataclasses
import json
import re
from typing import Any

import pytest
from digits.core.command import UserError
from digits.data.splitting import VALIDATION_SPLITS
from digits.networks.dense import INITS
from digits.networks.network import NETWORKS
from digits.settings.recipes import Recipe, parse_recipe
from digits.settings.schema import schema_of
from digits.training.losses import LOSSES
from digits.training.optimisers import OPTIMISERS
from digits.training.schedules import SCHEDULES
from small import convolutional, recipe

FIELDS = schema_of("recipes")["properties"]
HARD = {"warmup_epochs": 1, "warmup_fraction": 0.5, "fraction": 0.2}
CONVOLUTIONAL = {"network": "convolutional", "convolutions": [[4, 3, 2]]}
STOPS = {"early_stopping": 2, "validation_size": 10, "epochs": 5}


def test_the_code_has_the_keys_and_the_parts_that_the_schema_names() -> None:
    assert list(FIELDS) == [field.name for field in dataclasses.fields(Recipe)]
    parts: dict[str, Any] = {"network": NETWORKS, "init": INITS, "loss": LOSSES, "optimiser": OPTIMISERS}
    parts |= {"schedule": SCHEDULES, "validation_split": VALIDATION_SPLITS}
    assert {key: set(FIELDS[key]["enum"]) for key in parts} == {key: set(part) for key, part in parts.items()}


def test_layers_and_fractions_of_the_images() -> None:
    assert (recipe(hidden=[3, 4]).layers(), convolutional(hidden=[6]).layers()) == (3, 4)
    assert recipe().epoch_fraction(1) == 1
    hard = recipe(epochs=3, hard_examples=HARD)
    assert [hard.epoch_fraction(epoch) for epoch in (1, 2, 3)] == [0.5, 0.2, 0.2]


def test_a_recipe_is_read_from_json() -> None:
    defaults = {"hidden": [500], "learning_rate": 0.5, "batch_size": 1000, "validation_size": 10000}
    assert parse_recipe('{"epochs": 3}') == recipe(epochs=3, **defaults)
    for text, message in {"{": "--recipe: not JSON (", "[]": "recipe is []; it must be a mapping"}.items():
        with pytest.raises(UserError, match="^" + re.escape(message)):
            parse_recipe(text)


def test_a_file_of_weights_names_a_later_key_only_where_it_is_not_at_its_default() -> None:
    """What was published before there was the key is so the same bytes, and a recipe again."""
    plain, weighted = recipe(), recipe(class_weights="balanced")
    assert plain.header().keys() == FIELDS.keys() - {"class_weights"}
    assert weighted.header() == {**plain.header(), "class_weights": "balanced"}
    assert [parse_recipe(json.dumps(of.header())) for of in (plain, weighted)] == [plain, weighted]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a"]}, "classes: one alone; a network needs at least two to tell apart, or [] for all"),
        ({"epochs": 3, "snapshots": [2, 4, 5]}, "snapshots: [4, 5] come after the last epoch, 3"),
        ({"convolutions": [[4, 3, 2]]}, "convolutions: a dense network has none; choose network: convolutional"),
        ({"network": "convolutional"}, "convolutions: a convolutional network needs some"),
        ({**CONVOLUTIONAL, "init": "normal"}, "init: normal is for dense networks; choose kaiming"),
        ({"batch_norm": True}, "batch_norm: needs convolutions; choose network: convolutional"),
        ({**CONVOLUTIONAL, "batch_norm": True, "batch_size": 1}, "batch_size: batch normalisation needs at least 2"),
        ({"hidden": [], "dropout": 0.5}, "dropout: a linear model has no hidden units to drop; choose 0"),
        ({"loss": "mnist_loss", "label_smoothing": 0.1}, "label_smoothing: mnist_loss does not support it; choose loss: cr"),
        ({"schedule": "plateau"}, "schedule: plateau needs a validation_size"),
        ({**STOPS, "validation_size": 0}, "early_stopping: needs a validation_size"),
        ({**STOPS, "weight_averaging": 0.5}, "weight_averaging: early_stopping leaves"),
        ({**STOPS, "snapshots": [1]}, "snapshots: early_stopping may end the training before them; choose one of the two"),
        ({"layer_lr_multipliers": [1, 1, 1]}, "layer_lr_multipliers: 3 for 2 layers; give one each"),
        ({"layer_lr_multipliers": [1, 1], "features_of": "x"}, "layer_lr_multipliers: features_of trains the last layer"),
        ({"hidden": [], "features_of": "x"}, "features_of: a linear model has no features"),
        ({**CONVOLUTIONAL, "convolutions": "auto", "padding": False}, "convolutions: auto counts on padding; choose padding: true"),
        ({**CONVOLUTIONAL, "convolutions": "auto", "layer_lr_multipliers": [1]}, "layer_lr_multipliers: convolutions: auto leaves"),
        ({"learning_rate": "auto", "hidden": []}, "learning_rate: auto is for a linear model with optimiser: adam"),
        ({"convolutions": "auto"}, "convolutions: a dense network has none"),
        ({"validation_size": 1.5}, "validation_size: 1.5 is neither a whole number nor below 1"),
        ({"epochs": 1, "hard_examples": HARD}, "hard_examples.warmup_epochs: leaves none of the 1 epochs"),
    ],
    ids=str,
)  # fmt: skip
def test_keys_that_do_not_fit_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match="^" + re.escape(f"recipe.{message}")):
        recipe(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 3, "snapshots": [3]},
        STOPS,
        {"schedule": "plateau", "validation_size": 1},
        {"layer_lr_multipliers": [0, 1]},
        {
            **CONVOLUTIONAL,
            "convolutions": "auto",
            "batch_norm": True,
            "batch_size": "auto",
            "augmentation": {"shift": "auto"},
        },
        {"validation_size": 0.5, "validation_split": "stratified", "class_weights": "balanced"},
        {
            "augmentation": {
                "scale": 0.99,
                "stretch": 0,
                "shear": 1,
                "rotation": 180,
                "shift": 10,
                "elastic": 2,
                "flip": 1,
            }
        },
        {"epochs": 2, "hard_examples": {**HARD, "warmup_fraction": 1}},
        {**CONVOLUTIONAL, "dropout": 0.5, "features_of": "x", "hidden": []},
    ],
    ids=str,
)
def test_values_at_the_edge_of_what_fits(changes: dict[str, Any]) -> None:
    recipe(**changes)
