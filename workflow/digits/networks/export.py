"""A trained network as plain data, from which the report's page computes without torch: layers, sizes, exact weights."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from digits.core.arrays import read_arrays
from digits.core.files import written_by
from digits.networks.ensembles import split_members

EPSILON = 1e-5  # what torch's batch norm adds to each variance


def encode(array: np.ndarray, kind: str) -> str:
    """Return an array's bytes as base64, little-endian: kind is '<f4', '<u2' or 'u1'."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode()


def portable_network(path: Path, classes: list[str], shape: tuple[int, int]) -> dict[str, Any]:
    """Read the weights of a run, a network or an ensemble, for images of a shape; UserError, naming the file, if it is something else.

    Weights are float32 to the last bit, ordered so that the outputs lie beside each other: [inputs, outputs], and
    [height, width, inputs, outputs] for a convolution.
    """
    with written_by("digits.train", path):
        arrays, texts = read_arrays(path)
        training = json.loads(texts["training"])
        recipe = training["recipe"]
        if training["classes"] != classes:
            raise ValueError(f"trained on classes {training['classes']}, but the test images have {classes}")
        if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("something else than finite float32 numbers")
        outputs = [i for i, name in enumerate(classes) if not recipe["classes"] or name in recipe["classes"]]
        members = split_members(arrays, training["members"])
        return {
            "model": training["model"],
            "seed": training["seed"],
            "outputs": outputs,  # the class of each, by its number
            "crop": recipe["crop"],
            "shift": recipe["test_time_shift"],
            "members": [_member(member, recipe, shape, len(outputs)) for member in members],
        }


def _member(
    arrays: Mapping[str, np.ndarray], recipe: Mapping[str, Any], shape: tuple[int, int], outputs: int
) -> dict[str, Any]:
    convolutions, crop = recipe["convolutions"], recipe["crop"]
    normalised = recipe["pixels"] == "normalised"
    layers = _convolutions(arrays, convolutions, recipe) if convolutions else []
    inputs = layers[-1]["outputs"] if layers else (shape[0] - 2 * crop) * (shape[1] - 2 * crop)
    layers += _dense(arrays, bool(convolutions), len(recipe["hidden"]) + 1, inputs)
    if layers[-1]["outputs"] != outputs:
        raise ValueError(f"{layers[-1]['outputs']} outputs for {outputs} classes")
    return {
        "mean": float(arrays["pixel_mean"]) if normalised else 0.0,
        "std": float(arrays["pixel_std"]) if normalised else 1.0,
        "layers": layers,
    }


def _dense(arrays: Mapping[str, np.ndarray], by_torch: bool, count: int, inputs: int) -> list[dict[str, Any]]:
    """Describe dense layers, whose weights torch keeps as [outputs, inputs] and our own network the other way round."""
    layers = []
    for i in range(count):
        weights = arrays[f"dense.{i}.weight"].T if by_torch else arrays[f"w{i + 1}"]
        biases = arrays[f"dense.{i}.bias"] if by_torch else arrays[f"b{i + 1}"]
        if weights.shape != (inputs, len(biases)):
            raise ValueError(f"weights {list(weights.shape)} in a layer from {inputs} to {len(biases)} values")
        arrays_of = {"weights": encode(weights, "<f4"), "biases": encode(biases, "<f4")}
        layers.append({"kind": "dense", "inputs": inputs, "outputs": len(biases), **arrays_of})
        inputs = len(biases)
    return layers


def _convolutions(
    arrays: Mapping[str, np.ndarray], convolutions: list[list[int]], recipe: Mapping[str, Any]
) -> list[dict[str, Any]]:
    layers, inputs = [], 1
    for i, (channels, side, stride) in enumerate(convolutions):
        weights = arrays[f"convolutions.{i}.weight"]
        if weights.shape != (channels, inputs, side, side):
            raise ValueError(f"weights {list(weights.shape)} for {channels} channels of {inputs}×{side}×{side}")
        layer = {
            "kind": "convolution",
            "inputs": inputs,
            "outputs": channels,
            "side": side,
            "stride": stride,
            "border": side // 2 if recipe["padding"] else 0,
            "weights": encode(weights.transpose(2, 3, 1, 0), "<f4"),
            "biases": None if recipe["batch_norm"] else encode(arrays[f"convolutions.{i}.bias"], "<f4"),
            "norm": None,
        }
        if recipe["batch_norm"]:
            parts = {"mean": "running_mean", "variance": "running_var", "scale": "weight", "shift": "bias"}
            norm = {name: encode(arrays[f"norms.{i}.{part}"].reshape(channels), "<f4") for name, part in parts.items()}
            layer["norm"] = {**norm, "epsilon": EPSILON}
        layers.append(layer)
        inputs = channels
    return layers
