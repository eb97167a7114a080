"""Every recipe of the project's configuration files trains, briefly and on few images, to the same bits twice."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import ROOT, Ran
from digits.settings.config import complete_config
from digits.settings.recipes import AUTO
from project import built_by, outputs

PARTS = ("config", "ladder", "best", "fast")


def recipes() -> dict[str, dict[str, Any]]:
    """The recipes of all files, each for two epochs of a few small batches."""
    config: dict[str, Any] = {"recipes": {}}
    for name in PARTS:
        config["recipes"] |= yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["recipes"]
    found: dict[str, dict[str, Any]] = complete_config({"models": ["linear"], "seeds": [0], **config})["recipes"]
    for recipe in found.values():
        recipe |= {"epochs": 2, "batch_size": 40, "validation_size": min(100, recipe["validation_size"])}
        if recipe["learning_rate"] != AUTO:
            recipe["learning_rate"] /= 10  # which small batches need
        recipe["snapshots"] = [1] if recipe["snapshots"] else []
        if recipe["hard_examples"] is not None:
            recipe["hard_examples"]["warmup_epochs"] = 1
    return found


RECIPES = recipes()


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_bits_twice(ran: Ran, trained: Path, target: Path, name: str) -> None:
    def train(seed: int, model: str, *more: object) -> dict[str, bytes]:
        torch.manual_seed(seed)  # of the samples that nobody should take
        ran("train", trained, target, "--model", model, "--recipe", json.dumps(RECIPES[model]), *more)
        return built_by("train", target)

    more: list[object] = []
    if source := RECIPES[name]["features_of"]:
        train(0, source)
        more = ["--features", shutil.copy(target / outputs("train")["weights"], target / "features")]
    assert train(1, name, *more) == train(2, name, *more)
