"""The configuration: checked against its schema, completed with the schema's defaults."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from digits.core.command import UserError
from digits.settings.candidates import candidates, changed
from digits.settings.recipes import make_recipe, unknown


def complete_config(config: Mapping[str, Any], schema_path: Path) -> dict[str, Any]:
    """Return the configuration with every default filled in; UserError, naming key and remedy, where it is not valid.

    The candidates of its searches are among its recipes.
    """
    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    _require_texts_as_keys(config)
    completed: dict[str, Any] = _with_defaults(copy.deepcopy(dict(config)), schema)
    validator = Draft202012Validator(schema)
    error = best_match(validator.iter_errors(completed))
    if error is not None:
        raise UserError(f"configuration: {_explain(error)}")
    _check_across(completed)
    found: dict[str, Any] = {}
    for name, search in completed["searches"].items():
        for candidate, recipe in _candidates(name, search, completed["recipes"], validator).items():
            if candidate in completed["recipes"] or candidate in found:
                raise UserError(f"configuration: searches.{name}: '{candidate}' is there already; rename the search")
            found[candidate] = recipe
    completed["recipes"] |= found
    _drop_what_is_of_mnist(completed["dataset"], schema["properties"]["dataset"]["properties"])
    return completed


def _candidates(
    name: str, search: Mapping[str, Any], recipes: Mapping[str, Any], validator: Draft202012Validator
) -> dict[str, Any]:
    """Return the recipe of each candidate of a search; UserError, naming the search, where one is impossible."""
    where = f"configuration: searches.{name}"
    if search["recipe"] not in recipes:
        raise UserError(f"{where}.recipe: {unknown('recipe', search['recipe'], recipes)}")
    base = {**recipes[search["recipe"]], "snapshots": []}  # which are for the test images
    if not base["validation_size"]:
        raise UserError(f"{where}.recipe: '{search['recipe']}' holds out no images to choose by (validation_size: 0)")
    schema = validator.schema["properties"]["recipes"]["additionalProperties"]
    found = {}
    try:
        for candidate, changes in candidates(name, search).items():
            for key in {"validation_size", "validation_split", "classes"} & set(changes):
                raise UserError(f"{key}: all candidates are compared on the same images; choose other keys")
            found[candidate] = _with_defaults(changed(base, changes), schema)
            error = best_match(validator.evolve(schema=schema).iter_errors(found[candidate]))
            if error is not None:
                raise UserError(_explain(error, as_recipe=True))
            make_recipe(found[candidate])
            _check_features("recipe", found[candidate], recipes)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return found


def trained_rungs(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ladder's rungs whose models are trained, each with what it is compared with: null where that is not.

    Without `against` this is the nearest rung above without one: a rung with `against` stands beside the ladder.
    """
    rungs: list[dict[str, Any]] = []
    above = None
    for rung in config["ladder"]:
        beside = rung.get("against") is not None
        against = rung["against"] if beside else above
        above = above if beside else rung["model"]
        if rung["model"] in config["models"]:
            against = against if against in config["models"] else None
            rungs.append({"model": rung["model"], "adds": rung["adds"], "against": against, "beside": beside})
    return rungs


def _require_texts_as_keys(value: Any, where: str = "") -> None:
    """Refuse keys that YAML takes for something else than texts, as it does 30, yes and null."""
    for key, child in value.items() if isinstance(value, dict) else ():
        if not isinstance(key, str):
            raise UserError(f"configuration: {where or 'top level'}: the key {key} is not a text; put it in quotes")
        _require_texts_as_keys(child, f"{where}.{key}".lstrip("."))


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """Fill in defaults, and put keys into the schema's order: the order in which a user writes them changes no result."""
    if not isinstance(value, dict):
        return value
    completed: dict[Any, Any] = {}
    for key, child in schema.get("properties", {}).items():
        if key in value:
            completed[key] = _with_defaults(value[key], child)
        elif "default" in child:
            completed[key] = _with_defaults(copy.deepcopy(child["default"]), child)
        elif child.get("type") == "object":
            completed[key] = _with_defaults({}, child)
    others = schema.get("additionalProperties")
    for key in value:
        if key not in completed:
            completed[key] = _with_defaults(value[key], others) if isinstance(others, Mapping) else value[key]
    return completed


