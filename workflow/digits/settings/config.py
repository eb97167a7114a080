"""The configuration: completed with the schema's defaults, checked against the schema and for keys that must fit each other."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from digits.core.command import UserError
from digits.settings.candidates import candidates, changed
from digits.settings.plan import planned_runs
from digits.settings.recipes import AUTO, make_recipe
from digits.settings.schema import check, completed, schema_of, unknown

SHIPPED = Path(__file__).parents[3] / "config" / "config.yaml"
OF_MNIST = ("references", "ladder", "experiment")  # what it says of its models alone
IMAGES_ONLY = ("labels", "test_fraction", "group", "size", "fit", "colour")  # keys of `dataset` for one format
IDX_ONLY = ("class_names",)


def complete_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with every default filled in; UserError, naming key and remedy, if it is not valid.

    The candidates of its searches are among its recipes.
    """
    schema = schema_of()
    _require_texts_as_keys(config)
    whole: dict[str, Any] = completed(copy.deepcopy(dict(config)), schema)
    check(whole, schema, "config: ")
    _check_across(whole)
    found: dict[str, Any] = {}
    for name, search in whole["searches"].items():
        for candidate, recipe in _candidates(name, search, whole["recipes"]).items():
            if any(candidate in taken for taken in (whole["recipes"], whole["ensembles"], found)):
                raise UserError(f"config: searches.{name}: '{candidate}' exists already; rename the search")
            found[candidate] = recipe
    whole["recipes"] |= found
    _drop_what_is_of_mnist(whole)
    return whole


def _check_place(dataset: Mapping[str, Any]) -> None:
    """Stop where the user's own images or files are not there, or not of the form that the format has."""
    if dataset["path"] is None:
        if dataset["format"] == "images":
            raise UserError("config: dataset.path: null; name the folder, .tgz or .zip with the images")
        return
    path = dataset_path(dataset)
    if not path.exists():
        where = "" if path.is_absolute() else f" in {Path.cwd()}, where snakemake runs"
        raise UserError(f"config: dataset.path: {dataset['path']}: no such folder or file{where}")
    if not (path.is_dir() or path.is_file()):
        raise UserError(f"config: dataset.path: {dataset['path']}: neither a folder nor a file")
    if dataset["format"] == "idx" and not path.is_dir():
        raise UserError(f"config: dataset.path: {dataset['path']}: expected a folder with the four idx files")


def _check_dataset(dataset: Mapping[str, Any]) -> None:
    """Stop where keys of one format are given with the other, or one without the other that it belongs to."""
    schema = schema_of("dataset")["properties"]
    other, keys = ("images", IMAGES_ONLY) if dataset["format"] == "idx" else ("idx", IDX_ONLY)
    for key in keys:
        if dataset[key] != schema[key]["default"]:
            raise UserError(f"config: dataset.{key}: only for `format: {other}`, but format is {dataset['format']}")


def image_options(dataset: Mapping[str, Any]) -> list[str]:
    """Return the options of `digits.convert images` for the keys that differ from their defaults."""
    size = dataset["size"]
    options: list[str] = []
    for key in ("labels", "test_fraction", "group"):
        if dataset[key] is not None:
            options += [f"--{key.replace('_', '-')}={dataset[key]}"]
    if size is not None:
        options += ["--size", *map(str, size if isinstance(size, list) else [size, size]), f"--fit={dataset['fit']}"]
    return options + ["--colour"] * dataset["colour"]


def dataset_path(dataset: Mapping[str, Any]) -> Path:
    """Return where the user's own images or files are; UserError where `~name` is nobody's home."""
    try:
        return Path(dataset["path"]).expanduser()
    except RuntimeError as error:
        raise UserError(f"config: dataset.path: {dataset['path']}: there is no such home folder") from error


class _PlainLoader(yaml.CSafeLoader):
    """Reads YAML in which no mapping has a key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := [key for number, key in enumerate(keys) if key in keys[:number]]:
            raise UserError(f"line {node.start_mark.line + 1}: the key '{twice[0]}' appears twice; keep one of them")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def require_plain(path: Path) -> None:
    """Stop where a configuration file has a key twice, of which Snakemake would take the last, or code of YTE's."""
    try:
        config = yaml.load(path.read_bytes(), _PlainLoader)  # noqa: S506 (a safe one)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # Snakemake says where
    if isinstance(config, dict) and "__use_yte__" in config:
        raise UserError(f"{path}: __use_yte__: a configuration is data and holds no code; write the values out")


