"""What is built: the runs of each model, an ensemble's members among them, and the rungs of the ladder."""

from typing import Any

import pytest
from digits.settings.plan import member_seeds, planned_experiment, planned_runs, shown_config, trained_rungs

ENSEMBLES = {"best": {"recipe": "single", "members": 3}, "pair": {"recipe": "single", "members": 2}}
MODELS = ["linear", "small", "published", "repaired"]
LADDER: list[dict[str, Any]] = [{"model": model, "adds": "something", "why": "Because."} for model in MODELS]
LADDER[2]["against"] = "linear"  # beside the ladder, so that `repaired` is compared with `small`


def test_an_ensembles_seeds_share_no_member() -> None:
    assert [member_seeds(ENSEMBLES["best"], seed) for seed in (0, 1, 4)] == [[0, 1, 2], [3, 4, 5], [12, 13, 14]]


@pytest.mark.parametrize(
    ("models", "seeds", "runs"),
    [
        (["a"], [2, 0], {"a": [2, 0]}),
        (["a", "best"], [1, 0], {"a": [1, 0], "single": [0, 1, 2, 3, 4, 5], "best": [1, 0]}),
        (["best", "single"], [1], {"single": [1, 3, 4, 5], "best": [1]}),
        (["single", "best"], [1], {"single": [1, 3, 4, 5], "best": [1]}),
        (["best", "pair"], [1], {"single": [2, 3, 4, 5], "best": [1], "pair": [1]}),
    ],
)
def test_an_ensemble_adds_its_members_runs(models: list[str], seeds: list[int], runs: dict[str, list[int]]) -> None:
    found = planned_runs({"models": models, "seeds": seeds, "ensembles": ENSEMBLES})
    assert found == runs and list(found) == list(runs)


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (MODELS, [("linear", None), ("small", "linear"), ("published", "linear"), ("repaired", "small")]),
        (["repaired", "small"], [("small", None), ("repaired", "small")]),
        (["repaired", "linear"], [("linear", None), ("repaired", None)]),  # what it adds, it adds to `small` alone
        (["other"], []),
        (["pair", "small"], [("linear", None), ("small", "linear")]),  # the members of an ensemble are on the ladder
    ],
)
def test_rungs_are_compared_with_the_one_above(models: list[str], expected: list[tuple[str, str | None]]) -> None:
    ensembles = {"pair": {"recipe": "linear", "members": 2}}
    rungs = trained_rungs({"models": models, "seeds": [0], "ensembles": ensembles, "ladder": LADDER})
    assert [(rung["model"], rung["against"]) for rung in rungs] == expected
    assert [rung["model"] for rung in rungs if rung["beside"]] == (["published"] if len(models) == 4 else [])


def test_the_report_shows_what_decides_its_results() -> None:
    config = {"models": ["small", "best"], "seeds": [0], "dataset": {"path": "/home/me", "format": "idx"}}
    recipes: dict[str, Any] = {"linear": {}, "small": {}, "single": {}}
    config |= {
        "recipes": recipes,
        "ensembles": ENSEMBLES,
        "ladder": LADDER,
        "searches": {},
        "experiment": {"explains": None},
    }
    shown = shown_config(config)
    assert shown["dataset"] == {"format": "idx"} and "searches" not in shown
    assert (list(shown["recipes"]), list(shown["ensembles"])) == (["small", "single"], ["best"])
    assert [rung["model"] for rung in shown["ladder"]] == ["small"]


RECIPES = {name: {"init": name[0], "loss": name[1:], "learning_rate": 1} for name in ("ab", "cd", "ef")}


def experiment(models: list[str], beside: str | None) -> dict[str, Any] | None:
    config = {"models": models, "seeds": [0, 2], "ensembles": {}, "recipes": RECIPES}
    return planned_experiment({**config, "experiment": {"explains": "ab", "beside": beside, "recipes": ["cd"]}})


def test_an_experiment_is_planned_where_what_it_explains_is_built() -> None:
    assert experiment(["cd"], "cd") is None
    found = experiment(["ab"], "cd")
    assert found is not None
    assert (found["models"], found["losses"]) == (["ab", "cd"], {"ab": "b", "cd": "d"})
    assert found["recipes"] == {"cd": RECIPES["cd"]}
    assert found["seeds"] == {"ab": [0, 2], "cd": [0, 2]}
    for beside in (None, "ef"):  # which is neither built nor one of the experiment's
        assert (experiment(["ab"], beside) or {})["models"] == ["ab"]
    assert (experiment(["ab", "ef"], "ef") or {})["seeds"] == {"ab": [0, 2], "ef": [0, 2], "cd": [0, 2]}
