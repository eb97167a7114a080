"""Recipes: the schema and the code know the same parts, and parts that do not fit each other get one line."""

import dataclasses
import re
from typing import Any

import pytest
from digits.core.command import UserError
from digits.data import splitting
from digits.networks import dense, network
from digits.settings.recipes import Recipe, parse_recipe
from digits.settings.schema import schema_of
from digits.training import losses, optimisers, schedules
from small import convolutional, recipe

FIELDS = schema_of("recipes")["properties"]
HARD = {"warmup_epochs": 1, "warmup_fraction": 0.5, "fraction": 0.2}
REGISTRIES: dict[str, Any] = {
    "network": network.NETWORKS,
    "init": dense.INITS,
    "loss": losses.LOSSES,
    "optimiser": optimisers.OPTIMISERS,
    "schedule": schedules.SCHEDULES,
    "validation_split": splitting.VALIDATION_SPLITS,
}


def test_the_schema_and_the_code_know_the_same_parts() -> None:
    named = {key: set(part["enum"]) for key, part in FIELDS.items() if "enum" in part and key != "pixels"}
    assert named == {key: set(registry) for key, registry in REGISTRIES.items()}
    assert list(FIELDS) == [field.name for field in dataclasses.fields(Recipe)]


def test_what_is_left_out_takes_the_schemas_default() -> None:
    assert dataclasses.asdict(parse_recipe("{}")) == {key: part["default"] for key, part in FIELDS.items()}
    assert recipe(hidden=[3, 4]).layers() == 3 and convolutional(hidden=[6]).layers() == 4
    settings = recipe(epochs=3, hard_examples=HARD)
    assert [settings.epoch_fraction(epoch) for epoch in (1, 2, 3)] == [0.5, 0.2, 0.2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "--recipe: not JSON ("),
        ("[]", "recipe is []; it must be a mapping"),
        ('{"loss": ["mse"]}', "recipe.loss: unknown value '['mse']'"),
        ('{"classes": [3]}', "recipe.classes.0 is 3; it must be text"),
        ('{"hard_examples": {"warmup_epochs": 1}}', "recipe.hard_examples: key 'warmup_fraction' is missing"),
        ('{"hard_examples": 3}', "recipe.hard_examples is 3; it must be a mapping, or null"),
        ('{"labels_per_class": 0}', "recipe.labels_per_class is 0; it must be a whole number of at least 1, or null"),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match="^" + re.escape(message)):
        parse_recipe(text)


STOPS = {"early_stopping": 2, "validation_size": 10, "epochs": 5}
CONVOLUTIONS = {"network": "convolutional", "convolutions": [[4, 3, 2]]}
TOGETHER: list[tuple[dict[str, Any], str]] = [
    ({"epochs": 3, "snapshots": [2, 4, 5]}, "snapshots: [4, 5] come after the last epoch, 3"),
    ({"convolutions": [[4, 3, 2]]}, "convolutions: a dense network has none"),
    ({"network": "convolutional"}, "convolutions: a convolutional network needs one"),
    ({**CONVOLUTIONS, "init": "normal"}, "init: normal is for dense networks; choose kaiming"),
    ({"batch_norm": True}, "batch_norm: needs convolutions"),
    ({**CONVOLUTIONS, "batch_norm": True, "batch_size": 1}, "batch_size: batch normalisation needs at least 2"),
    ({"hidden": [], "dropout": 0.5}, "dropout: a linear model has no hidden units"),
    ({"loss": "mnist_loss", "label_smoothing": 0.1}, "label_smoothing: mnist_loss does not support it"),
    ({"schedule": "plateau"}, "schedule: plateau needs a validation_size above 0"),
    ({**STOPS, "validation_size": 0}, "early_stopping: needs a validation_size above 0"),
    ({**STOPS, "weight_averaging": 0.5}, "weight_averaging: early_stopping leaves the last steps open"),
    ({**STOPS, "snapshots": [1]}, "snapshots: early_stopping may end the training before them"),
    ({"layer_lr_multipliers": [1, 1, 1]}, "layer_lr_multipliers: 3 for a network of 2 layers"),
    ({"layer_lr_multipliers": [1, 1], "features_of": "x"}, "layer_lr_multipliers: features_of trains the last layer"),
    ({"hidden": [], "features_of": "x"}, "features_of: a linear model has no features"),
    ({"epochs": 1, "hard_examples": HARD}, "hard_examples.warmup_epochs: leaves none of the 1 epochs"),
]


@pytest.mark.parametrize(("changes", "message"), TOGETHER, ids=[message for _, message in TOGETHER])
def test_parts_that_do_not_fit_each_other_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        recipe(**changes)
    assert str(caught.value).startswith(f"recipe.{message}")


def test_parts_at_the_edge_of_what_fits() -> None:
    recipe(epochs=3, snapshots=[3])
    recipe(**STOPS)
    recipe(schedule="plateau", validation_size=1)
    recipe(layer_lr_multipliers=[0, 1])
    recipe(augmentation={"scale": 0.99, "stretch": 0, "shear": 1, "rotation": 180, "shift": 10, "elastic": 2})
    recipe(epochs=2, hard_examples=HARD)
    convolutional(dropout=0.5, features_of="x")  # no hidden layers, but convolutions
