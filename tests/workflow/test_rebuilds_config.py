"""A rule reruns when, and only when, a setting changed that it depends on. The report shows the whole configuration but
`dataset.path` and recipes that no model uses, so that it reruns, alone, where nothing else depends on a setting.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import DATA, NAMES, ROOT

from workflow.conftest import CANDIDATES, MODELS, Project, assert_reruns, set_keys

TABLES = {"summarise", "plot_results", "plot_mistakes", "plot_weights", "report"}
FIRST = TABLES | {"explore"}  # which models there are, or their first seed
LINEAR = {"train linear", "evaluate linear", "report"}
ADDED_SEED = {f"{rule} {model} 2" for rule in ("train", "evaluate") for model in MODELS}
OTHER_SUM = "0" * 64
REFERENCE = {"model": "published", "epoch": 1, "accuracy": 0.5, "source": "a post"}
FOOT = {"model": "linear", "adds": "one layer", "why": "It is the foot of the ladder."}
TOP = {"model": "tiny-conv", "adds": "all parts at once", "why": "It is what the tests need."}
RUNG = {"model": "published", "adds": "units", "why": "They can express more than one sum of pixels."}


def search(**changes: Any) -> dict[str, Any]:
    """Return the small project's searches, with changes to its one."""
    return {"rate": {"recipe": "small", "seeds": [0], "grid": {"learning_rate": [20, 50]}} | changes}


# Of a recipe, each key and another value.
RECIPE: dict[str, Any] = yaml.safe_load("""
{hidden: [10], init: kaiming, loss: cross_entropy, class_weights: balanced, learning_rate: 0.1, batch_size: 51, epochs: 4,
validation_size: 101,
validation_split: last, snapshots: [2], network: convolutional, convolutions: [[4, 3, 2]], padding: false, batch_norm: true,
crop: 2, test_time_shift: 1, pixels: normalised, label_smoothing: 0.1, optimiser: adam, momentum: 0.9,
layer_lr_multipliers: [0.5], schedule: one_cycle, warmup_fraction: 0.5, patience: 3, dropout: 0.5, augmentation: {shift: 1},
hard_examples: {warmup_epochs: 1, warmup_fraction: 0.5, fraction: 0.5}, weight_averaging: 0.5, early_stopping: 3,
classes: ["3", "7"], labels_per_class: 5, features_of: published}
""")

# Of a data set of image files, likewise.
IMAGES: dict[str, Any] = {
    "labels": None,
    "test_fraction": 0.2,
    "group": "(.{1})",  # the braces are no wildcard
    "size": 28,
    "fit": "crop",
    "colour": True,
}

# Each key of the schema; ensembles, experiment and searches as a whole: a change of it, and the rules that the change concerns.
KEYS: dict[str, list[tuple[Any, set[str]]]] = {
    "models": [
        # Fewer jobs change the drawing of the workflow; the ladder has the models' colours.
        (["published"], {"compare", "plot_ladder", "plot_workflow"} | FIRST),  # nothing to compare it with is left
        (["tiny-conv", "published", "linear"], {"plot_ladder"} | FIRST),
        ([*MODELS, "small"], {"train small", "evaluate small", "plot_ladder", "plot_workflow"} | FIRST),
    ],
    # The ladder's tables are in the order of rungs and seeds, whatever that of models and seeds in the configuration.
    "seeds": [
        ([1], {"compare", "plot_workflow"} | FIRST),
        ([1, 0], FIRST),
        ([0, 1, 2], ADDED_SEED | {"compare", "plot_workflow"} | TABLES),
    ],
    "device": [("auto", {"train", "report"})],
    "references": [([REFERENCE], {"plot_results", "report"}), ([], {"plot_results", "report"})],
    "report.networks": [
        (["tiny-conv"], {"explore", "report"}),
        (["tiny-conv", "published"], {"explore", "report"}),
        (["published", "tiny-conv", "small"], {"report"}),  # which is not trained
    ],
    "report.disclosure": [("They were seen before.", {"report"})],
    "experiment": [({"explains": None, "beside": "linear", "recipes": ["small"]}, set())],  # which is not built
    "ladder": [
        ([FOOT, RUNG], {"compare", "report"}),
        ([FOOT, {**RUNG, "against": "linear"}], {"compare", "report"}),
        ([FOOT, {**RUNG, "adds": "20 hidden units", "why": "Another why."}, TOP], {"report"}),
        ([FOOT], {"compare", "report"}),
        ([], {"plot_workflow", "report"}),
    ],
    "dataset.format": [("images", {"convert", "plot_workflow", "report"})],
    "dataset.path": [(None, {"report"}), (str(DATA), set())],  # the checksums decide the content
    "dataset.sources": [(["https://example.org/mnist/"], {"report"})],  # likewise
    **{f"dataset.sha256.{name}": [(OTHER_SUM, {"download", "report"})] for name in NAMES},
    # With format: images, whose change concerns the same; the folder has none.
    **{f"dataset.{name}": [(value, {"convert", "plot_workflow", "report"})] for name, value in IMAGES.items()},
    "dataset.class_names": [([*"abcdefghi", "{j}"], {"convert", "report"})],
    "dataset.train_limit": [(100, {"convert", "report"})],
    "dataset.test_limit": [(100, {"convert", "report"})],
    "dataset.label_errors": [([3, 5], {"evaluate", "explore", "report"})],
    "dataset.about": [("Pictures of my own.", {"report"})],
    # What the page says of a network's answers depends on its loss, which smoothed labels need to be cross-entropy.
    **{
        f"recipes.linear.{name}": [(value, LINEAR | ({"explore"} if name in ("loss", "label_smoothing") else set()))]
        for name, value in RECIPE.items()
    },
    "ensembles": [({"pair": {"recipe": "linear", "members": 2}}, set())],  # which is not among the models
    "searches": [
        ({}, set()),
        (search(grid={"learning_rate": [50, 20]}), {"search"}),
        (search(grid={"learning_rate": [20]}), {"search"}),
        (search(grid={"learning_rate": [20, 50, 100]}), {"train rate.learning-rate-100 0", "search"}),
        (search(seeds=[0, 1]), {*(f"train {candidate} 1" for candidate in CANDIDATES), "search"}),
        (search(recipe="linear"), {f"train {candidate} 0" for candidate in CANDIDATES}),
        (
            search(grid=None, random={"trials": 1, "values": {"learning_rate": [20], "batch_size": [10]}}),
            {"train rate.batch-size-10.learning-rate-20 0", "search"},
        ),
    ],
}

