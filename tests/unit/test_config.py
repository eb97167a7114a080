"""The configuration: complete by default, refused with one line where it is wrong, and the same in all three places."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from digits.core.command import UserError
from digits.settings.config import complete_config, trained_rungs

SCHEMA_PATH = ROOT / "workflow" / "schemas" / "config.schema.yaml"
SCHEMA = yaml.safe_load(SCHEMA_PATH.read_text())
CONFIG_PATH = ROOT / "config" / "config.yaml"
CONFIG = yaml.safe_load(CONFIG_PATH.read_text())
RECIPE = SCHEMA["properties"]["recipes"]["additionalProperties"]
# Keys that a user must write, once there is a search.
NO_DEFAULT = {f"searches.<name>.{key}" for key in ("recipe", "random.values.<name>.low", "random.values.<name>.high")}
DEFAULTS = {key: part["default"] for key, part in RECIPE["properties"].items()}


def keys(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a configuration may have, with its part of the schema."""
    parts = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        parts["<name>"] = schema["additionalProperties"]
    for name, part in parts.items():
        where = f"{path}.{name}" if path else name
        if name != "<name>":
            yield where, part
        yield from keys(part, where)


def optional(path: str) -> bool:
    """Whether a key is part of a value that as a whole has a default, such as `augmentation`."""
    return path.rpartition(".")[0].endswith((".augmentation", ".hard_examples"))


