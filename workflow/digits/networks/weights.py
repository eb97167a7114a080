"""Weight files: what a network has learned, by name, and how it came to be."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from digits.core.arrays import read_arrays
from digits.core.command import UserError
from digits.core.files import written_by
from digits.core.seeding import generator_for
from digits.networks.network import Network, build_network
from digits.settings.recipes import Recipe

# What a header says; shape is that of an image, [height, width].
TRAINING = ("model", "seed", "recipe", "epochs", "train_size", "training_flops", "classes", "shape")


def named(network: Network) -> dict[str, Tensor]:
    """Return what a network has learned, by name, ready to be saved."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.named_tensors().items()}


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


def require_recipe(path: Path, training: Mapping[str, Any], recipe: Recipe) -> None:
    """Stop where a weights file's header names another recipe; tensors of the same shapes would not tell."""
    with written_by("digits.train", path):
        differences = _differences(training["recipe"], json.loads(json.dumps(dataclasses.asdict(recipe))))
    if differences:
        raise UserError(f"{path}: trained with another recipe ({differences}); delete it and start again")


def require_same_training(
    first: Path, first_training: Mapping[str, Any], second: Path, second_training: Mapping[str, Any]
) -> None:
    """Stop where the headers of two weights files are not of one training."""
    if differences := _differences(second_training, first_training):
        raise UserError(f"{second}: not of the same training as {first} ({differences}); delete both and start again")


def _differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key} {json.dumps(found[key])}, not {json.dumps(value)}"
        for key, value in expected.items()
        if found[key] != value
    )


def load_network(
    path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, shape: tuple[int, int], outputs: int
) -> Network:
    """Return a recipe's network, for images of a size, with a weights file's tensors; UserError where they do not fit."""
    network = build_network(recipe, shape, outputs, generator_for("initial weights, to be overwritten"))
    fill(network, tensors, path)
    return network


def fill(network: Network, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy a weights file's tensors into a network; UserError, naming the file, where they do not fit."""
    own = network.named_tensors()
    found, expected = ({name: list(tensor.shape) for name, tensor in part.items()} for part in (tensors, own))
    if found != expected:
        raise UserError(
            f"{path}: weights do not fit the recipe: found {_shapes(found)}, expected {_shapes(expected)}; delete it and start again"
        )
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not tensor.isfinite().all():
            raise UserError(
                f"{path}: {name} holds something else than finite float32 numbers; delete it and start again"
            )
    network.take(tensors)


def _shapes(shapes: Mapping[str, list[int]]) -> str:
    return (
        ", ".join(f"{name} {'×'.join(map(str, shape)) or '1'}" for name, shape in sorted(shapes.items()))
        or "no tensors"
    )