def _explain(error: ValidationError, as_recipe: bool = False) -> str:
    """Turn a schema error, of the configuration or of one recipe, into one line: key, value, and what would be right."""
    where = ".".join(map(str, error.absolute_path)) or ("recipe" if as_recipe else "top level")
    rule: Any = error.validator_value
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return f"{where}: {unknown('key', next(key for key in error.instance if key not in known), known)}"
    if error.validator == "enum":
        return f"{where}: {unknown('value', error.instance, map(str, rule))}"
    if error.validator == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        return f"{where}: '{error.instance}' is no name for a recipe or search; use small letters, digits, hyphens and dots"
    if error.validator == "required":
        return f"{where}: key '{next(key for key in rule if key not in error.instance)}' is missing"
    right = {
        "type": lambda: f"expected {' or '.join(rule) if isinstance(rule, list) else rule}{_hint(error.instance)}",
        "uniqueItems": lambda: "the same value stands there twice; each may stand once",
        "minItems": lambda: (
            f"expected {rule} values" if "maxItems" in error.schema else f"expected at least {rule} value"
        ),
        "maxItems": lambda: f"expected {rule} values",
        "minProperties": lambda: f"expected at least {rule} key",
        "minLength": lambda: "expected some text; null for none",
        "minimum": lambda: f"expected {rule} or more",
        "maximum": lambda: f"expected {rule} or less",
        "exclusiveMinimum": lambda: f"expected more than {rule}",
        "exclusiveMaximum": lambda: f"expected less than {rule}",
        "pattern": lambda: f"does not look like {rule}",
    }.get(str(error.validator), lambda: error.message)()
    description = error.schema.get("description")
    return f"{where}: {error.instance!r}: {right}" + (f" ({description.rstrip('.')})" if description else "")


def _hint(value: Any) -> str:
    """Say how to write a number that arrived as a text."""
    if not isinstance(value, str):
        return ""
    if exponent := re.fullmatch(r"([+-]?\d+)(?:\.(\d*))?e([+-]?)(\d+)", value, re.IGNORECASE):
        number = f"{exponent[1]}.{exponent[2] or 0}e{exponent[3] or '+'}{exponent[4]}"
        return f"; YAML takes {value} for a text, write {number}"
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", value):
        return "; write it without quotes, in a file for --configfile (in --config, numbers in lists are texts)"
    return ""


def _check_across(config: dict[str, Any]) -> None:
    """What no schema can say: keys that must fit each other."""
    if not config["models"] and not config["searches"]:
        raise UserError(
            "configuration: models: []: expected at least 1 value; only a configuration with searches needs none"
        )
    named = [("models", model) for model in config["models"]]
    named += [("report.networks", model) for model in config["report"]["networks"]]
    named += [(f"references.{number}.model", entry["model"]) for number, entry in enumerate(config["references"])]
    for where, model in named:
        if model not in config["recipes"]:
            raise UserError(f"configuration: {where}: {unknown('recipe', model, config['recipes'])}")
    for name, fields in config["recipes"].items():
        try:
            make_recipe(fields)
        except UserError as error:
            raise UserError(f"configuration: recipes.{name}: {error}") from error
    for name, fields in config["recipes"].items():
        _check_features(f"configuration: recipes.{name}", fields, config["recipes"])
    _check_ladder(config["ladder"], config["recipes"])
    dataset = config["dataset"]
    if dataset["path"] is None:
        if dataset["format"] == "images":
            raise UserError("configuration: dataset.path: null; name the folder, .tgz or .zip with the images")
        return
    path = Path(dataset["path"]).expanduser()
    if not path.exists():
        raise UserError(f"configuration: dataset.path: {dataset['path']}: no such folder or file")
    if dataset["format"] == "idx" and not path.is_dir():
        raise UserError(f"configuration: dataset.path: {dataset['path']}: expected a folder with the four idx files")


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
    if held_out < recipe["validation_size"]:  # the last of the same order, so that the fewer are among the more
        raise UserError(
            f"{where}: '{source}' holds out {held_out:,} images, this recipe {recipe['validation_size']:,}, so that the "
            "features were trained on images held out here; hold out as many there"
        )
    split = recipes[source]["validation_split"]
    if recipe["validation_size"] and recipe["validation_split"] != split:
        raise UserError(
            f"{where}: '{source}' holds out other images, its validation_split is {split}; give both the same"
        )


def _check_ladder(ladder: list[dict[str, Any]], recipes: Mapping[str, Any]) -> None:
    models = [rung["model"] for rung in ladder]
    for number, rung in enumerate(ladder):
        where = f"configuration: ladder.{number}"
        model, against = rung["model"], rung.get("against")
        for key, name in (("model", model), ("against", against)):
            if name is not None and name not in recipes:
                raise UserError(f"{where}.{key}: {unknown('recipe', name, recipes)}")
        if models.index(model) < number:
            raise UserError(f"{where}.model: {model} stands there twice; each model may stand once")
        if against == model:
            raise UserError(f"{where}.against: {model} cannot be compared with itself; name another model")
        if number == 0 and against is not None:
            raise UserError(f"{where}.against: the first rung is the foot of the ladder; leave `against` out")


def _drop_what_is_of_mnist(dataset: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """The defaults tell of MNIST, and number the images of its whole test set: of other images they would be wrong."""
    mnist = {name: of["default"] for name, of in schema["sha256"]["properties"].items()}
    same = {name: dataset["format"] == "idx" and dataset["sha256"][name] == value for name, value in mnist.items()}
    of_mnist = {
        "about": all(same.values()),
        "label_errors": all(same[name] for name in same if name.startswith("t10k")) and dataset["test_limit"] is None,
    }
    for key, right in of_mnist.items():
        if not right and dataset[key] == schema[key]["default"]:
            dataset[key] = type(dataset[key])()