def changed(path: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    place = config
    for name in parents:
        place = place[name]
    place[last] = value
    return config


def test_the_file_is_what_the_defaults_say() -> None:
    completed = complete_config(CONFIG, SCHEMA_PATH)
    assert complete_config({key: CONFIG[key] for key in ("ladder", "recipes")}, SCHEMA_PATH) == completed
    assert {**completed, "recipes": CONFIG["recipes"]} == CONFIG
    for name, recipe in CONFIG["recipes"].items():
        assert completed["recipes"][name] == {**DEFAULTS, **recipe}, "a recipe need not say what is the default"


@pytest.mark.parametrize(("path", "part"), list(keys(SCHEMA)))
def test_every_key_has_description_type_and_default(path: str, part: dict[str, Any]) -> None:
    assert part.get("description"), path
    assert "type" in part or "enum" in part, path
    if part.get("type") in ("integer", "number"):
        assert "minimum" in part or "exclusiveMinimum" in part, f"{path} has no bound"
    if part.get("type") == "object":
        assert part.get("additionalProperties") is not None, f"{path} takes unknown keys"
    if part.get("type") != "object" and not optional(path) and path not in NO_DEFAULT:
        assert "default" in part, path


def test_every_key_of_the_file_has_a_comment_where_it_is_first_used() -> None:
    lines = CONFIG_PATH.read_text().splitlines()
    seen = set()
    for i, line in enumerate(lines):
        key = re.match(r"( *)([a-z0-9_-]+):", line)
        if key and key[2] not in ("adds", "why") and (len(key[1]) < 4 or key[2] not in seen):
            assert "#" in line or lines[i - 1].lstrip().startswith(("#", "-")), f"line {i + 1}: {line}"
            seen.add(key[2])
    assert {key for recipe in CONFIG["recipes"].values() for key in recipe} <= seen & set(RECIPE["properties"])


def test_the_readme_has_the_schemas_table() -> None:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for path, part in keys(SCHEMA):
        if part.get("type") != "object" or "default" in part:
            default = json.dumps(part["default"], ensure_ascii=False) if "default" in part else ""
            default = "see the file" if len(default) > 45 else f"`{default}`" if default else "–"
            choices = f" One of {', '.join(f'`{choice}`' for choice in part['enum'])}." if "enum" in part else ""
            rows.append(f"| `{path}` | {default} | {part['description']}{choices} |")
    table = "\n".join(rows)
    assert table in (ROOT / "config" / "README.md").read_text(), f"config/README.md needs this table:\n{table}"


def merged(name: str) -> dict[str, Any]:
    """The configuration with a file for --configfile; the searches need the recipes of two others."""
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    for part in ("ladder", "best", "search") if name == "search" else (name,):
        overlay = yaml.safe_load((ROOT / "config" / f"{part}.yaml").read_text())
        recipes = {
            model: {**config["recipes"].get(model, {}), **recipe}
            for model, recipe in overlay.get("recipes", {}).items()
        }
        dataset = {**config["dataset"], **overlay.get("dataset", {})}
        config = {**config, **overlay, "dataset": dataset, "recipes": {**config["recipes"], **recipes}}
    return config


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_overlay_is_valid_and_names_its_schema(path: Path) -> None:
    complete_config(merged(path.stem), SCHEMA_PATH)
    assert path.read_text().startswith("# yaml-language-server: $schema=../workflow/schemas/config.schema.yaml\n")


TESTED = {**CONFIG["recipes"], "tested": {"epochs": 9, "snapshots": [9]}}
GRID = {"recipe": "small", "grid": {"epochs": [1, 2]}}


def random(**changes: Any) -> dict[str, Any]:
    return {"recipe": "small", "random": {"values": {"epochs": [1, 2]}} | changes}


def rung(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "adds": "something", "why": "Because.", **more}


REFERENCE = {"epoch": 1, "accuracy": 0.5, "source": "a post"}
BAD = [
    ("report", {None: []}, "report: the key None is not a text; put it in quotes"),
    ("model", ["x"], "top level: unknown key 'model', did you mean 'models'? (known: "),
    (
        "models",
        ["publishd"],
        "models: unknown recipe 'publishd', did you mean 'published'? (known: convnet, linear, published",
    ),
    ("models", [], "models: []: expected at least 1 value; only a configuration with searches needs none"),
    ("models", ["linear", "linear"], "models: ['linear', 'linear']: the same value stands there twice"),
    ("seeds", [0, 1, 0], "seeds: [0, 1, 0]: the same value stands there twice"),
    ("seeds", [-1], "seeds.0: -1: expected 0 or more"),
    ("seeds", ["0"], "seeds.0: '0': expected integer; write it without quotes, in a file for --configfile"),
    ("seeds", [2**32], "seeds.0: 4294967296: expected 4294967295 or less"),
    ("seeds", 3, "seeds: 3: expected array"),
    ("device", "gpu", "device: unknown value 'gpu', did you mean 'cpu'? (known: auto, cpu, cuda)"),
    ("dataset.format", "png", "dataset.format: unknown value 'png' (known: idx, images)"),
    ("dataset.format", "images", "dataset.path: null; name the folder, .tgz or .zip with the images"),
    ("dataset.path", "/no/such/folder", "dataset.path: /no/such/folder: no such folder or file"),
    ("dataset.path", __file__, "expected a folder with the four idx files"),
    ("dataset.sources", ["ftp://x"], "dataset.sources.0: 'ftp://x': does not look like"),
    (
        "dataset.sha256.t10k-labels-idx1-ubyte",
        "abc",
        "dataset.sha256.t10k-labels-idx1-ubyte: 'abc': does not look like",
    ),
    ("dataset.train_limit", 0, "dataset.train_limit: 0: expected 1 or more"),
    (
        "report.networks",
        ["convnett"],
        "report.networks: unknown recipe 'convnett', did you mean 'convnet'? (known: convnet, linear, ",
    ),
    (
        "report.networks",
        ["linear", "linear"],
        "report.networks: ['linear', 'linear']: the same value stands there twice",
    ),
    (
        "references",
        [{**REFERENCE, "model": "linear"}, {**REFERENCE, "model": "publishd"}],
        "references.1.model: unknown recipe 'publishd', did you mean 'published'? (known: convnet, linear, ",
    ),
    ("ladder", [rung("linear", adds="")], "ladder.0.adds: '': expected some text"),
    ("ladder", [{"model": "linear", "adds": "a"}], "ladder.0: "),
    ("ladder", [rung("linear", agains="small")], "ladder.0: unknown key 'agains', did you mean 'against'?"),
    (
        "ladder",
        [rung("liner")],
        "ladder.0.model: unknown recipe 'liner', did you mean 'linear'? (known: convnet, linear, ",
    ),
    ("ladder", [rung("linear"), rung("small", against="lin")], "ladder.1.against: unknown recipe 'lin'"),
    (
        "ladder",
        [rung("linear"), rung("linear")],
        "ladder.1.model: linear stands there twice; each model may stand once",
    ),
    (
        "ladder",
        [rung("linear"), rung("small", against="small")],
        "ladder.1.against: small cannot be compared with itself",
    ),
    ("ladder", [rung("linear", against="small")], "ladder.0.against: the first rung is the foot of the ladder; leave"),
    ("dataset.label_errors", [-1], "dataset.label_errors.0: -1: expected 0 or more"),
    ("dataset.label_errors", [3, 3], "dataset.label_errors: [3, 3]: the same value stands there twice"),
    ("recipes.linear.lr", 3, "recipes.linear: unknown key 'lr' (known: "),
    ("recipes.linear.learning_rate", -1, "recipes.linear.learning_rate: -1: expected more than 0"),
    ("recipes.linear.learning_rate", "1e-3", "'1e-3': expected number; YAML takes 1e-3 for a text, write 1.0e-3 ("),
    ("recipes.linear.learning_rate", "1.5E2", "'1.5E2': expected number; YAML takes 1.5E2 for a text, write 1.5e+2 ("),
    ("recipes.linear.learning_rate", "fast", "recipes.linear.learning_rate: 'fast': expected number"),
    ("recipes.linear.learning_rate", float("inf"), "recipes.linear: recipe.learning_rate: inf is not a number above 0"),
    (
        "recipes.linear.loss",
        "crossentropy",
        "recipes.linear.loss: unknown value 'crossentropy', did you mean 'cross_entropy'?",
    ),
    ("recipes.linear.hidden", [0], "recipes.linear.hidden.0: 0: expected 1 or more"),
    ("recipes.linear.batch_size", 1.5, "recipes.linear.batch_size: 1.5: expected integer"),
    ("recipes.linear.epochs", 0, "recipes.linear.epochs: 0: expected 1 or more"),
    (
        "recipes.linear.snapshots",
        [31],
        "recipes.linear: recipe.snapshots: [31] come after the last epoch, 30",
    ),
    (
        "recipes.linear.augmentation",
        {"shfit": 2},
        "recipes.linear.augmentation: unknown key 'shfit', did you mean 'shift'? (known: elastic, rotation, scale, ",
    ),
    ("recipes.linear.augmentation", {"shift": -1}, "recipes.linear.augmentation.shift: -1: expected 0 or more"),
    (
        "recipes.linear.hard_examples",
        {"after": 1, "first": 0.5},
        "recipes.linear.hard_examples: key 'share' is missing",
    ),
    (
        "recipes.linear.hard_examples",
        {"warmup_epochs": 30, "warmup_fraction": 0.5, "fraction": 0.5},
        "recipes.linear: recipe.hard_examples.warmup_epochs: 30 leaves no epoch of 30 for the hard ones",
    ),
    (
        "recipes.linear.augmentation",
        {"scale": 10},
        "recipes.linear.augmentation.scale: 10: expected less than 1 (Share by which both sides become longer or "
        "shorter; 10 % is 0.1)",
    ),
    ("recipes.linear.dropout", 1, "recipes.linear.dropout: 1: expected less than 1 (Share of the hidden units"),
    (
        "recipes.linear.dropout",
        0.5,
        "recipes.linear: recipe.dropout: a linear model has no hidden units to leave out; add some to hidden, or choose 0",
    ),
    ("recipes.convnet.convolutions", [[16, 3]], "recipes.convnet.convolutions.0: [16, 3]: expected 3 values"),
    (
        "recipes.convnet.convolutions",
        [[16, 3, 2, 1]],
        "recipes.convnet.convolutions.0: [16, 3, 2, 1]: expected 3 values",
    ),
    (
        "recipes.convnet.init",
        "normal",
        "recipes.convnet: recipe.init: normal is for dense networks; choose kaiming",
    ),
    (
        "recipes.published.early_stopping",
        3,
        "recipes.published: recipe.early_stopping: it watches the validation images; choose a validation_size above 0",
    ),
    (
        "recipes.small.layer_lr_multipliers",
        [1, 1, 1],
        "recipes.small: recipe.layer_lr_multipliers: 3 for a network of 2 layers; give one for each",
    ),
    (
        "recipes.small.features_of",
        "repared",
        "recipes.small.features_of: unknown recipe 'repared', did you mean 'repaired'? (known: convnet, linear, ",
    ),
    (
        "recipes.small.features_of",
        "published",
        "recipes.small.features_of: 'published' is another network, its hidden is [500]; give both the same",
    ),
    (
        "recipes.new",
        {"features_of": "published"},
        "recipes.new.features_of: 'published' holds out 0 images, this recipe 10,000, so that the features were trained",
    ),
    (
        "recipes.new",
        {"features_of": "small", "hidden": [30], "validation_split": "last"},
        "recipes.new.features_of: 'small' holds out other images, its validation_split is random; give both the same",
    ),
    ("recipes", {30: {}, "linear": {}}, "recipes: the key 30 is not a text; put it in quotes"),
    ("recipes.linear", {True: 3}, "recipes.linear: the key True is not a text; put it in quotes"),
    ("recipes.Bad Name", {}, "'Bad Name' is no name for a recipe"),
    ("recipes.linear", None, "recipes.linear: None: expected object"),
    ("searches", None, "searches: None: expected object"),
    ("searches.Bad Name", {}, "'Bad Name' is no name for a recipe or search"),
    ("searches.a", {}, "searches.a: key 'recipe' is missing"),
    ("searches.a", {"recipe": "smal"}, "searches.a.recipe: unknown recipe 'smal', did you mean 'small'?"),
    ("searches.a", {"recipe": "small"}, "searches.a: expected either grid or random"),
    ("searches.a", {**GRID, "random": {"values": {"epochs": [1]}}}, "searches.a: expected either grid or random"),
    ("searches.a", {**GRID, "gird": {}}, "searches.a: unknown key 'gird', did you mean 'grid'?"),
    ("searches.a", {**GRID, "seeds": []}, "searches.a.seeds: []: expected at least 1 value"),
    ("searches.a", {**GRID, "grid": {}}, "searches.a.grid: {}: expected at least 1 key"),
    ("searches.a", {**GRID, "grid": {"epochs": []}}, "searches.a.grid.epochs: []: expected at least 1 value"),
    ("searches.a", {**GRID, "grid": {"epochs": [1, 1.0]}}, "[1, 1.0]: the same value stands there twice"),
    ("searches.a", {**GRID, "grid": {"epoch": [1]}}, "searches.a: recipe: unknown key 'epoch', did you mean 'epochs'?"),
    ("searches.a", {**GRID, "grid": {"epochs": [0]}}, "searches.a: epochs: 0: expected 1 or more (Times through"),
    (
        "searches.a",
        {**GRID, "grid": {"learning_rate": ["1e-3"]}},
        "searches.a: learning_rate: '1e-3': expected number; YAML",
    ),
    (
        "searches.a",
        {**GRID, "grid": {"snapshots": [[31]]}},
        "searches.a: recipe.snapshots: [31] come after the last epoch, 30",
    ),
    (
        "searches.a",
        {**GRID, "recipe": "published"},
        "searches.a.recipe: 'published' holds out no images to choose by (v",
    ),
    ("searches.a", {**GRID, "grid": {"validation_size": [1, 2]}}, "searches.a: validation_size: all candidates are"),
    (
        "searches.a",
        {**GRID, "grid": {"validation_split": ["last"]}},
        "searches.a: validation_split: all candidates are",
    ),
    ("searches.a", {**GRID, "grid": {"classes": [["0"], ["1"]]}}, "searches.a: classes: all candidates are"),
    (
        "searches.a",
        {**GRID, "grid": {"features_of": ["smal"]}},
        "searches.a: recipe.features_of: unknown recipe 'smal', did you mean 'small'?",
    ),
    (
        "searches.a",
        {**GRID, "grid": {"features_of": ["linear"]}},
        "searches.a: recipe.features_of: 'linear' is another network, its hidden is []; give both the same",
    ),
    ("searches.a", random(trials=0), "searches.a.random.trials: 0: expected 1 or more"),
    ("searches.a", random(values={}), "searches.a.random.values: {}: expected at least 1 key"),
    ("searches.a", random(values={"epochs": 3}), "searches.a.random.values.epochs: 3: expected array or object"),
    ("searches.a", random(values={"epochs": {"low": 3}}), "searches.a.random.values.epochs: key 'high' is missing"),
    (
        "searches.a",
        random(values={"epochs": {"low": 3, "high": 5}}),
        "searches.a: epochs: 3.36: expected integer (Times through the training images, or",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=[f"{path}={value}" for path, value, _ in BAD])
def test_bad_configuration_is_one_line_that_names_the_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        complete_config(changed(path, value), SCHEMA_PATH)
    assert message in str(caught.value)
    assert str(caught.value).startswith("configuration: ") and "\n" not in str(caught.value)


def test_a_searchs_candidates_are_recipes_that_no_model_can_be() -> None:
    found = complete_config({**CONFIG, "models": [], "searches": {"a": GRID}}, SCHEMA_PATH)["recipes"]
    recipes = complete_config(CONFIG, SCHEMA_PATH)["recipes"]
    small = recipes["small"]
    assert found == {**recipes, "a.epochs-1": {**small, "epochs": 1}, "a.epochs-2": {**small, "epochs": 2}}
    searched = complete_config(
        {**CONFIG, "searches": {"a": {**GRID, "recipe": "tested"}}, "recipes": TESTED}, SCHEMA_PATH
    )
    assert searched["recipes"]["a.epochs-1"]["snapshots"] == [], "no candidate is tested"
    with pytest.raises(UserError, match=r"models: unknown recipe 'a\.epochs-1'"):
        complete_config({**CONFIG, "models": ["a.epochs-1"], "searches": {"a": GRID}}, SCHEMA_PATH)


def test_a_candidate_with_a_recipes_or_another_searchs_name_is_refused() -> None:
    taken = {**CONFIG["recipes"], "a.epochs-2": {}}
    with pytest.raises(UserError, match=r"searches\.a: 'a\.epochs-2' is there already; rename the search"):
        complete_config({"recipes": taken, "searches": {"a": GRID}}, SCHEMA_PATH)
    both: dict[str, Any] = {
        "a": {"recipe": "small", "grid": {"epochs": [1], "learning_rate": [1]}},
        "a.epochs-1": {"recipe": "small"},
    }
    both["a.epochs-1"]["grid"] = {"learning_rate": [1]}
    with pytest.raises(UserError, match=r"searches\.a\.epochs-1: 'a\.epochs-1\.learning-rate-1' is there already"):
        complete_config({**CONFIG, "searches": both}, SCHEMA_PATH)


LADDER = [rung("linear"), rung("small"), rung("published", against="linear"), rung("repaired")]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        # `published` stands beside the ladder, so that `repaired` is compared with `small`.
        (
            ["linear", "small", "published", "repaired"],
            [("linear", None), ("small", "linear"), ("published", "linear"), ("repaired", "small")],
        ),
        (["repaired", "small"], [("small", None), ("repaired", "small")]),
        (["repaired", "linear"], [("linear", None), ("repaired", None)]),  # what it adds, it adds to `small` alone
        (["other"], []),
    ],
)
def test_rungs_are_compared_with_the_one_above_where_both_are_trained(
    models: list[str], expected: list[tuple[str, str | None]]
) -> None:
    rungs = trained_rungs({"models": models, "ladder": LADDER})
    assert [(rung["model"], rung["against"]) for rung in rungs] == expected
    assert [rung["model"] for rung in rungs if rung["beside"]] == (["published"] if len(models) == 4 else [])


