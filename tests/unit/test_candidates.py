"""Which recipes a search stands for: all combinations of a grid, or random samples that stay the same, under names that say it."""

import json
import math
import re
from typing import Any

import pytest
from digits.core.command import UserError
from digits.settings.candidates import as_changes, as_text, candidates, changed
from digits.settings.schema import schema_of

NAME = schema_of()["properties"]["recipes"]["propertyNames"]["pattern"]

GOLDEN = [
    {"batch_size": 64, "dropout": 0.282, "learning_rate": 0.00285},
    {"batch_size": 128, "dropout": 0.132, "learning_rate": 0.0122},
    {"batch_size": 64, "dropout": 0.287, "learning_rate": 0.00214},
    {"batch_size": 64, "dropout": 0.0289, "learning_rate": 0.00559},
]


def grid(**values: list[Any]) -> dict[str, dict[str, Any]]:
    return candidates("s", {"grid": values, "random": None})


def drawn(values: dict[str, Any], trials: int = 4, seed: int = 0, name: str = "s") -> list[dict[str, Any]]:
    search = {"grid": None, "random": {"trials": trials, "seed": seed, "values": values}}
    return list(candidates(name, search).values())


def test_a_grid_is_every_combination_in_the_order_of_its_values() -> None:
    found = grid(learning_rate=[1, 0.5], batch_size=[50, 20])
    assert found == {
        f"s.batch-size-{size}.learning-rate-{rate}": {"batch_size": size, "learning_rate": rate}
        for size in (50, 20)
        for rate in (1, 0.5)
    }
    assert list(found.items()) == list(grid(batch_size=[50, 20], learning_rate=[1, 0.5]).items()), "keys in any order"


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        *((0.1, "k-0.1", "0.1"), (1.0, "k-1", "1"), (1e-5, "k-1e-05", "1e-05"), (2e20, "k-2e20", "2e+20")),
        *((0.123456789, "k-0.123456789", "0.123456789"), (2_000_000, "k-2000000", "2000000"), ([], "k-none", "[]")),
        *(([500, 20], "k-500-20", "[500, 20]"), ({"rotation": 10}, "k-rotation-10", '{"rotation": 10}')),
        *((True, "k-true", "true"), (None, "k-null", "null"), ("cross_entropy", "k-cross-entropy", "cross_entropy")),
    ],
)
def test_a_name_says_the_value_and_is_a_recipes_name(value: Any, name: str, text: str) -> None:
    assert list(grid(k=[value])) == [f"s.{name}"]
    assert re.match(NAME, f"s.{name}")
    assert as_text(value) == text
    assert as_changes({"k": value, "l": 1.0}) == f"k {text}, l 1"


def test_dotted_keys_reach_into_a_key_and_leave_the_recipe_as_it_was() -> None:
    recipe = {"epochs": 1, "augmentation": {"rotation": 5, "zoom": 0}, "schedule": None}
    before = json.dumps(recipe)
    expected = {"epochs": 1, "augmentation": {"rotation": 9, "zoom": 0}, "schedule": {"end": 0.1}, "new": {"key": 1}}
    assert changed(recipe, {"augmentation.rotation": 9, "schedule.end": 0.1, "new.key": 1}) == expected
    assert json.dumps(recipe) == before


def test_random_samples_never_change() -> None:
    """Golden values: another Python or another version of this code must sample the same, or finished searches are lost."""
    values = {
        "learning_rate": {"low": 0.001, "high": 0.1, "scale": "log"},
        "dropout": {"low": 0, "high": 0.5, "scale": "linear"},
        "batch_size": [64, 128],
    }
    assert drawn(values) == GOLDEN
    assert drawn(dict(reversed(values.items()))) == GOLDEN, "keys in any order"
    assert drawn(values, trials=2) == GOLDEN[:2], "more trials keep the first"
    fewer = drawn({key: values[key] for key in ("dropout", "learning_rate")})
    assert fewer == [{key: draw[key] for key in ("dropout", "learning_rate")} for draw in GOLDEN], "as do more keys"
    assert drawn(values, seed=1)[0] != GOLDEN[0] != drawn(values, name="t")[0]


def test_samples_fill_the_range_on_its_scale() -> None:
    logs = [draw["k"] for draw in drawn({"k": {"low": 0.001, "high": 0.1, "scale": "log"}}, trials=200)]
    plain = [draw["k"] for draw in drawn({"k": {"low": 2, "high": 6, "scale": "linear"}}, trials=200)]
    assert 0.001 <= min(logs) < 0.0012 and 0.09 < max(logs) <= 0.1
    assert math.isclose(sum(map(math.log10, logs)) / len(logs), -2, abs_tol=0.1)
    assert 2 <= min(plain) < 2.1 and 5.9 < max(plain) <= 6
    assert all(float(f"{value:.3g}") == value for value in logs + plain), "three digits"


def test_samples_from_a_list_take_each_value_and_duplicates_run_once() -> None:
    assert sorted(draw["k"] for draw in drawn({"k": ["a", "b", "c"]}, trials=30)) == ["a", "b", "c"]


LOG: dict[str, Any] = {"low": 1, "high": 1, "scale": "log"}


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("neither", {}, "expected either grid or random"),
        ("grid", {"k": [1, -1]}, "'k 1' and 'k -1' would both be named 's.k-1'"),
        ("grid", {"k" * 200: [1]}, "is too long for a file; search fewer keys at once"),
        ("random", {"k": LOG}, r"random.values.k: low \(1\) must be below high \(1\)"),
        ("random", {"k": {**LOG, "low": 0}}, "random.values.k: low must be above 0 where scale is log"),
    ],
)
def test_a_search_that_cannot_be_is_refused(kind: str, values: dict[str, Any], message: str) -> None:
    chosen = {"trials": 1, "seed": 0, "values": values} if kind == "random" else values
    with pytest.raises(UserError, match=message):
        candidates("s", {"grid": None, "random": None, kind: chosen})
