"""Weight files: a network's parameters by name, and how they came to be."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from digits.lib.command import UserError
from digits.lib.files import written_by
from digits.lib.recipes import Recipe
from digits.lib.tensors import read_arrays

TRAINING = ("model", "seed", "recipe", "train_size", "classes")  # what a header says


def named(params: Sequence[Tensor]) -> dict[str, Tensor]:
    """Name parameters as the tutorial does: w1, b1, w2, b2, …"""
    return {f"{'wb'[i % 2]}{i // 2 + 1}": tensor.detach().cpu().contiguous() for i, tensor in enumerate(params)}


def save_weights(path: Path, tensors: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
    """Write tensors as safetensors, with what is to be known about their training in the header."""
    path.write_bytes(save(dict(tensors), metadata={"training": json.dumps(training)}))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what save_weights wrote; UserError, naming the file, where it is something else."""
    with written_by("digits.train", path):
        arrays, texts = read_arrays(path)
        training = json.loads(texts["training"])
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, {
            key: training[key] for key in TRAINING
        }


def as_params(path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, pixels: int, classes: int) -> list[Tensor]:
    """Order a weights file's tensors for `simple_net`; UserError where they do not fit the recipe and the images."""
    sizes = recipe.layer_sizes(pixels, classes)
    expected: dict[str, list[int]] = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        expected |= {f"w{layer}": [inputs, outputs], f"b{layer}": [outputs]}
    found = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if found != expected:
        raise UserError(
            f"{path}: weights do not fit the recipe: found {_shapes(found)}, "
            f"expected {_shapes(expected)} for {pixels} pixels, hidden {list(recipe.hidden)}, {classes} classes; delete it and start again"
        )
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not tensor.isfinite().all():
            raise UserError(
                f"{path}: {name} holds something else than finite float32 numbers; delete it and start again"
            )
    return [tensors[name] for name in expected]


def _shapes(shapes: Mapping[str, list[int]]) -> str:
    return ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in sorted(shapes.items())) or "no tensors"
