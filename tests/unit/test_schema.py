"""The schema: every key is described and bounded, and a value that it does not allow gets one line with the remedy."""

import runpy
from typing import Any

import pytest
from conftest import ROOT
from digits.core.command import UserError
from digits.settings.recipes import make_recipe
from digits.settings.schema import check, completed, schema_of

DOCS = runpy.run_path(str(ROOT / "tools" / "docs.py"))
HARD = {"warmup_epochs": 1, "warmup_fraction": 0.5, "fraction": 0.2}


def refusal(value: Any, *keys: str) -> str:
    with pytest.raises(UserError) as caught:
        check(completed(value, schema_of(*keys)), schema_of(*keys), "recipe" if keys == ("recipes",) else "config: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_key_has_description_type_bound_and_default() -> None:
    for path, part, required in DOCS["keys"](schema_of()):
        assert part.get("description"), path
        assert "type" in part or "enum" in part, path
        if any(kind in part.get("type", "") for kind in ("integer", "number")):
            assert "minimum" in part or "exclusiveMinimum" in part, f"{path} has no bound"
        if part.get("type") == "object":
            assert part.get("additionalProperties") is not None, f"{path} takes unknown keys"
        elif not required and ".augmentation." not in path and path != "ladder[].against":
            assert "default" in part, path


def test_the_readme_has_the_schemas_table() -> None:
    text = (ROOT / "config" / "README.md").read_text()
    assert DOCS["key_table"]() in text and DOCS["with_table"](text) == text, (
        "run: PYTHONPATH=workflow python tools/docs.py"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"learning_rte": 3}, "recipe: unknown key 'learning_rte', did you mean 'learning_rate'? (known: augmentation, "),
        ({"loss": ["x"]}, "recipe.loss: unknown value '['x']' (known: balanced_mnist_loss, cross_entropy, mnist_loss)"),
        ({"learning_rate": float("inf")}, "recipe.learning_rate is inf; it must be a number of more than 0"),
        ({"dropout": 1}, "recipe.dropout is 1; it must be a number of at least 0 and less than 1"),
        ({"learning_rate": "1.5E2"}, "YAML reads 1.5E2 as text, write 1.5e+2"),
        ({"momentum": "0.9"}, "less than 1; write it without quotes, in a file for --configfile"),
        ({"epochs": True}, "recipe.epochs is True; it must be a whole number of at least 1"),
        ({"batch_size": 2.0}, "recipe.batch_size is 2.0; it must be a whole number of at least 1"),
        ({"hidden": [3, 0]}, "recipe.hidden.1 is 0; it must be a whole number of at least 1"),
        ({"batch_norm": 1}, "recipe.batch_norm is 1; it must be true or false"),
        ({"convolutions": [[16, 3]]}, "recipe.convolutions.0 is [16, 3]; it must be a list of 3 values"),
        ({"snapshots": [1, 1]}, "recipe.snapshots: duplicate value in [1, 1]; list each once"),
        ({"batch_size": "atuo"}, "recipe.batch_size is 'atuo'; it must be a whole number of at least 1, or auto"),
        ({"batch_size": "128"}, "recipe.batch_size is '128'; it must be a whole number of at least 1, or auto; write it without"),
        ({"convolutions": "3"}, "recipe.convolutions is '3'; it must be a list, or auto; write it without quotes"),
        ({"convolutions": 3}, "recipe.convolutions is 3; it must be a list, or auto"),
        ({"class_weights": "even"}, "recipe.class_weights: unknown value 'even' (known: balanced, null)"),
        ({"augmentation": {"flip": 1.5}}, "recipe.augmentation.flip is 1.5; it must be a number of at least 0 and at most 1"),
        ({"labels_per_class": 0}, "recipe.labels_per_class is 0; it must be a whole number of at least 1, or null"),
        ({"features_of": ""}, "recipe.features_of is ''; it must be text that is not empty, or null"),
        ({"augmentation": {"shfit": 2}}, "recipe.augmentation: unknown key 'shfit', did you mean 'shift'?"),
        ({"hard_examples": {"warmup_epochs": 1}}, "recipe.hard_examples: key 'warmup_fraction' is missing"),
        ({"hard_examples": {**HARD, "fraction": None}}, "fraction is null; it must be a number of more than 0 and at most 1"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_that_the_schema_does_not_allow_is_named_with_what_it_must_be(value: Any, message: str) -> None:
    assert message in refusal(value, "recipes")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"model": []}, "config: unknown key 'model', did you mean 'models'? (known: dataset, device, ensembles, "),
        ({"seeds": [2**32]}, "config: seeds.0 is 4294967296; it must be a whole number of at least 0 and at most 4294967295"),
        ({"device": "gpu"}, "config: device: unknown value 'gpu', did you mean 'cpu'? (known: auto, cpu, cuda)"),
        ({"recipes": {"Bad Name": {}}}, "config: recipes: 'Bad Name' is not a valid name; use lower-case letters, "),
        ({"dataset": {"sources": ["ftp://x"]}}, "config: dataset.sources.0 is 'ftp://x'; it must be like ^(https?://|npm:)"),
        ({"searches": {"a": {"recipe": "a", "grid": {}}}}, "config: searches.a.grid is {}; it must be a mapping with at least 1 key"),
        ({"searches": {"a": {"recipe": "a", "grid": {"x": []}}}}, "config: searches.a.grid.x is []; it must be a list of at least 1 value"),
        ({"searches": {"a": {"recipe": "a", "random": {"values": {"x": 3}}}}}, "values.x is 3; it must be a list or a mapping"),
    ],
    ids=str,
)  # fmt: skip
def test_the_configurations_keys_are_named_from_its_top(value: Any, message: str) -> None:
    assert message in refusal({"models": [], "seeds": [0], **value})


OLD = {
    "weights": "init",
    "average": "weight_averaging",
    "warm_up": "warmup_fraction",
    "layer_rates": "layer_lr_multipliers",
}
OLD_HARD = {"after": "warmup_epochs", "first": "warmup_fraction", "share": "fraction"}


def test_an_old_key_gets_one_line_that_names_the_new_one() -> None:
    for old, new in OLD.items():
        assert refusal({old: 1}, "recipes") == f"recipe.{old}: is now called '{new}'"
    for old, new in OLD_HARD.items():
        error = refusal({"hard_examples": {**HARD, old: 1}}, "recipes")
        assert error == f"recipe.hard_examples.{old}: is now called '{new}'"
    assert refusal({"columns": 3}, "recipes").startswith("recipe.columns: use `ensembles`")


def test_keys_and_defaults_come_in_the_schemas_order() -> None:
    fields = completed({"epochs": 3, "network": "dense"}, schema_of("recipes"))
    assert list(fields) == list(schema_of("recipes")["properties"])
    assert (fields["epochs"], fields["hidden"], fields["patience"]) == (3, [500], 2)
    fields["hidden"].append(1)
    assert make_recipe({}).hidden == [500], "defaults are copies"
