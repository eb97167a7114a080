"""The configuration: its files are valid, and keys that do not fit each other are refused with one line."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from digits.core.command import UserError
from digits.settings.candidates import changed
from digits.settings.config import OF_MNIST, complete_config, image_options, require_plain
from digits.settings.schema import schema_of

CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
FILES = sorted((ROOT / "config").glob("*.yaml"))
DEFAULTS = {key: part["default"] for key, part in schema_of("recipes")["properties"].items()}
DATASET = schema_of("dataset")["properties"]
SMALL, CONVNET = CONFIG["recipes"]["small"], CONFIG["recipes"]["convnet"]
GRID = {"recipe": "small", "grid": {"epochs": [1, 2]}}


def merged(config: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Merge as --configfile does: mappings key by key, anything else replaced."""
    both = copy.deepcopy(config)
    for key, value in overlay.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        complete_config(config)
    assert str(caught.value).startswith("config: ") and "\n" not in str(caught.value)
    return str(caught.value)


def test_a_recipe_need_not_say_what_is_the_default() -> None:
    completed = complete_config(CONFIG)
    assert completed["recipes"] == {name: {**DEFAULTS, **recipe} for name, recipe in CONFIG["recipes"].items()}
    assert completed["report"].items() >= CONFIG["report"].items()
    assert {**completed, "recipes": {}, "report": {}}.items() >= {**CONFIG, "recipes": {}, "report": {}}.items()
    assert set(completed) == set(schema_of()["properties"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_valid_and_names_its_schema(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-images").mkdir()
    monkeypatch.chdir(tmp_path)
    config = CONFIG
    for part in ("ladder", "best", "fast", "search") if path.stem == "search" else (path.stem,):
        config = merged(config, yaml.safe_load((ROOT / "config" / f"{part}.yaml").read_text()))
    complete_config(config)
    assert path.read_text().startswith("# yaml-language-server: $schema=../workflow/schemas/config.schema.yaml\n")


def test_the_example_for_own_images_is_five_lines() -> None:
    lines = (ROOT / "config" / "own-images.yaml").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 5


def test_every_key_of_the_default_file_has_a_comment_where_it_is_first_used() -> None:
    lines = (ROOT / "config" / "config.yaml").read_text().splitlines()
    for i, line in enumerate(lines):
        if re.match(r"( {0,2})[a-z0-9_-]+:", line):
            assert "#" in line or lines[i - 1].lstrip().startswith("#"), f"line {i + 1}: {line}"


def rung(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "adds": "something", "why": "Because.", **more}


REFERENCE = {"epoch": 1, "accuracy": 0.5, "source": "a post", "model": "publishd"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("recipes.linear", {True: 3}, "recipes.linear: the key True is not text; put it in quotes"),
        ("recipes.linear.dropout", 0.5, "recipes.linear.dropout: a linear model has no hidden units to drop; choose 0"),
        ("models", ["publishd"], "models: unknown model 'publishd', did you mean 'published'? (known: convnet, general, linear"),
        ("models", [], "models is []; it must be a list of at least 1 value, unless there are searches"),
        ("report.networks", ["convnett"], "report.networks: unknown model 'convnett', did you mean 'convnet'?"),
        ("references", [{**REFERENCE, "model": "small"}, REFERENCE], "references.1.model: unknown model 'publishd', did you"),
        ("dataset", {"format": "images"}, "dataset.path: null; name the folder, .tgz or .zip with the images"),
        ("dataset.path", __file__, "expected a folder with the four idx files"),
        ("dataset.colour", True, "dataset.colour: only for `format: images`, but format is idx"),
        ("dataset", {"format": "images", "path": ".", "class_names": ["a"]}, "dataset.class_names: only for `format: idx`"),
        ("dataset.class_names", ["a", "a"], "dataset.class_names: duplicate value in ['a', 'a']; list each once"),
        ("dataset.size", [0, 3], "dataset.size.0 is 0; it must be a whole number of at least 1"),
        ("dataset.size", [64], "dataset.size is [64]; it must be a list of 2 values"),
        ("dataset.size", "64", "dataset.size is '64'; it must be a whole number or a list of at least 1 and at most 1024, or null"),
        ("dataset.test_fraction", 1, "dataset.test_fraction is 1; it must be a number of more than 0 and less than 1, or null"),
        ("dataset.path", "no/such", f"no/such: no such folder or file in {Path.cwd()}, where snakemake runs"),
        ("dataset.path", "~nobodyofthisname/x", "~nobodyofthisname/x: there is no such home folder"),
        ("recipes.linear.classes", [0, "1"], "it must be text; write it in quotes: '0'"),
        ("ladder", [rung("linear"), rung("small", against="lin")], "ladder.1.against: unknown model 'lin'"),
        ("ladder", [rung("linear"), rung("linear")], "ladder.1.model: duplicate model linear; list each once"),
        ("ladder", [rung("linear"), rung("small", against="small")], "ladder.1.against: small cannot be compared with itself"),
        ("ladder", [rung("linear", against="small")], "ladder.0.against: the first rung is the foot of the ladder; leave"),
        ("experiment.explains", "publishd", "experiment.explains: unknown recipe 'publishd', did you mean 'published'?"),
        ("experiment.explains", "repaired", "experiment.explains: 'repaired' has loss: cross_entropy, but the report explains"),
        ("experiment.recipes", ["smal"], "experiment.recipes.0: unknown recipe 'smal', did you mean 'small'?"),
        ("experiment.recipes", ["small", "published"], "experiment.recipes.1: 'published' holds out no images to compare by"),
        ("experiment.recipes", ["small", "repaired"], "'repaired' differs from 'small' in hidden; only epochs, init, "),
        ("ensembles.small", {"recipe": "linear"}, "ensembles.small: a recipe has this name too; rename one of the two"),
        ("ensembles.e", {"recipe": "smal"}, "ensembles.e.recipe: unknown recipe 'smal', did you mean 'small'?"),
        ("recipes.small.features_of", "repared", "recipes.small.features_of: unknown recipe 'repared', did you mean 'repaire"),
        ("recipes.new", {"features_of": "published"}, "'published' holds out 0 images, this recipe 10,000, so its features"),
        ("recipes.new", {**SMALL, "features_of": "small", "validation_size": 0.2}, "'small' holds out 10,000 images, this recipe 0.2,"),
        ("recipes.new", {**SMALL, "features_of": "small", "validation_split": "last"}, "validation_split is random; give both"),
        ("recipes.new", {**SMALL, "features_of": "new"}, "recipes.new.features_of: 'new' reuses features itself; name the"),
        ("searches.a", {"recipe": "smal"}, "searches.a.recipe: unknown recipe 'smal', did you mean 'small'?"),
        ("searches.a", {"recipe": "small"}, "searches.a: expected either grid or random"),
        ("searches.a", {**GRID, "grid": {"epoch": [1]}}, "searches.a: recipe: unknown key 'epoch', did you mean 'epochs'?"),
        ("searches.a", {**GRID, "grid": {"snapshots": [[31]]}}, "searches.a: recipe.snapshots: [31] come after the last"),
        ("searches.a", {**GRID, "recipe": "published"}, "searches.a.recipe: 'published' holds out no images to choose by"),
        ("searches.a", {**GRID, "grid": {"validation_size": [1, 2]}}, "searches.a: validation_size: all candidates are"),
        ("searches.a", {**GRID, "grid": {"validation_split": ["last"]}}, "searches.a: validation_split: all candidates are"),
        ("searches.a", {**GRID, "grid": {"classes": [["0"], ["1"]]}}, "searches.a: classes: all candidates are"),
        ("searches.a", {**GRID, "grid": {"features_of": ["smal"]}}, "searches.a: recipe.features_of: unknown recipe 'smal'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_configuration_is_one_line_that_names_the_key(path: str, value: Any, message: str) -> None:
    assert message in refusal(changed(CONFIG, {path: value}))


@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        ({}, []),
        ({"size": 64, "fit": "crop"}, ["--size", "64", "64", "--fit=crop"]),
        ({"fit": "crop", "colour": True}, ["--colour"]),
        (
            {"labels": "a b.csv", "test_fraction": 0.25, "group": "writer", "size": [3, 4]},
            ["--labels=a b.csv", "--test-fraction=0.25", "--group=writer", "--size", "3", "4", "--fit=pad"],
        ),
    ],
)
def test_the_options_of_convert_are_what_differs_from_the_defaults(dataset: dict[str, Any], options: list[str]) -> None:
    config = {**CONFIG, "dataset": {"format": "images", "path": ".", **dataset}}
    assert image_options(complete_config(config)["dataset"]) == options


def test_each_combination_of_the_experiment_stands_once() -> None:
    config = changed(CONFIG, {"recipes.twin": {**SMALL, "epochs": 3}, "experiment.recipes": ["small", "twin"]})
    assert "experiment.recipes.1: 'twin' has init and loss of 'small'; list each combination once" in refusal(config)
    linear = {"hidden": [], "optimiser": "adam", "learning_rate": "auto"}
    config = changed(CONFIG, {"recipes.small": {**SMALL, **linear}, "experiment.recipes": ["small"]})
    assert "experiment.recipes.0: 'small' has learning_rate: auto; give it" in refusal(config)


def test_an_ensemble_can_stand_wherever_a_model_can() -> None:
    config = {
        **changed(CONFIG, {"ensembles.e": {"recipe": "small"}}),
        "models": ["e"],
        "ladder": [rung("e")],
        "references": [],
    }
    completed = complete_config({**config, "report": {"networks": ["e"]}})
    assert completed["ensembles"] == {"e": {"recipe": "small", "members": 3}}


def test_a_searchs_candidates_are_recipes_that_no_model_can_be() -> None:
    config = {**changed(CONFIG, {"recipes.small.snapshots": [1]}), "searches": {"a": GRID}}
    recipes = complete_config(config)["recipes"]
    expected = {f"a.epochs-{n}": {**DEFAULTS, **SMALL, "epochs": n} for n in (1, 2)}  # snapshots are tests
    assert {name: recipes[name] for name in recipes if name not in CONFIG["recipes"]} == expected
    complete_config({**config, "models": []})
    assert "models: unknown model 'a.epochs-1'" in refusal({**config, "models": ["a.epochs-1"]})


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ({"recipes": {"a.epochs-2": {}}}, "a.epochs-2"),
        ({"ensembles": {"a.epochs-2": {"recipe": "small"}}}, "a.epochs-2"),
        ({"searches": {"a.crop-1": {"recipe": "small", "grid": {"epochs": [1]}}}}, "a.crop-1.epochs-1"),
    ],
)
def test_a_candidates_name_must_be_new(taken: dict[str, Any], name: str) -> None:
    grid = {"crop": [1], "epochs": [1]} if "searches" in taken else {"epochs": [1, 2]}
    config = merged(CONFIG, merged(taken, {"searches": {"a": {"recipe": "small", "grid": grid}}}))
    assert f"'{name}' exists already; rename the search" in refusal(config)


@pytest.mark.parametrize(
    ("change", "of_mnist", "whole"),
    [
        ({"train_limit": 100}, True, True),
        ({"test_limit": 1000}, True, False),
        ({"sha256": {"train-images-idx3-ubyte": "0" * 64}}, False, True),
        ({"sha256": {"t10k-labels-idx1-ubyte": "0" * 64}}, False, False),
        (
            {"sha256": {"t10k-labels-idx1-ubyte": "0" * 64}, "path": str(ROOT / "tests" / "data" / "mnist")},
            False,
            False,
        ),
        ({"format": "images", "path": str(ROOT)}, False, False),
    ],
)
def test_what_is_said_of_mnist_is_said_of_it_alone(change: dict[str, Any], of_mnist: bool, whole: bool) -> None:
    """The description is of MNIST; the label errors are numbers of images in its whole test set."""
    dataset = complete_config({**CONFIG, "dataset": change})["dataset"]
    assert dataset["about"] == (DATASET["about"]["default"] if of_mnist else "")
    assert dataset["sources"] == ([] if "path" in change else DATASET["sources"]["default"])
    assert dataset["label_errors"] == (DATASET["label_errors"]["default"] if whole else [])
    own = {"about": "My own.", "label_errors": [3, 5]}
    assert complete_config({**CONFIG, "dataset": change | own})["dataset"].items() >= own.items()
    ours = {key: CONFIG[key] for key in OF_MNIST}
    nothing = {"references": [], "ladder": [], "experiment": {"explains": None, "beside": None, "recipes": []}}
    assert complete_config({**CONFIG, "dataset": change}).items() >= (ours if of_mnist else nothing).items()
    theirs = {"references": CONFIG["references"][:1], "ladder": CONFIG["ladder"][:2]}
    assert complete_config({**CONFIG, "dataset": change, **theirs}).items() >= theirs.items()


OTHERS = {
    "network": "dense",
    "hidden": [7],
    "convolutions": [[9, 3, 2]],
    "batch_norm": False,
    "crop": 1,
    "pixels": "unit",
}


@pytest.mark.parametrize(("key", "value"), OTHERS.items())
def test_features_are_reused_from_the_same_network_alone(key: str, value: Any) -> None:
    target = {**CONVNET, "features_of": "convnet", "classes": ["3", "7"]}
    complete_config(changed(CONFIG, {"recipes.target": target}))
    dense = {"convolutions": [], "batch_norm": False, "hidden": [9]} if value == "dense" else {}
    was = f"'convnet' is another network, its {key} is {CONVNET.get(key, 'convolutional')}; give both the same"
    error = refusal(changed(CONFIG, {"recipes.target": {**target, key: value, **dense}}))
    assert error == f"config: recipes.target.features_of: {was}"


def test_an_experiment_that_is_not_built_is_not_checked() -> None:
    config = changed(CONFIG, {"experiment.recipes": ["small", "repaired"]})
    assert "'repaired' differs from 'small' in hidden" in refusal(config)
    complete_config(changed(config, {"models": ["repaired"], "report.networks": []}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: [a]\nseeds: [1]\nmodels: [b]\n", "line 1: the key 'models' appears twice; keep one of them"),
        ("recipes:\n  a:\n    epochs: 1\n    epochs: 2\n", "line 3: the key 'epochs' appears twice"),
        ('{"seeds": [1], "seeds": [2]}', "line 1: the key 'seeds' appears twice"),
        ("__use_yte__: true\n?if True:\n  seeds: [1]\n", "__use_yte__: a configuration is data and holds no code"),
    ],
)
def test_keys_that_stand_twice_and_code_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(f"{path}: {message}")):
        require_plain(path)


def test_what_snakemake_refuses_itself_and_merged_keys_are_left_to_it(tmp_path: Path) -> None:
    for text in ("a: [", "a: &x {b: 1}\nc: {<<: *x, b: 2}\n", "- 1\n"):
        (tmp_path / "c.yaml").write_text(text)
        require_plain(tmp_path / "c.yaml")
