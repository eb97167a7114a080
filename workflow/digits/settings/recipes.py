"""A recipe: everything that decides how a network is made and trained, as data."""

import dataclasses
import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from digits.core.command import UserError

# The known parts. Each is implemented under the same name in the module given; a test holds the two against each other.
NETWORKS = ("dense", "convolutional")  # networks.py
WEIGHTS = ("normal", "kaiming")  # dense.py
LOSSES = ("mnist_loss", "cross_entropy")  # losses.py
OPTIMISERS = ("sgd", "adam")  # optimisers.py
SCHEDULES = ("constant", "plateau", "one_cycle")  # schedules.py
AUGMENTATIONS = ("shift", "rotation", "scale", "stretch", "shear", "elastic")  # augmentation.py
PIXELS = ("unit", "normalised")
VALIDATION_SPLITS = ("random", "last")  # examples.py


@dataclasses.dataclass(frozen=True)
class HardExamples:
    """Epochs on a part of the images: first a random part, later the hardest ones and as many random others."""

    after: int  # epochs before the first hard one
    first: float  # share of the images in each of those
    share: float  # share of the images in each later epoch


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One entry of `recipes:` in the configuration; config/README.md explains each field and has the same defaults."""

    hidden: tuple[int, ...]
    weights: str
    loss: str
    learning_rate: float
    batch_size: int
    epochs: int
    validation_size: int
    validation_split: str = "random"
    snapshots: tuple[int, ...] = ()
    network: str = "dense"
    convolutions: tuple[tuple[int, int, int], ...] = ()  # channels, side of the kernel, stride
    padding: bool = True
    batch_norm: bool = False
    crop: int = 0
    test_time_shift: int = 0
    pixels: str = "unit"
    dropout: float = 0.0
    label_smoothing: float = 0.0
    optimiser: str = "sgd"
    momentum: float = 0.0
    layer_rates: tuple[float, ...] = ()
    schedule: str = "constant"
    warm_up: float = 0.25
    patience: int = 2
    early_stopping: int = 0
    augmentation: Mapping[str, float] = dataclasses.field(default_factory=dict)
    hard_examples: HardExamples | None = None
    average: float = 0.0
    classes: tuple[str, ...] = ()
    labels_per_class: int | None = None
    features_of: str | None = None

    def layers(self) -> int:
        """Return the number of layers with weights, the output's included."""
        return len(self.convolutions) + len(self.hidden) + 1

    def epoch_share(self, epoch: int) -> float:
        """Return the share of the images that an epoch, counted from 1, goes through."""
        hard = self.hard_examples
        return 1.0 if hard is None else hard.first if epoch <= hard.after else hard.share


