"""A recipe: everything that decides how a network is built and trained, as data."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from digits.core.command import UserError
from digits.settings.schema import check, completed, schema_of

AUTO: Any = "auto"  # what the images decide
LATER_KEYS = ("class_weights",)  # that came after the first published weights


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One entry of `recipes:` in the configuration, completed. The schema says what each field means."""

    network: str
    hidden: Sequence[int]
    convolutions: Sequence[tuple[int, int, int]]  # channels, kernel size, stride; AUTO before `fitted`
    padding: bool
    batch_norm: bool
    crop: int
    test_time_shift: int
    pixels: str
    init: str
    loss: str
    class_weights: str | None
    label_smoothing: float
    optimiser: str
    learning_rate: float  # AUTO before `fitted`
    momentum: float
    layer_lr_multipliers: Sequence[float]
    schedule: str
    warmup_fraction: float
    patience: int
    batch_size: int  # AUTO before `fitted`
    epochs: int
    dropout: float
    augmentation: Mapping[str, float]  # its shift: AUTO before `fitted`
    hard_examples: Mapping[str, Any] | None
    weight_averaging: float
    validation_size: float  # images, or a fraction of them
    validation_split: str
    early_stopping: int
    snapshots: Sequence[int]
    classes: Sequence[str]
    labels_per_class: int | None
    features_of: str | None

    def layers(self) -> int:
        """Return the number of layers with weights, the output layer included, of a fitted recipe."""
        return len(self.convolutions) + len(self.hidden) + 1

    def epoch_fraction(self, epoch: int) -> float:
        """Return the fraction of the training images that an epoch, counted from 1, goes through."""
        hard = self.hard_examples
        if hard is None:
            return 1.0
        return float(hard["warmup_fraction" if epoch <= hard["warmup_epochs"] else "fraction"])

    def header(self) -> dict[str, Any]:
        """Return what a file of weights says of the recipe: all keys, but of LATER_KEYS those that are not at their default.

        So weights that were published before there was a key stay the same bytes.
        """
        fields = dataclasses.asdict(self)
        properties = schema_of("recipes")["properties"]
        return {k: v for k, v in fields.items() if k not in LATER_KEYS or v != properties[k]["default"]}


def parse_recipe(text: str) -> Recipe:
    """Read a recipe from one line of JSON; omitted keys take their defaults. UserError, naming the key, if it is invalid."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UserError(f"--recipe: not JSON ({error})") from error
    return make_recipe(fields)


def make_recipe(fields: Any, where: str = "recipe") -> Recipe:
    """Complete and check a recipe's keys and values; UserError, naming the key, if one is unknown or impossible."""
    schema = schema_of("recipes")
    fields = completed(fields, schema)
    check(fields, schema, where)
    recipe = Recipe(**fields)
    for key, problem in _contradictions(recipe):
        raise UserError(f"{where}.{key}: {problem}")
    return recipe


def _contradictions(recipe: Recipe) -> list[tuple[str, str]]:
    """Return keys that do not fit each other, each with the remedy."""
    auto, held_out = recipe.convolutions == AUTO, recipe.validation_size
    linear = not recipe.hidden and not recipe.convolutions
    dense, stops, hard = recipe.network == "dense", recipe.early_stopping > 0, recipe.hard_examples
    late = [epoch for epoch in recipe.snapshots if epoch > recipe.epochs]
    factors, layers = recipe.layer_lr_multipliers, 0 if auto else recipe.layers()
    smoothed = recipe.label_smoothing and recipe.loss != "cross_entropy"
    no_hard = hard is not None and hard["warmup_epochs"] >= recipe.epochs
    unwatched, one = not held_out, "choose one of the two"
    rules = [
        ("classes", len(recipe.classes) == 1, "one alone; a network needs at least two to tell apart, or [] for all"),
        ("snapshots", late, f"{late} come after the last epoch, {recipe.epochs}"),
        ("snapshots", stops and recipe.snapshots, f"early_stopping may end the training before them; {one}"),
        ("convolutions", dense and recipe.convolutions, "a dense network has none; choose network: convolutional"),
        ("convolutions", not dense and not recipe.convolutions, "a convolutional network needs some: [[16, 3, 2]]"),
        ("init", not dense and recipe.init != "kaiming", f"{recipe.init} is for dense networks; choose kaiming"),
        ("batch_norm", dense and recipe.batch_norm, "needs convolutions; choose network: convolutional"),
        ("batch_size", recipe.batch_norm and recipe.batch_size == 1, "batch normalisation needs at least 2"),
        ("dropout", recipe.dropout and linear, "a linear model has no hidden units to drop; choose 0"),
        ("label_smoothing", smoothed, f"{recipe.loss} does not support it; choose loss: cross_entropy, or 0"),
        ("schedule", recipe.schedule == "plateau" and unwatched, "plateau needs a validation_size above 0"),
        ("early_stopping", stops and unwatched, "needs a validation_size above 0"),
        ("weight_averaging", stops and recipe.weight_averaging, f"early_stopping leaves the last steps open; {one}"),
        ("convolutions", auto and not recipe.padding, "auto counts on padding; choose padding: true, or list them"),
        (
            "learning_rate",
            recipe.learning_rate == AUTO and not (linear and recipe.optimiser == "adam"),
            "auto is for a linear model with optimiser: adam; choose a number",
        ),
        ("validation_size", held_out > 1 and held_out % 1, f"{held_out:g} is neither a whole number nor below 1"),
        ("layer_lr_multipliers", factors and auto, "convolutions: auto leaves the number of layers open; list them"),
        (
            "layer_lr_multipliers",
            factors and not auto and len(factors) != layers,
            f"{len(factors)} for {layers} layers; give one each",
        ),
        ("layer_lr_multipliers", factors and recipe.features_of, f"features_of trains the last layer alone; {one}"),
        ("features_of", recipe.features_of and linear, "a linear model has no features; add hidden layers"),
        ("hard_examples.warmup_epochs", no_hard, f"leaves none of the {recipe.epochs} epochs for the hard examples"),
    ]
    return [(key, problem) for key, wrong, problem in rules if wrong]