def _candidates(name: str, search: Mapping[str, Any], recipes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe of each candidate of a search; UserError, naming the search, if one is impossible."""
    where = f"config: searches.{name}"
    if search["recipe"] not in recipes:
        raise UserError(f"{where}.recipe: {unknown('recipe', search['recipe'], recipes)}")
    base = {**recipes[search["recipe"]], "snapshots": []}  # which are for the test images
    if not base["validation_size"]:
        raise UserError(f"{where}.recipe: '{search['recipe']}' holds out no images to choose by (validation_size: 0)")
    found = {}
    try:
        for candidate, changes in candidates(name, search).items():
            for key in {"validation_size", "validation_split", "classes"} & set(changes):
                raise UserError(f"{key}: all candidates are compared on the same images; choose other keys")
            found[candidate] = completed(changed(base, changes), schema_of("recipes"))
            make_recipe(found[candidate])
            _check_features("recipe", found[candidate], recipes)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return found


def _require_texts_as_keys(value: Any, where: str = "") -> None:
    """Refuse keys that YAML does not read as text, such as 30, yes and null."""
    for key, child in value.items() if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise UserError(f"config: {where or 'top level'}: the key {key} is not text; put it in quotes")
        _require_texts_as_keys(child, f"{where}.{key}".lstrip("."))


def _check_across(config: dict[str, Any]) -> None:
    """What no schema can say: keys that must fit each other."""
    if not config["models"] and not config["searches"]:
        raise UserError("config: models is []; it must be a list of at least 1 value, unless there are searches")
    models = {**config["recipes"], **config["ensembles"]}
    named = [("models", model) for model in config["models"]]
    named += [("report.networks", model) for model in config["report"]["networks"]]
    named += [(f"references.{number}.model", entry["model"]) for number, entry in enumerate(config["references"])]
    for where, model in named:
        if model not in models:
            raise UserError(f"config: {where}: {unknown('model', model, models)}")
    for name, fields in config["recipes"].items():
        make_recipe(fields, f"config: recipes.{name}")
    for name, ensemble in config["ensembles"].items():
        if name in config["recipes"]:
            raise UserError(f"config: ensembles.{name}: a recipe has this name too; rename one of the two")
        if ensemble["recipe"] not in config["recipes"]:
            raise UserError(
                f"config: ensembles.{name}.recipe: {unknown('recipe', ensemble['recipe'], config['recipes'])}"
            )
    for name, fields in config["recipes"].items():
        _check_features(f"config: recipes.{name}", fields, config["recipes"])
    _check_ladder(config["ladder"], models)
    _check_experiment(config)
    _check_dataset(config["dataset"])
    _check_place(config["dataset"])


def _check_features(where: str, recipe: Mapping[str, Any], recipes: Mapping[str, Any]) -> None:
    """Features can be reused from a recipe of the same network that does not reuse any itself, nor saw what is held out."""
    source = recipe["features_of"]
    if source is None:
        return
    where = f"{where}.features_of"
    if source not in recipes:
        raise UserError(f"{where}: {unknown('recipe', source, recipes)}")
    if recipes[source]["features_of"] is not None:
        raise UserError(f"{where}: '{source}' reuses features itself; name the recipe that trains them")
    for key in ("network", "hidden", "convolutions", "padding", "batch_norm", "crop", "pixels"):
        if recipe[key] != recipes[source][key]:
            raise UserError(
                f"{where}: '{source}' is another network, its {key} is {recipes[source][key]}; give both the same"
            )
    held_out = recipes[source]["validation_size"]
    sizes = sorted((held_out, recipe["validation_size"]))
    # What is held out is the last of the same order, so that the fewer are among the more.
    if held_out < recipe["validation_size"] or 0 < sizes[0] < 1 <= sizes[1]:
        raise UserError(
            f"{where}: '{source}' holds out {held_out:,} images, this recipe {recipe['validation_size']:,}, so its "
            "features were trained on images held out here; hold out the same number in both"
        )
    split = recipes[source]["validation_split"]
    if recipe["validation_size"] and recipe["validation_split"] != split:
        raise UserError(
            f"{where}: '{source}' holds out other images, its validation_split is {split}; give both the same"
        )


def _check_experiment(config: Mapping[str, Any]) -> None:
    """The experiment's recipes, if it is to be made, are one network with other beginnings and losses, each pair once."""
    experiment, recipes = config["experiment"], config["recipes"]
    named = [(key, experiment[key]) for key in ("explains", "beside")]
    named += [(f"recipes.{number}", name) for number, name in enumerate(experiment["recipes"])]
    for key, name in named:
        if name is not None and name not in recipes:
            raise UserError(f"config: experiment.{key}: {unknown('recipe', name, recipes)}")
    explains = experiment["explains"]
    if explains not in planned_runs(config):
        return
    if recipes[explains]["loss"] != "mnist_loss":
        raise UserError(
            f"config: experiment.explains: '{explains}' has loss: {recipes[explains]['loss']}, but the report explains what "
            "mnist_loss does; name a recipe that has it"
        )
    free = {"init", "loss", "learning_rate", "epochs"}
    cells: dict[tuple[str, str], str] = {}
    for number, name in enumerate(experiment["recipes"]):
        where, recipe = f"config: experiment.recipes.{number}", recipes[name]
        first = recipes[experiment["recipes"][0]]
        if recipe["learning_rate"] == AUTO:
            raise UserError(f"{where}: '{name}' has learning_rate: auto; give it a number")
        if not recipe["validation_size"]:
            raise UserError(f"{where}: '{name}' holds out no images to compare by (validation_size: 0)")
        if other := [key for key in recipe if key not in free and recipe[key] != first[key]]:
            raise UserError(
                f"{where}: '{name}' differs from '{experiment['recipes'][0]}' in {other[0]}; only {', '.join(sorted(free))} may differ"
            )
        cell = (recipe["init"], recipe["loss"])
        if cell in cells:
            raise UserError(f"{where}: '{name}' has init and loss of '{cells[cell]}'; list each combination once")
        cells[cell] = name


def _check_ladder(ladder: list[dict[str, Any]], known: Mapping[str, Any]) -> None:
    models = [rung["model"] for rung in ladder]
    for number, rung in enumerate(ladder):
        where = f"config: ladder.{number}"
        model, against = rung["model"], rung.get("against")
        for key, name in (("model", model), ("against", against)):
            if name is not None and name not in known:
                raise UserError(f"{where}.{key}: {unknown('model', name, known)}")
        if models.index(model) < number:
            raise UserError(f"{where}.model: duplicate model {model}; list each once")
        if against == model:
            raise UserError(f"{where}.against: {model} cannot be compared with itself; name another model")
        if number == 0 and against is not None:
            raise UserError(f"{where}.against: the first rung is the foot of the ladder; leave `against` out")


def _drop_what_is_of_mnist(config: dict[str, Any]) -> None:
    """The defaults describe MNIST, and number the images of its whole test set: of other images they would be wrong.

    So would be what config.yaml says about its models: others' accuracies, the ladder's reasons, the tutorial's experiment.
    """
    dataset = config["dataset"]
    schema = schema_of("dataset")["properties"]
    mnist = {name: of["default"] for name, of in schema["sha256"]["properties"].items()}
    same = {name: dataset["format"] == "idx" and dataset["sha256"][name] == value for name, value in mnist.items()}
    of_mnist = {
        "about": all(same.values()),
        "sources": all(same.values()) or dataset["path"] is None,
        "label_errors": all(same[name] for name in same if name.startswith("t10k")) and dataset["test_limit"] is None,
    }
    for key, right in of_mnist.items():
        if not right and dataset[key] == schema[key]["default"]:
            dataset[key] = type(dataset[key])()
    if not of_mnist["about"]:
        shipped, empty = yaml.safe_load(SHIPPED.read_bytes()), completed({}, schema_of())
        config.update({key: empty[key] for key in OF_MNIST if config[key] == shipped[key]})