def parse_recipe(text: str) -> Recipe:
    """Read a recipe from a line of JSON; UserError, naming the key, where it is none."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UserError(f"--recipe: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise UserError('--recipe: expected a JSON object such as {"hidden": [500], …}')
    return make_recipe(fields)


def make_recipe(fields: Mapping[str, Any]) -> Recipe:
    """Make a recipe from its keys and values; UserError, naming the key, where one is missing, unknown or impossible."""
    known = [field.name for field in dataclasses.fields(Recipe)]
    for key in fields:
        if key not in known:
            raise UserError(f"recipe: {unknown('key', key, known)}")
    for field in dataclasses.fields(Recipe):
        if field.name not in fields and field.default is field.default_factory is dataclasses.MISSING:
            raise UserError(f"recipe: key '{field.name}' is missing")
    for key, value in fields.items():
        if key in CHOICES:
            if value not in CHOICES[key]:
                raise UserError(f"recipe.{key}: {unknown(key, value, CHOICES[key])}")
        elif not VALUES[key][0](value):
            raise UserError(f"recipe.{key}: {value} is not {VALUES[key][1]}")
    for name, value in fields.get("augmentation", {}).items():
        if name not in AUGMENTATIONS:
            raise UserError(f"recipe.augmentation: {unknown('augmentation', name, AUGMENTATIONS)}")
        sizes = name in ("scale", "stretch")  # from 1 on, the smallest copy would have no size
        if not _number(value, 0, 1 if sizes else math.inf):
            right = "a share from 0, below 1; 10 % is 0.1" if sizes else "a number from 0"
            raise UserError(f"recipe.augmentation.{name}: {value} is not {right}")
    recipe = Recipe(**{key: _frozen(key, value) for key, value in fields.items()})
    _check_together(recipe)
    return recipe


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is not known, which one may be meant, and which there are."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return (
        f"unknown {kind} '{name}'"
        + (f", did you mean '{close[0]}'?" if close else "")
        + f" (known: {', '.join(known)})"
    )


def _check_together(recipe: Recipe) -> None:
    """Refuse parts that do not fit each other, each with what would be right."""
    linear = not recipe.hidden and not recipe.convolutions
    stops = recipe.early_stopping > 0
    hard = recipe.hard_examples
    late = [epoch for epoch in recipe.snapshots if epoch > recipe.epochs]
    for wrong, message in (
        (late, f"snapshots: {late} come after the last epoch, {recipe.epochs}"),
        (
            recipe.network == "dense" and recipe.convolutions,
            "convolutions: a dense network has none; choose network: convolutional",
        ),
        (
            recipe.network == "convolutional" and not recipe.convolutions,
            "convolutions: a convolutional network needs at least one, such as [16, 3, 2]",
        ),
        (
            recipe.network == "convolutional" and recipe.weights != "kaiming",
            f"weights: {recipe.weights} is for dense networks; choose kaiming",
        ),
        (
            recipe.network == "dense" and recipe.batch_norm,
            "batch_norm: only convolutional networks have it; choose network: convolutional",
        ),
        (
            recipe.batch_norm and recipe.batch_size < 2,
            "batch_size: batch norm needs at least 2 images a step",
        ),
        (
            recipe.dropout and linear,
            "dropout: a linear model has no hidden units to leave out; add some to hidden, or choose 0",
        ),
        (
            recipe.label_smoothing and recipe.loss != "cross_entropy",
            f"label_smoothing: {recipe.loss} has no use for it; choose loss: cross_entropy, or 0",
        ),
        (
            recipe.schedule == "plateau" and not recipe.validation_size,
            "schedule: plateau follows the loss on the validation images; choose a validation_size above 0",
        ),
        (
            stops and not recipe.validation_size,
            "early_stopping: it watches the validation images; choose a validation_size above 0",
        ),
        (
            stops and recipe.average,
            "average: the last steps are not known where early_stopping may end the training; choose one of the two",
        ),
        (
            stops and recipe.snapshots,
            "snapshots: early_stopping may end the training before them; choose one of the two",
        ),
        (
            recipe.layer_rates and len(recipe.layer_rates) != recipe.layers(),
            f"layer_rates: {len(recipe.layer_rates)} for a network of {recipe.layers()} layers; give one for each",
        ),
        (
            recipe.layer_rates and recipe.features_of,
            "layer_rates: features_of trains the last layer alone; choose one of the two",
        ),
        (
            recipe.features_of and linear,
            "features_of: a linear model has no features; add hidden layers or convolutions",
        ),
        (
            hard is not None and hard.after >= recipe.epochs,
            f"hard_examples.after: {hard.after if hard else 0} leaves no epoch of {recipe.epochs} for the hard ones",
        ),
    ):
        if wrong:
            raise UserError(f"recipe.{message}")


def _frozen(key: str, value: Any) -> Any:
    """Turn what JSON and YAML give into what a recipe holds."""
    if key == "hard_examples":
        return None if value is None else HardExamples(value["after"], float(value["first"]), float(value["share"]))
    if key == "convolutions":
        return tuple(tuple(layer) for layer in value)
    if key == "layer_rates":
        return tuple(map(float, value))
    if isinstance(value, list):
        return tuple(value)
    # 0 and 0.0 are the same recipe; counts stay whole numbers.
    return float(value) if key in FLOATS else value


def _whole(value: object, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _number(value: object, low: float, below: float = math.inf) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value < below


def _list_of(accept: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(accept, value))


def _different(accept: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: _list_of(accept)(value) and len(set(value)) == len(value)


def _is_hard_examples(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and set(value) == {"after", "first", "share"}
        and _whole(value["after"], 1)
        and all(_number(value[key], 0) and 0 < value[key] <= 1 for key in ("first", "share"))
    )


FLOATS = {"learning_rate", "dropout", "label_smoothing", "momentum", "warm_up", "average"}
CHOICES = {
    "network": NETWORKS,
    "weights": WEIGHTS,
    "loss": LOSSES,
    "optimiser": OPTIMISERS,
    "schedule": SCHEDULES,
    "pixels": PIXELS,
    "validation_split": VALIDATION_SPLITS,
}
_SHARE = (lambda v: _number(v, 0, 1), "a number from 0, below 1")
_COUNT = (lambda v: _whole(v, 1), "a whole number from 1")
_COUNT_OR_0 = (lambda v: _whole(v, 0), "a whole number from 0")
VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "learning_rate": (lambda v: _number(v, 0) and v > 0, "a number above 0"),
    "batch_size": _COUNT,
    "epochs": _COUNT,
    "validation_size": _COUNT_OR_0,
    "hidden": (_list_of(lambda v: _whole(v, 1)), "a list of whole numbers"),
    "snapshots": (_different(lambda v: _whole(v, 1)), "a list of different epochs"),
    "convolutions": (
        _list_of(lambda v: isinstance(v, list) and len(v) == 3 and all(_whole(n, 1) for n in v)),
        "a list of layers [channels, side of the kernel, stride]",
    ),
    "padding": (lambda v: isinstance(v, bool), "true or false"),
    "batch_norm": (lambda v: isinstance(v, bool), "true or false"),
    "crop": _COUNT_OR_0,
    "test_time_shift": _COUNT_OR_0,
    "dropout": _SHARE,
    "label_smoothing": _SHARE,
    "momentum": _SHARE,
    "layer_rates": (_list_of(lambda v: _number(v, 0)), "a list of factors from 0"),
    "warm_up": _SHARE,
    "patience": _COUNT,
    "early_stopping": _COUNT_OR_0,
    "augmentation": (lambda v: isinstance(v, dict), "a mapping such as {shift: 2}"),
    "hard_examples": (_is_hard_examples, "null or {after: epochs, first: share, share: share}, shares to 1"),
    "average": _SHARE,
    "classes": (_different(lambda v: isinstance(v, str)), "a list of different class names, in quotes"),
    "labels_per_class": (lambda v: v is None or _whole(v, 1), "null or a whole number from 1"),
    "features_of": (lambda v: v is None or isinstance(v, str), "null or the name of a recipe"),
}
