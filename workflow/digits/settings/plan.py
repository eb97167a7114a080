"""What a configuration asks to be built: the runs of each model, and the rungs of the ladder."""

from collections.abc import Mapping
from typing import Any


def planned_runs(config: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the seeds of each model that is reported, in the report's order.

    The members of an ensemble are reported too, as the single networks that they are: before it, unless they are among
    the models anyway.
    """
    runs: dict[str, list[int]] = {}
    for model in config["models"]:
        if model in config["ensembles"]:
            recipe = config["ensembles"][model]["recipe"]
            members = {m for seed in config["seeds"] for m in member_seeds(config["ensembles"][model], seed)}
            runs[recipe] = sorted({*runs.get(recipe, []), *members})
        runs[model] = sorted({*runs.get(model, []), *config["seeds"]}) if model in runs else list(config["seeds"])
    return runs


def member_seeds(ensemble: Mapping[str, Any], seed: int) -> list[int]:
    """Return the seeds of the runs that an ensemble's run with a seed averages; no two seeds share a member."""
    count = ensemble["members"]
    return list(range(count * seed, count * (seed + 1)))


def trained_rungs(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rungs of the ladder whose models are built, each with what it is compared with (null if that is not).

    Without `against` this is the nearest rung above that stands on the ladder, not beside it.
    """
    rungs: list[dict[str, Any]] = []
    built, above = planned_runs(config), None
    for rung in config["ladder"]:
        beside = rung.get("against") is not None
        against = rung["against"] if beside else above
        above = above if beside else rung["model"]
        if rung["model"] in built:
            against = against if against in built else None
            rungs.append({"model": rung["model"], "adds": rung["adds"], "against": against, "beside": beside})
    return rungs


def planned_experiment(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the experiment shows, if what it explains is built: its models, its recipes, the seeds of all their runs.

    `models` are the one it explains and, if any, the one beside it.
    """
    experiment, built = config["experiment"], planned_runs(config)
    if experiment["explains"] not in built:
        return None
    beside = experiment["beside"] if experiment["beside"] in {*built, *experiment["recipes"]} else None
    models = [experiment["explains"], *([beside] if beside else [])]
    seeds = {model: built.get(model, config["seeds"]) for model in models}
    return {
        "models": models,
        "losses": {model: config["recipes"][model]["loss"] for model in models},
        "recipes": {
            name: {key: config["recipes"][name][key] for key in ("init", "loss", "learning_rate")}
            for name in experiment["recipes"]
        },
        "seeds": seeds | dict.fromkeys(experiment["recipes"], config["seeds"]),
    }


def shown_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration as the report shows it: what decides the result, so no path, search or unused model."""
    dataset = {key: value for key, value in config["dataset"].items() if key != "path"}
    runs = planned_runs(config)
    shown = {
        **config,
        "dataset": dataset,
        "ladder": [rung for rung in config["ladder"] if rung["model"] in runs],
        "recipes": {model: config["recipes"][model] for model in runs if model in config["recipes"]},
        "ensembles": {model: config["ensembles"][model] for model in runs if model in config["ensembles"]},
    }
    planned = planned_experiment(config)
    if planned:
        names = [*planned["models"], *planned["recipes"]]
        others = {name: config["recipes"][name] for name in names if name not in shown["recipes"]}
        shown["experiment"] = {**config["experiment"], "others": others}
    else:
        del shown["experiment"]
    del shown["searches"]
    return shown
