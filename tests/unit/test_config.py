"""The configuration: complete by default, refused with one line where it is wrong, and the same in all three places."""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from digits.lib import recipes
from digits.lib.command import UserError
from digits.lib.config import complete_config

SCHEMA_PATH = ROOT / "workflow" / "schemas" / "config.schema.yaml"
SCHEMA = yaml.safe_load(SCHEMA_PATH.read_text())
CONFIG_PATH = ROOT / "config" / "config.yaml"
CONFIG = yaml.safe_load(CONFIG_PATH.read_text())
RECIPE = SCHEMA["properties"]["recipes"]["additionalProperties"]


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


def changed(path: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    place = config
    for name in parents:
        place = place[name]
    place[last] = value
    return config


def test_the_file_is_what_the_defaults_say() -> None:
    assert complete_config({"recipes": CONFIG["recipes"]}, SCHEMA_PATH) == CONFIG
    assert complete_config(CONFIG, SCHEMA_PATH) == CONFIG


@pytest.mark.parametrize(("path", "part"), list(keys(SCHEMA)))
def test_every_key_has_description_type_and_default(path: str, part: dict[str, Any]) -> None:
    assert part.get("description"), path
    assert "type" in part or "enum" in part, path
    if part.get("type") in ("integer", "number"):
        assert "minimum" in part or "exclusiveMinimum" in part, f"{path} has no bound"
    if part.get("type") == "object":
        assert part.get("additionalProperties") is not None, f"{path} takes unknown keys"
    else:
        assert "default" in part, path


def test_every_key_of_the_file_has_a_comment() -> None:
    lines = CONFIG_PATH.read_text().splitlines()
    for i, line in enumerate(lines):
        key = re.match(r"\s*([a-z0-9_-]+):", line)
        if key and not line.startswith("    "):
            assert "#" in line or lines[i - 1].lstrip().startswith(("#", "-")), f"line {i + 1}: {line}"
    commented = {match[1] for match in re.finditer(r"^    ([a-z_]+):.*#", CONFIG_PATH.read_text(), re.MULTILINE)}
    assert commented == set(RECIPE["properties"]), "the first recipe explains each of its keys"


def test_the_readme_has_the_schemas_table() -> None:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for path, part in keys(SCHEMA):
        if part.get("type") != "object":
            default = json.dumps(part["default"], ensure_ascii=False)
            default = "see the file" if len(default) > 45 else f"`{default}`"
            choices = f" One of {', '.join(f'`{choice}`' for choice in part['enum'])}." if "enum" in part else ""
            rows.append(f"| `{path}` | {default} | {part['description']}{choices} |")
    table = "\n".join(rows)
    assert table in (ROOT / "config" / "README.md").read_text(), f"config/README.md needs this table:\n{table}"


def test_recipes_keys_are_those_of_the_code() -> None:
    assert list(RECIPE["properties"]) == [field.name for field in dataclasses.fields(recipes.Recipe)]
    assert tuple(RECIPE["properties"]["weights"]["enum"]) == recipes.WEIGHTS
    assert tuple(RECIPE["properties"]["loss"]["enum"]) == recipes.LOSSES


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_every_overlay_is_valid_and_names_its_schema(path: Path) -> None:
    overlay = yaml.safe_load(path.read_text())
    merged = {**CONFIG, **overlay, "dataset": {**CONFIG["dataset"], **overlay.get("dataset", {})}}
    merged["recipes"] = {
        name: {**CONFIG["recipes"].get(name, {}), **recipe}
        for name, recipe in {**CONFIG["recipes"], **overlay.get("recipes", {})}.items()
    }
    complete_config(merged, SCHEMA_PATH)
    assert path.read_text().startswith("# yaml-language-server: $schema=../workflow/schemas/config.schema.yaml\n")


BAD = [
    ("model", ["x"], "top level: unknown key 'model', did you mean 'models'? (known: "),
    ("models", ["publishd"], "models: unknown recipe 'publishd', did you mean 'published'? (known: linear, published"),
    ("models", [], "models: []: expected at least 1 value"),
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
        "recipes.linear: recipe.snapshots: [31] is not a list of different epochs, from 1 to 30",
    ),
    ("recipes.Bad Name", {}, "'Bad Name' is no name for a recipe"),
    ("recipes.linear", None, "recipes.linear: None: expected object"),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=[f"{path}={value}" for path, value, _ in BAD])
def test_bad_configuration_is_one_line_that_names_the_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        complete_config(changed(path, value), SCHEMA_PATH)
    assert message in str(caught.value)
    assert str(caught.value).startswith("configuration: ") and "\n" not in str(caught.value)
