"""The configuration: complete by default, refused with one line if it is wrong, and documented from its schema."""

import copy
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from digits.core.command import UserError
from digits.settings.config import complete_config
from digits.settings.plan import planned_runs, trained_rungs
from digits.settings.schema import schema_of

CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
MNIST = complete_config(CONFIG)["dataset"]


def keys(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a configuration may have, with its part of the schema."""
    for name, part in schema.get("properties", {}).items():
        yield f"{path}{name}", part
        yield from keys(part, f"{path}{name}.")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys(schema["additionalProperties"], f"{path}<name>.")


def changed(path: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    place = config
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = value
    return config


@pytest.mark.parametrize(("path", "part"), list(keys(dict(schema_of()))))
def test_every_key_has_a_description_a_type_and_bounds(path: str, part: dict[str, Any]) -> None:
    assert part.get("description"), path
    assert "type" in part or "enum" in part, path
    if part.get("type") in ("integer", "number"):
        assert "minimum" in part or "exclusiveMinimum" in part, f"{path} has no bound"
    if part.get("type") == "object":
        assert part.get("additionalProperties") is not None, f"{path} takes unknown keys"


def test_the_table_in_the_readme_is_what_make_docs_writes() -> None:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "tools" / "docs.py")
    assert spec is not None and spec.loader is not None
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    text = (ROOT / "config" / "README.md").read_text()
    assert docs.with_table(text) == text, "run `make docs`"
    assert "`recipes.<name>.learning_rate`" in text


def merged(name: str) -> dict[str, Any]:
    """The configuration with a file for --configfile; the searches need the recipes of two others."""
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    for part in ("ladder", "best", "search") if name == "search" else (name,):
        overlay = yaml.safe_load((ROOT / "config" / f"{part}.yaml").read_text())
        recipes = {m: {**config["recipes"].get(m, {}), **recipe} for m, recipe in overlay.get("recipes", {}).items()}
        config = {**config, **overlay, "recipes": {**config["recipes"], **recipes}}
    return config


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_overlay_is_valid_and_names_its_schema(path: Path) -> None:
    complete_config(merged(path.stem))
    assert path.read_text().startswith("# yaml-language-server: $schema=../workflow/schemas/config.schema.yaml\n")


GRID = {"recipe": "small", "grid": {"epochs": [1, 2]}}


def grid(**values: Any) -> dict[str, Any]:
    return {**GRID, "grid": values}


def random(**changes: Any) -> dict[str, Any]:
    return {"recipe": "small", "random": {"values": {"epochs": [1, 2]}} | changes}


def rung(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "adds": "something", "why": "Because.", **more}


REFERENCE = {"epoch": 1, "accuracy": 0.5, "source": "a post"}
LINEAR = "recipes.linear"
BAD = [
    ("report", {None: []}, "report: the key None is not text; put it in quotes"),
    ("model", ["x"], "config: unknown key 'model', did you mean 'models'? (known: "),
    ("models", ["publishd"], "models: unknown model 'publishd', did you mean 'published'? (known: convnet, linear, "),
    ("models", [], "models is []; it must be a list of at least 1 value, unless there are searches"),
    ("models", ["linear", "linear"], "models: duplicate value in ['linear', 'linear']"),
    ("seeds", [0, 1, 0], "seeds: duplicate value"),
    ("seeds", [-1], "seeds.0 is -1; it must be a whole number of at least 0 and at most 4294967295"),
    ("seeds", ["0"], "seeds.0 is '0'; it must be a whole number of at least 0"),
    ("seeds", ["0"], "write it without quotes, in a file for --configfile"),
    ("seeds", [2**32], "at most 4294967295"),
    ("seeds", 3, "seeds is 3; it must be a list"),
    ("device", "gpu", "device: unknown value 'gpu', did you mean 'cpu'? (known: auto, cpu, cuda)"),
    ("dataset.format", "png", "dataset.format: unknown value 'png' (known: idx, images)"),
    ("dataset.format", "images", "dataset.path: null; name the folder, .tgz or .zip"),
    ("dataset.path", "/no/such/folder", "dataset.path: /no/such/folder: no such folder or file"),
    ("dataset.path", __file__, "expected a folder with the four idx files"),
    ("dataset.sources", ["ftp://x"], "dataset.sources.0 is 'ftp://x'; it must be like ^(https?"),
    (
        "dataset.sha256.t10k-labels-idx1-ubyte",
        "abc",
        "sha256.t10k-labels-idx1-ubyte is 'abc'; it must be like ^[0-9a-f]",
    ),
    ("dataset.train_limit", 0, "dataset.train_limit is 0; it must be a whole number of at least 1, or null"),
    ("dataset.label_errors", [-1], "dataset.label_errors.0 is -1; it must be a whole number of at least 0"),
    ("report.networks", ["convnett"], "report.networks: unknown model 'convnett', did you mean 'convnet'?"),
    ("references", [{**REFERENCE, "model": "publishd"}], "references.0.model: unknown model 'publishd'"),
    ("ladder", [rung("linear", adds="")], "ladder.0.adds is ''; it must be text"),
    ("ladder", [{"model": "linear", "adds": "a"}], "ladder.0: key 'why' is missing"),
    ("ladder", [rung("linear", agains="small")], "ladder.0: unknown key 'agains', did you mean 'against'?"),
    ("ladder", [rung("liner")], "ladder.0.model: unknown model 'liner', did you mean 'linear'?"),
    ("ladder", [rung("linear"), rung("small", against="lin")], "ladder.1.against: unknown model 'lin'"),
    ("ladder", [rung("linear"), rung("linear")], "ladder.1.model: duplicate model linear"),
    (
        "ladder",
        [rung("linear"), rung("small", against="small")],
        "ladder.1.against: small cannot be compared with itself",
    ),
    ("ladder", [rung("linear", against="small")], "ladder.0.against: the first rung is the foot of the ladder"),
    (f"{LINEAR}.lr", 3, "recipes.linear: unknown key 'lr' (known: "),
    (f"{LINEAR}.weights", "normal", "recipes.linear.weights: is now called 'init'"),
    (f"{LINEAR}.average", 0.1, "recipes.linear.average: is now called 'weight_averaging'"),
    (f"{LINEAR}.warm_up", 0.1, "recipes.linear.warm_up: is now called 'warmup_fraction'"),
    (f"{LINEAR}.layer_rates", [1], "recipes.linear.layer_rates: is now called 'layer_lr_multipliers'"),
    (f"{LINEAR}.columns", 3, "recipes.linear.columns: use `ensembles`"),
    (f"{LINEAR}.hard_examples", {"after": 1}, "recipes.linear.hard_examples.after: is now called 'warmup_epochs'"),
    (f"{LINEAR}.learning_rate", -1, "recipes.linear.learning_rate is -1; it must be a number of more than 0"),
    (f"{LINEAR}.learning_rate", "1e-3", "YAML reads 1e-3 as text, write 1.0e-3"),
    (f"{LINEAR}.learning_rate", "1.5E2", "YAML reads 1.5E2 as text, write 1.5e+2"),
    (f"{LINEAR}.learning_rate", float("inf"), "recipes.linear.learning_rate is inf; it must be a number"),
    (f"{LINEAR}.loss", "crossentropy", "loss: unknown value 'crossentropy', did you mean 'cross_entropy'?"),
    (f"{LINEAR}.hidden", [0], "recipes.linear.hidden.0 is 0; it must be a whole number of at least 1"),
    (f"{LINEAR}.batch_size", 1.5, "batch_size is 1.5; it must be a whole number"),
    (f"{LINEAR}.epochs", 3.0, "epochs is 3.0; it must be a whole number"),
    (f"{LINEAR}.epochs", True, "epochs is True; it must be a whole number"),
    (f"{LINEAR}.augmentation", {"shfit": 2}, "augmentation: unknown key 'shfit', did you mean 'shift'?"),
    (
        f"{LINEAR}.augmentation",
        {"scale": 1},
        "augmentation.scale is 1; it must be a number of at least 0 and less than 1",
    ),
    (f"{LINEAR}.dropout", 0.5, "recipes.linear.dropout: a linear model has no hidden units"),
    ("recipes.convnet.convolutions", [[16, 3]], "convolutions.0 is [16, 3]; it must be a list of 3 values"),
    ("recipes.convnet.convolutions", [[16, 3, 2, 1]], "it must be a list of 3 values"),
    ("recipes.small.features_of", "repared", "features_of: unknown recipe 'repared', did you mean 'repaired'?"),
    ("recipes.new", {"features_of": "published"}, "features_of: 'published' holds out 0 images, this recipe 10,000"),
    (
        "recipes.new",
        {"features_of": "small", "hidden": [30], "validation_split": "last"},
        "features_of: 'small' holds out other images, its validation_split is random",
    ),
    ("recipes", {30: {}, "linear": {}}, "recipes: the key 30 is not text; put it in quotes"),
    ("recipes.Bad Name", {}, "'Bad Name' is not a valid name"),
    ("recipes.linear", None, "recipes.linear is null; it must be a mapping"),
    ("ensembles.trio", {"recipe": "liner"}, "ensembles.trio.recipe: unknown recipe 'liner', did you mean 'linear'?"),
    ("ensembles.trio", {"members": 2}, "ensembles.trio: key 'recipe' is missing"),
    ("ensembles.trio", {"recipe": "small", "members": 1}, "members is 1; it must be a whole number of at least 2"),
    ("ensembles.small", {"recipe": "small"}, "ensembles.small: a recipe has this name too"),
    ("searches", None, "searches is null; it must be a mapping"),
    ("searches.Bad Name", {}, "'Bad Name' is not a valid name"),
    ("searches.a", {}, "searches.a: key 'recipe' is missing"),
    ("searches.a", {"recipe": "smal"}, "searches.a.recipe: unknown recipe 'smal', did you mean 'small'?"),
    ("searches.a", {"recipe": "small"}, "searches.a: expected either grid or random"),
    ("searches.a", {**GRID, "random": {"values": {"epochs": [1]}}}, "searches.a: expected either grid or random"),
    ("searches.a", {**GRID, "seeds": []}, "searches.a.seeds is []; it must be a list of at least 1 value"),
    ("searches.a", grid(), "searches.a.grid is {}; it must be a mapping with at least 1 key"),
    ("searches.a", grid(epochs=[1, 1.0]), "searches.a.grid.epochs: duplicate value"),
    ("searches.a", grid(epoch=[1]), "searches.a: recipe: unknown key 'epoch', did you mean 'epochs'?"),
    ("searches.a", grid(epochs=[0]), "searches.a: recipe.epochs is 0; it must be"),
    ("searches.a", grid(snapshots=[[31]]), "searches.a: recipe.snapshots: [31] come after the last epoch, 30"),
    ("searches.a", {**GRID, "recipe": "published"}, "searches.a.recipe: 'published' holds out no images"),
    *(
        ("searches.a", grid(**{key: [1, 2]}), f"searches.a: {key}: all candidates are compared on the same images")
        for key in ("validation_size", "validation_split", "classes")
    ),
    ("searches.a", grid(features_of=["linear"]), "recipe.features_of: 'linear' is another network, its hidden is []"),
    ("searches.a", random(trials=0), "searches.a.random.trials is 0; it must be"),
    ("searches.a", random(values={"epochs": 3}), "random.values.epochs is 3; it must be a list or a mapping"),
    ("searches.a", random(values={"epochs": {"low": 3}}), "random.values.epochs: key 'high' is missing"),
    (
        "searches.a",
        random(values={"epochs": {"low": 3, "high": 5}}),
        "recipe.epochs is 3.36; it must be a whole number",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=[f"{path}={value}" for path, value, _ in BAD])
def test_bad_configuration_is_one_line_that_names_the_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        complete_config(changed(path, value))
    assert message in str(caught.value)
    assert str(caught.value).startswith("config: ") and "\n" not in str(caught.value)


def test_a_searchs_candidates_are_recipes_that_no_model_can_be() -> None:
    found = complete_config({**CONFIG, "models": [], "searches": {"a": GRID}})["recipes"]
    recipes = complete_config(CONFIG)["recipes"]
    small = recipes["small"]
    assert found == {**recipes, "a.epochs-1": {**small, "epochs": 1}, "a.epochs-2": {**small, "epochs": 2}}
    tested = {**CONFIG["recipes"], "small": {**CONFIG["recipes"]["small"], "snapshots": [9]}}
    searched = complete_config({**CONFIG, "recipes": tested, "searches": {"a": GRID}})
    assert searched["recipes"]["a.epochs-1"]["snapshots"] == [], "no candidate is tested"
    with pytest.raises(UserError, match=r"models: unknown model 'a\.epochs-1'"):
        complete_config({**CONFIG, "models": ["a.epochs-1"], "searches": {"a": GRID}})


def test_a_candidate_with_a_recipes_or_another_searchs_name_is_refused() -> None:
    taken = {**CONFIG["recipes"], "a.epochs-2": {}}
    with pytest.raises(UserError, match=r"searches\.a: 'a\.epochs-2' exists already; rename the search"):
        complete_config({**CONFIG, "recipes": taken, "searches": {"a": GRID}})
    both = {"a": grid(epochs=[1], learning_rate=[1]), "a.epochs-1": grid(learning_rate=[1])}
    with pytest.raises(UserError, match=r"searches\.a\.epochs-1: 'a\.epochs-1\.learning-rate-1' exists already"):
        complete_config({**CONFIG, "searches": both})


def test_an_ensemble_adds_the_runs_of_its_members() -> None:
    config = complete_config({**CONFIG, "seeds": [0, 2], "ensembles": {"trio": {"recipe": "small"}}})
    plan = {**config, "models": ["linear", "trio"]}
    assert planned_runs(plan) == {"linear": [0, 2], "small": [0, 1, 2, 6, 7, 8], "trio": [0, 2]}
    assert list(planned_runs({**plan, "models": ["trio", "small"]}).items()) == [
        ("small", [0, 1, 2, 6, 7, 8]),
        ("trio", [0, 2]),
    ]
    assert planned_runs({**plan, "models": ["small", "linear"]}) == {"small": [0, 2], "linear": [0, 2]}


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
    ("path", "value", "errors", "about"),
    [
        ("seeds", [0], True, True),
        ("dataset.train_limit", 100, True, True),
        ("dataset.test_limit", 1000, False, True),
        ("dataset.sha256.t10k-images-idx3-ubyte", "0" * 64, False, False),
        ("dataset.sha256.train-images-idx3-ubyte", "0" * 64, True, False),
    ],
)
def test_what_is_said_of_mnist_is_said_of_it_alone(path: str, value: Any, errors: bool, about: bool) -> None:
    completed = complete_config(changed(path, value))["dataset"]
    assert completed["label_errors"] == (MNIST["label_errors"] if errors else [])
    assert completed["about"] == (MNIST["about"] if about else "")
    config = changed(path, value)
    config.setdefault("dataset", {}).update(label_errors=[3, 5], about="My own.")
    own = complete_config(config)["dataset"]
    assert (own["label_errors"], own["about"]) == ([3, 5], "My own."), "a user's own stay"


def test_images_of_ones_own_have_no_label_errors_and_are_not_told_about_as_mnist(tmp_path: Path) -> None:
    config = changed("dataset", {"path": str(tmp_path), "format": "images"})
    dataset = complete_config(config)["dataset"]
    assert (dataset["label_errors"], dataset["about"]) == ([], "")


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
    complete_config(changed("recipes.target", target))
    different = {**target, key: value}
    if value == "dense":
        different |= {"convolutions": [], "batch_norm": False, "hidden": [9]}
    with pytest.raises(UserError) as caught:
        complete_config(changed("recipes.target", different))
    assert str(caught.value) == (
        f"config: recipes.target.features_of: 'convnet' is another network, its {key} is {shown}; give both the same"
    )


def test_features_are_not_reused_from_a_recipe_that_reuses_some() -> None:
    config = changed("recipes.one", {**CONFIG["recipes"]["small"], "features_of": "small"})
    config["recipes"]["two"] = {**CONFIG["recipes"]["small"], "features_of": "one"}
    with pytest.raises(UserError) as caught:
        complete_config(config)
    assert str(caught.value) == (
        "config: recipes.two.features_of: 'one' reuses features itself; name the recipe that trains them"
    )
    config["recipes"]["one"]["features_of"] = "one"
    del config["recipes"]["two"]
    with pytest.raises(UserError, match=r"recipes\.one\.features_of: 'one' reuses features itself"):
        complete_config(config)
