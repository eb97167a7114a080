"""Searches: the recipes that a grid or random samples stand for, each with a name that says what it changes."""

import copy
import itertools
import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from digits.core.command import UserError

LONGEST_NAME = 200  # a name is part of file names, which may have 255 bytes


def candidates(search_name: str, search: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each candidate changes in the search's recipe, by the candidate's name.

    `search` is an entry of `searches:` in the configuration. The order of its keys changes nothing, and duplicate samples
    are one candidate. UserError where the search is none.
    """
    if (search["grid"] is None) == (search["random"] is None):
        raise UserError("expected either grid or random")
    found: dict[str, dict[str, Any]] = {}
    for changes in _grid(search["grid"]) if search["random"] is None else _samples(search_name, **search["random"]):
        parts = [f"{_as_name(key)}-{_as_name(as_text(value))}" for key, value in changes.items()]
        name = ".".join([search_name, *parts])
        if len(name) > LONGEST_NAME:
            raise UserError(f"the name '{name}' is too long for a file; search fewer keys at once")
        if found.setdefault(name, changes) != changes:
            raise UserError(f"'{as_changes(found[name])}' and '{as_changes(changes)}' would both be named '{name}'")
    return found


def changed(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe with the changes; `augmentation.rotation` is the key `rotation` in the key `augmentation`."""
    result: dict[str, Any] = copy.deepcopy(dict(recipe))
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        place = result
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        place[last] = value
    return result


def as_changes(changes: Mapping[str, Any]) -> str:
    """Write changes for a reader: `dropout 0.3, learning_rate 0.1`."""
    return ", ".join(f"{key} {as_text(value)}" for key, value in changes.items())


def as_text(value: Any) -> str:
    """Write one value as short as it goes without losing a digit: 1.0 is `1`."""
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _as_name(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower().replace("+", "")).strip("-") or "none"


def _grid(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    keys = sorted(values)
    for combination in itertools.product(*(values[key] for key in keys)):
        yield dict(zip(keys, combination, strict=True))


def _samples(search_name: str, trials: int, seed: int, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Sample each key from a sequence of its own: neither more trials nor another key change earlier samples."""
    for key, choice in values.items():
        if isinstance(choice, dict):
            _check_range(f"random.values.{key}", choice)
    # Python promises for `random()` alone that a seed's sequence stays the same in later versions; NumPy promises none.
    generators = {key: random.Random(f"{search_name} {seed} {key}") for key in sorted(values)}  # noqa: S311 (no secret)
    for _ in range(trials):
        yield {key: _sample(values[key], generator.random()) for key, generator in generators.items()}


def _check_range(where: str, choice: Mapping[str, Any]) -> None:
    if choice["low"] >= choice["high"]:
        raise UserError(f"{where}: low ({choice['low']}) must be below high ({choice['high']})")
    if choice["scale"] == "log" and choice["low"] == 0:
        raise UserError(f"{where}: low must be above 0 where scale is log")


def _sample(choice: Any, fraction: float) -> Any:
    """Take the value that lies at a fraction, from 0 to below 1, of a list or a range; three digits of it are enough."""
    if isinstance(choice, list):
        return choice[int(fraction * len(choice))]
    low, high = choice["low"], choice["high"]
    value = (
        low * math.exp(fraction * math.log(high / low)) if choice["scale"] == "log" else low + fraction * (high - low)
    )
    return float(f"{value:.3g}")
