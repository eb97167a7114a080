"""Weight files: what networks have learned, by name, and how it came to be."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from digits.core.command import UserError
from digits.core.files import made_anew, written_by
from digits.core.seeding import generator_for
from digits.data.splitting import output_classes
from digits.networks.ensembles import split_members
from digits.networks.headers import read_weights
from digits.networks.network import Network, build_network
from digits.settings.recipes import Recipe, parse_recipe


def learned(network: Network) -> dict[str, Tensor]:
    """Return a copy of what a network has learned, by name: w1, b1, … or convolutions.0.weight, …"""
    return {
        name.removeprefix("body."): tensor.detach().cpu().contiguous().clone()
        for name, tensor in network.state_dict().items()
    }


def require_fit(network: Network, tensors: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
    """Return the network's own tensors by name; UserError, naming the source, where the others have other names or shapes."""
    own = {name.removeprefix("body."): tensor for name, tensor in network.state_dict().items()}
    found, expected = ({name: list(tensor.shape) for name, tensor in part.items()} for part in (tensors, own))
    if found != expected:
        only_found, only_expected = (
            {name: shape for name, shape in one.items() if other.get(name) != shape}
            for one, other in ((found, expected), (expected, found))
        )
        raise UserError(
            f"{source}: weights do not fit the recipe: found {_shapes(only_found)}, expected {_shapes(only_expected)}; "
            "delete it and start again"
        )
    return own


@torch.no_grad()
def restore(network: Network, tensors: Mapping[str, Tensor], source: object) -> None:
    """Copy what `learned` returned into a network; UserError, naming the source, if it does not fit."""
    own = require_fit(network, tensors, source)
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not tensor.isfinite().all():
            raise UserError(f"{source}: {name} is not made of finite float32 numbers; delete it and start again")
        own[name].copy_(tensor)


def save_weights(path: Path, tensors: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
    """Write tensors as safetensors, with the facts of their training in the header."""
    path.write_bytes(save(dict(tensors), metadata={"training": json.dumps(training)}))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what save_weights wrote; UserError, naming the file, if it is something else."""
    arrays, training = read_weights(path)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, training


def require_trained(path: Path) -> None:
    """Stop where a run's weights are not there, and say which models' are, or where they are of other images than are now."""
    if path.exists():
        if source := made_anew(path):
            raise UserError(
                f"{path}: left from an earlier configuration, and {source} has been made anew since; build the configuration "
                "that has this model, or choose another"
            )
        return
    there = sorted({found.parts[-3] for found in path.parent.parent.parent.glob("*/seed-*/weights.safetensors")})
    advice = (
        f"choose by MODEL= and SEED= among {', '.join(there)}"
        if there
        else "`make report` trains the configuration's models"
    )
    raise UserError(f"{path}: not there{'' if there else ' yet'}; {advice}")


def load_networks(path: Path) -> tuple[list[Network], list[int], dict[str, Any]]:
    """Return a weights file's network, or the members of its ensemble, the classes of their outputs, and the header."""
    tensors, training = load_weights(path)
    members, shape = split_members(tensors, training["members"]), training["shape"]
    with written_by("digits.train", path):
        try:
            recipe = parse_recipe(json.dumps(training["recipe"]))
            outputs = output_classes(recipe, training["classes"])
            with torch.device("meta"):  # no memory is taken until the shapes are known to be those of the tensors
                outline = build_network(recipe, shape, len(outputs), generator_for("none"))
        except (UserError, RuntimeError) as error:
            raise ValueError(str(error)) from error
    for member in members:
        require_fit(outline, member, path)
    return [load_network(path, member, recipe, shape, len(outputs)) for member in members], outputs, training


def load_network(
    path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, shape: Sequence[int], outputs: int
) -> Network:
    """Return a recipe's network, for images of a shape, with a weights file's tensors; UserError if they do not fit."""
    network = build_network(recipe, shape, outputs, generator_for("initial weights, to be overwritten"))
    restore(network, tensors, path)
    return network


def require_recipe(path: Path, training: Mapping[str, Any], recipe: Recipe) -> None:
    """Stop if a weights file's header names another recipe; tensors of the same shapes would not tell."""
    with written_by("digits.train", path):
        differences = _differences(training["recipe"], json.loads(json.dumps(recipe.header())))
    if differences:
        raise UserError(f"{path}: trained with another recipe ({differences}); delete it and start again")


def require_same_training(
    first: Path, first_training: Mapping[str, Any], second: Path, second_training: Mapping[str, Any]
) -> None:
    """Stop if the headers of two weights files are not of one training."""
    if differences := _differences(second_training, first_training):
        raise UserError(f"{second}: not of the same training as {first} ({differences}); delete both and start again")


def _differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    both = ((key, found.get(key), expected.get(key)) for key in {**expected, **found})
    return "; ".join(f"{key} {json.dumps(one)}, not {json.dumps(other)}" for key, one, other in both if one != other)


def _shapes(shapes: Mapping[str, list[int]]) -> str:
    named = [f"{name[:40]} {'×'.join(map(str, shape)) or '1'}" for name, shape in sorted(shapes.items())]
    return ", ".join(named[:3] + ["…"] * (len(named) > 3)) or "no tensors"
