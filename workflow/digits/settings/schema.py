"""The schema of the configuration: the one source of each key's type, bounds, default and meaning."""

import copy
import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from digits.core.command import UserError

PATH = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"
TYPES = {
    "array": "a list",
    "object": "a mapping",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}
AUTO = "^auto$"  # the pattern of a key that may be the word auto instead
LARGEST = 1e300  # of a number: larger ones are infinite soon
# JSON Schema takes 3.0 for an integer and YAML's .inf for a number; here neither is.
Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and abs(value) < LARGEST,  # NaN is not
        }
    ),
)


@cache
def schema_of(*keys: str) -> Mapping[str, Any]:
    """Return the schema, or its part for a key of a key …; `recipes` is that of one recipe's keys."""
    part: Any = schema_of() if keys else yaml.load(PATH.read_bytes(), yaml.CSafeLoader)
    for key in keys:
        part = part["properties"][key]
    recipes: Mapping[str, Any] = part["additionalProperties"] if keys == ("recipes",) else part
    return recipes


def completed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Fill in defaults, and put keys into the schema's order: the order in which a user writes them changes no result."""
    if not isinstance(value, dict):
        return value
    found: dict[Any, Any] = {}
    for key, child in schema.get("properties", {}).items():
        if key in value:
            found[key] = completed(value[key], child)
        elif "default" in child:
            found[key] = completed(copy.deepcopy(child["default"]), child)
        elif child.get("type") == "object":
            found[key] = completed({}, child)
    others = schema.get("additionalProperties")
    for key in value:
        if key not in found:
            found[key] = completed(value[key], others) if isinstance(others, Mapping) else value[key]
    return found


def check(value: Any, schema: Mapping[str, Any], where: str) -> None:
    """Stop with one line, naming key and remedy, where a value is not what the schema says. `where` names the whole."""
    errors = list(Validator(schema).iter_errors(value))
    # A key that is unknown, or has another name now, explains what else is wrong.
    error = best_match([error for error in errors if error.validator == "additionalProperties"] or errors)
    if error is not None:
        raise UserError(_explain(error, where))


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is not known, which one may be meant, and which there are."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = f", did you mean '{close[0]}'?" if close else ""
    return f"unknown {kind} '{name}'{meant} (known: {', '.join(known)})"


def _explain(error: ValidationError, whole: str) -> str:
    """Turn a schema error into one line: key, value, and what it must be."""
    where = _joined(whole, error.absolute_path)
    rule: Any = error.validator_value
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        key = next(key for key in error.instance if key not in known)
        renamed = next((name for name, part in known.items() if part.get("formerly") == key), None)
        text = f"is now called '{renamed}'" if renamed else error.schema.get("removed", {}).get(key)
        return f"{_joined(where, [key])}: {text}" if text else f"{where}: {unknown('key', key, known)}"
    if error.validator == "enum":
        return f"{where}: {unknown('value', error.instance, ('null' if name is None else str(name) for name in rule))}"
    if error.validator == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        return f"{where}: '{error.instance}' is not a valid name; use lower-case letters, digits, hyphens and dots"
    if error.validator == "required":
        return f"{where}: key '{next(key for key in rule if key not in error.instance)}' is missing"
    if error.validator == "uniqueItems":
        return f"{where}: duplicate value in {error.instance}; list each once"
    hint = _hint(error.instance, error.validator == "type" and "string" in rule and "pattern" not in error.schema)
    return f"{where} is {_shown(error.instance)}; it must be {_right(error)}{hint}"


def _joined(whole: str, keys: Iterable[object]) -> str:
    """Name a key of a whole: `recipe.hidden.0`, or `config: seeds.0`."""
    path = ".".join(map(str, keys))
    return whole.rstrip(": ") if not path else f"{whole}{path}" if whole.endswith(" ") else f"{whole}.{path}"


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _right(error: ValidationError) -> str:
    """Say what a value must be: its type and its bounds."""
    schema, rule = error.schema, error.validator_value
    special = {
        "minItems": f"a list of {rule} values" if "maxItems" in schema else f"a list of at least {rule} value",
        "maxItems": f"a list of {rule} values",
        "minProperties": f"a mapping with at least {rule} key",
        "minLength": "text that is not empty" + (", or null" if "null" in schema["type"] else ""),
        "pattern": f"like {rule}",
    }
    auto = schema.get("pattern") == AUTO
    if error.validator in special and not (auto and error.validator == "pattern"):
        return special[str(error.validator)]
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    bounds = [text.format(schema[name]) for name, text in BOUNDS.items() if name in schema]
    first = " or ".join(TYPES[name] for name in types if name != "null" and not (auto and name == "string"))
    instead = ", or auto" if auto else ", or null" if "null" in types else ""
    return first + (f" of {' and '.join(bounds)}" if bounds else "") + instead


def _hint(value: Any, wants_text: bool) -> str:
    """Say how to write a number that arrived as text, or a text that arrived as a number."""
    if not isinstance(value, str):
        return f"; write it in quotes: '{value}'" if wants_text and isinstance(value, int | float) else ""
    if exponent := re.fullmatch(r"([+-]?\d+)(?:\.(\d*))?e([+-]?)(\d+)", value, re.IGNORECASE):
        number = f"{exponent[1]}.{exponent[2] or 0}e{exponent[3] or '+'}{exponent[4]}"
        return f"; YAML reads {value} as text, write {number}"
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", value):
        return "; write it without quotes, in a file for --configfile (--config turns numbers in lists into text)"
    return ""