# What a key needs beside it to be valid.
CONVOLUTIONS = {"network": "convolutional", "convolutions": [[4, 3, 2]], "init": "kaiming"}
ALONG: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("network", "convolutions", "padding", "batch_norm"), CONVOLUTIONS),
    **{key: {"format": "images"} for key in IMAGES},
    "label_smoothing": {"loss": "cross_entropy"},
    "dropout": {"hidden": [20]},
    "features_of": {"hidden": [20], "validation_size": 0},
}

REORDERED = {"elastic": 0.5, "shear": 0.1, "stretch": 0.1, "scale": 0.1, "rotation": 10, "shift": 1}

# Changes of the file that do not change what it says.
SAME: dict[str, dict[str, Any]] = {
    "a key in a search that is the default": {"searches.rate.random": None},
    "a recipe that no model uses": {"recipes.repaired.epochs": 7, "recipes.new": {"hidden": [7]}},
    "the order of augmentations": {"recipes.tiny-conv.augmentation": REORDERED},
    "a default written out": {"device": "cpu", "dataset.train_limit": None, "recipes.linear.crop": 0},
    "a value of the file beneath written again": {"recipes.linear.init": "normal"},
}


def schema_keys(schema: dict[str, Any], place: str = "") -> set[str]:
    if place in ("searches.", "ensembles.", "experiment."):
        return {place.rstrip(".")}
    if "properties" in schema and "default" not in schema:
        children = {f"{place}{name}": child for name, child in schema["properties"].items()}
    elif isinstance(schema.get("additionalProperties"), dict) and "default" not in schema:
        children = {f"{place}linear": schema["additionalProperties"]}
    else:
        return {place.rstrip(".")}
    return {key for name, child in children.items() for key in schema_keys(child, f"{name}.")}


def test_the_table_has_every_key_of_the_schema() -> None:
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    assert set(KEYS) == schema_keys(schema)


CHANGES = [(key, value, rules) for key, changes in KEYS.items() for value, rules in changes]


@pytest.mark.parametrize(("key", "value", "rules"), CHANGES)
def test_a_setting_concerns_the_rules_that_read_it(project: Project, key: str, value: Any, rules: set[str]) -> None:
    recipe, _, name = key.rpartition(".")
    along = {f"{recipe}.{other}": needed for other, needed in ALONG.get(name, {}).items()} if recipe else {}
    set_keys(project.config, {**along, key: value})
    assert_reruns(project, f"{key}: {value}", rules)


@pytest.mark.parametrize("name", sorted(SAME))
def test_what_no_result_depends_on_reruns_nothing(project: Project, name: str) -> None:
    set_keys(project.config, SAME[name])
    assert_reruns(project, name, set())


def test_the_order_of_keys_reruns_nothing(project: Project) -> None:
    def reverse(value: Any) -> Any:
        return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    for path in (project.config, project.folder / "config" / "config.yaml"):
        path.write_text(yaml.safe_dump(reverse(yaml.safe_load(path.read_text())), sort_keys=False))
    assert_reruns(project, "the order of keys", set())


def test_a_setting_in_the_projects_own_file_counts_as_in_an_overlay(project: Project) -> None:
    own = project.folder / "config" / "config.yaml"
    set_keys(own, {"recipes.linear.learning_rate": 0.1})
    assert_reruns(project, "`learning_rate` of linear in `config/config.yaml`", LINEAR)


def test_back_and_forth_between_settings_reruns_nothing(project: Project, tmp_path: Path) -> None:
    before = project.config.read_text()
    set_keys(project.config, {"recipes.linear.epochs": 4})
    assert_reruns(project, "`epochs` of linear", LINEAR)
    project.config.write_text(before)
    assert_reruns(project, "`epochs` of linear and back", set())
