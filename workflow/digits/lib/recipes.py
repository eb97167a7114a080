"""A recipe: everything that decides how a network is made and trained, as data."""

import dataclasses
import difflib
import json
import math
from collections.abc import Iterable
from typing import Any

from digits.lib.command import UserError

# The known parts. networks.py implements each under the same name; a test holds the two against each other.
WEIGHTS = ("normal", "kaiming")
LOSSES = ("mnist_loss", "cross_entropy")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One entry of `recipes:` in the configuration; config/README.md explains each field."""

    hidden: tuple[int, ...]
    weights: str
    loss: str
    learning_rate: float
    batch_size: int
    epochs: int
    validation_size: int
    snapshots: tuple[int, ...] = ()

    def layer_sizes(self, pixels: int, classes: int) -> list[int]:
        """Return the number of values before, between and after the layers: 784, 500, 10 in the tutorial."""
        return [pixels, *self.hidden, classes]


def parse_recipe(text: str) -> Recipe:
    """Read a recipe from a line of JSON; UserError, naming the key, where it is none."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UserError(f"--recipe: not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise UserError('--recipe: expected a JSON object such as {"hidden": [500], …}')
    return make_recipe(fields)


def make_recipe(fields: dict[str, Any]) -> Recipe:
    """Make a recipe from its keys and values; UserError, naming the key, where one is missing, unknown or impossible."""
    known = [field.name for field in dataclasses.fields(Recipe)]
    for key in fields:
        if key not in known:
            raise UserError(f"recipe: {unknown('key', key, known)}")
    for field in dataclasses.fields(Recipe):
        if field.default is dataclasses.MISSING and field.name not in fields:
            raise UserError(f"recipe: key '{field.name}' is missing")
    for key, choices in (("weights", WEIGHTS), ("loss", LOSSES)):
        if fields[key] not in choices:
            raise UserError(f"recipe.{key}: {unknown(key, fields[key], choices)}")
    _check(fields, "learning_rate", lambda v: _is_number(v) and math.isfinite(v) and v > 0, "a number above 0")
    for key in ("batch_size", "epochs"):
        _check(fields, key, lambda v: _is_int(v) and v >= 1, "a whole number from 1")
    _check(fields, "validation_size", lambda v: _is_int(v) and v >= 0, "a whole number from 0")
    _check(
        fields,
        "hidden",
        lambda v: isinstance(v, list) and all(_is_int(n) and n >= 1 for n in v),
        "a list of whole numbers",
    )
    epochs = fields["epochs"]
    _check(
        fields,
        "snapshots",
        lambda v: isinstance(v, list) and all(_is_int(n) and 1 <= n <= epochs for n in v) and len(set(v)) == len(v),
        f"a list of different epochs, from 1 to {epochs}",
    )
    lists = {key: tuple(fields.get(key, ())) for key in ("hidden", "snapshots")}
    return Recipe(**{**fields, **lists, "learning_rate": float(fields["learning_rate"])})


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is not known, which one may be meant, and which there are."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return (
        f"unknown {kind} '{name}'"
        + (f", did you mean '{close[0]}'?" if close else "")
        + f" (known: {', '.join(known)})"
    )


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


def _check(fields: dict[str, Any], key: str, accept: Any, right: str) -> None:
    if key in fields and not accept(fields[key]):
        raise UserError(f"recipe.{key}: {fields[key]} is not {right}")