@pytest.mark.parametrize(
    ("path", "value", "kept"),
    [
        ("seeds", [0], True),
        ("dataset.train_limit", 100, True),
        ("dataset.test_limit", 1000, False),
        ("dataset.sha256.t10k-images-idx3-ubyte", "0" * 64, False),
        ("dataset.sha256.t10k-labels-idx1-ubyte", "0" * 64, False),
    ],
)
def test_the_default_label_errors_are_those_of_mnist_alone(path: str, value: Any, kept: bool) -> None:
    completed = complete_config(changed(path, value), SCHEMA_PATH)
    assert completed["dataset"]["label_errors"] == (CONFIG["dataset"]["label_errors"] if kept else [])
    config = changed(path, value)
    config["dataset"]["label_errors"] = [3, 5]
    assert complete_config(config, SCHEMA_PATH)["dataset"]["label_errors"] == [3, 5], "a user's own stay"


def test_images_of_ones_own_have_no_label_errors_and_are_not_told_about_as_mnist(tmp_path: Path) -> None:
    config = changed("dataset.path", str(tmp_path))
    config["dataset"]["format"] = "images"
    dataset = complete_config(config, SCHEMA_PATH)["dataset"]
    assert (dataset["label_errors"], dataset["about"]) == ([], "")


@pytest.mark.parametrize(
    ("path", "value", "kept"),
    [
        ("dataset.test_limit", 1000, True),
        ("dataset.sha256.t10k-labels-idx1-ubyte", "0" * 64, False),
        ("dataset.sha256.train-images-idx3-ubyte", "0" * 64, False),
    ],
)
def test_what_is_said_of_mnist_is_said_of_it_alone(path: str, value: Any, kept: bool) -> None:
    about = complete_config(changed(path, value), SCHEMA_PATH)["dataset"]["about"]
    assert about == (CONFIG["dataset"]["about"] if kept else "")
    config = changed(path, value)
    config["dataset"]["about"] = "My own."
    assert complete_config(config, SCHEMA_PATH)["dataset"]["about"] == "My own."


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("network", "dense", "convolutional"),
        ("hidden", [7], "[]"),
        ("convolutions", [[9, 3, 2]], "[[24, 5, 2], [32, 3, 2], [48, 3, 1], [64, 3, 2]]"),
        ("batch_norm", False, "True"),
        ("crop", 1, "2"),
        ("pixels", "unit", "normalised"),
    ],
)
def test_features_are_reused_from_the_same_network_alone(key: str, value: Any, shown: str) -> None:
    target = {**CONFIG["recipes"]["convnet"], "features_of": "convnet", "classes": ["3", "7"]}
    complete_config(changed("recipes.target", target), SCHEMA_PATH)
    different = {**target, key: value}
    if value == "dense":
        different |= {"convolutions": [], "batch_norm": False, "hidden": [9]}
    with pytest.raises(UserError) as caught:
        complete_config(changed("recipes.target", different), SCHEMA_PATH)
    assert str(caught.value) == (
        f"configuration: recipes.target.features_of: 'convnet' is another network, its {key} is {shown}; give both the same"
    )


def test_features_are_not_reused_from_a_recipe_that_reuses_some() -> None:
    config = changed("recipes.one", {**CONFIG["recipes"]["small"], "features_of": "small"})
    config["recipes"]["two"] = {**CONFIG["recipes"]["small"], "features_of": "one"}
    with pytest.raises(UserError) as caught:
        complete_config(config, SCHEMA_PATH)
    assert str(caught.value) == (
        "configuration: recipes.two.features_of: 'one' reuses features itself; name the recipe that trains them"
    )
    config["recipes"]["one"]["features_of"] = "one"
    del config["recipes"]["two"]
    with pytest.raises(UserError, match=r"recipes\.one\.features_of: 'one' reuses features itself"):
        complete_config(config, SCHEMA_PATH)
