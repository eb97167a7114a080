"""Every recipe of the project's configuration files trains, briefly and on few images, to the same weights twice."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import ROOT, Command
from digits.settings.config import complete_config

PARTS = ("config", "ladder", "best")
OUTPUTS = ("weights", "snapshots", "validation", "history")


def recipes() -> dict[str, dict[str, Any]]:
    """The recipes of all files, each for two epochs of a few small batches."""
    config: dict[str, Any] = {"recipes": {}}
    for name in PARTS:
        config["recipes"] |= yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["recipes"]
    found: dict[str, dict[str, Any]] = complete_config({"models": ["linear"], "seeds": [0], **config})["recipes"]
    for recipe in found.values():
        recipe |= {"epochs": 2, "batch_size": 40, "validation_size": min(100, recipe["validation_size"])}
        recipe["learning_rate"] /= 10  # which small batches need
        recipe["snapshots"] = [1] if recipe["snapshots"] else []
        if recipe["hard_examples"] is not None:
            recipe["hard_examples"]["warmup_epochs"] = 1
    return found


RECIPES = recipes()


def train(command: Command, tensors: Path, folder: Path, name: str, *more: object) -> dict[str, bytes]:
    recipe = json.dumps(RECIPES[name])
    outputs = {option: folder / f"{name}.{option}" for option in OUTPUTS}
    line: list[object] = ["--images", tensors / "train.safetensors", "--model", name, "--seed", 0, "--recipe", recipe]
    for option, path in outputs.items():
        line += [f"--{option}", path]
    result = command("train", *line, *more)
    assert result.status == 0, result.output
    return {option: path.read_bytes() for option, path in outputs.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_twice_gives_the_same_weights(command: Command, tensors: Path, tmp_path: Path, name: str) -> None:
    more: list[object] = []
    if source := RECIPES[name]["features_of"]:
        train(command, tensors, tmp_path, source)
        more = ["--features", tmp_path / f"{source}.weights"]
    torch.manual_seed(1)  # of the draws that nobody should make
    first = copy.deepcopy(train(command, tensors, tmp_path, name, *more))
    torch.manual_seed(2)
    assert train(command, tensors, tmp_path, name, *more) == first
