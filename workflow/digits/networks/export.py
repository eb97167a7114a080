"""A trained network as plain data, from which the report's page computes without torch: layers, sizes, exact weights."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digits.core.files import written_by
from digits.networks.ensembles import mean_logits, split_members
from digits.networks.headers import read_weights

HALF_MAX = float(np.finfo(np.float16).max)  # larger numbers have no half precision
EPSILON = 1e-5  # what torch's batch norm adds to each variance


def encode(array: np.ndarray, kind: str) -> str:
    """Return an array's bytes as base64, little-endian: kind is '<f4', '<u2' or 'u1'."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode()


def portable_network(path: Path, classes: list[str], images: np.ndarray) -> dict[str, Any]:
    """Read the weights of a run, a network or an ensemble; UserError, naming the file, if it is something else.

    Weights are ordered so that the outputs lie beside each other: [inputs, outputs], and [height, width, inputs, outputs] for
    a convolution; a coloured image's channels lie beside each other, too. They are float32 to the last bit, but those of a dense
    network, which are many, are rounded to float16; `changed` counts of the images, uint8 [N, height, width] or
    [N, 3, height, width], those whose prediction this changes. Of a network with a sigmoid for each class, `none` counts the
    images for which all of them are below 0.5.
    """
    arrays, training = read_weights(path)
    with written_by("digits.train", path):
        recipe = training["recipe"]
        if training["classes"] != classes:
            raise ValueError(f"trained on classes {training['classes']}, but the test images have {classes}")
        outputs = [i for i, name in enumerate(classes) if not recipe["classes"] or name in recipe["classes"]]
        members = split_members(arrays, training["members"])
        shape, sigmoids = images.shape[1:], recipe["loss"] != "cross_entropy" and len(members) == 1
        dense = not recipe["convolutions"] and not recipe["test_time_shift"]
        half = dense and all(bool((abs(array) <= HALF_MAX).all()) for member in members for array in member.values())
        shown = [_member(member, recipe, shape, len(outputs), "<f2" if half else "<f4") for member in members]
        changed, none = 0, None
        if half:
            x = _inputs(members[0], recipe, images)
            exact, rounded = (_scores(members, x, kind) for kind in (np.float32, np.float16))
            changed = int((exact.argmax(axis=1) != rounded.argmax(axis=1)).sum())
            none = int((rounded < 0).all(axis=1).sum()) if sigmoids else None
        return {
            "model": training["model"],
            "seed": training["seed"],
            "outputs": outputs,  # the class of each, by its number
            "crop": recipe["crop"],
            "shift": recipe["test_time_shift"],
            "sigmoids": sigmoids,
            "half": half,
            "changed": changed,
            "none": none,
            "members": shown,
        }


def _scores(members: Sequence[Mapping[str, np.ndarray]], x: np.ndarray, kind: type[np.floating[Any]]) -> np.ndarray:
    """Return the scores of a dense network with weights rounded to a kind of number; of several the mean probability's logarithm."""
    found = []
    for arrays in members:
        values = x
        for layer in range(1, len([name for name in arrays if name.startswith("w")]) + 1):
            values = np.maximum(values, 0) if layer > 1 else values
            values = values @ arrays[f"w{layer}"].astype(kind).astype(np.float32) + arrays[f"b{layer}"]
        found.append(values)
    return found[0] if len(found) == 1 else mean_logits(found)


def _inputs(arrays: Mapping[str, np.ndarray], recipe: Mapping[str, Any], images: np.ndarray) -> np.ndarray:
    """Return what a dense network's first layer sees of images, float32 [N, pixels]."""
    crop, (height, width) = recipe["crop"], images.shape[-2:]
    x = images[..., crop : height - crop, crop : width - crop].astype(np.float32) / 255
    if recipe["pixels"] == "normalised":
        x = (x - arrays["pixel_mean"]) / arrays["pixel_std"]
    return x.reshape(len(x), -1)


def _member(
    arrays: Mapping[str, np.ndarray], recipe: Mapping[str, Any], shape: tuple[int, ...], outputs: int, kind: str
) -> dict[str, Any]:
    convolutions, crop = recipe["convolutions"], recipe["crop"]
    normalised = recipe["pixels"] == "normalised"
    channels, height, width = shape if len(shape) == 3 else (1, *shape)
    seen = (channels, height - 2 * crop, width - 2 * crop)
    layers = _convolutions(arrays, convolutions, recipe, channels) if convolutions else []
    first = layers[-1]["outputs"] if layers else seen
    layers += _dense(arrays, bool(convolutions), len(recipe["hidden"]) + 1, first, kind)
    if layers[-1]["outputs"] != outputs:
        raise ValueError(f"{layers[-1]['outputs']} outputs for {outputs} classes")
    return {
        "mean": _by_channel(arrays["pixel_mean"], channels) if normalised else [0.0] * channels,
        "std": _by_channel(arrays["pixel_std"], channels) if normalised else [1.0] * channels,
        "layers": layers,
    }


def _by_channel(numbers: np.ndarray, channels: int) -> list[float]:
    if numbers.size != channels:
        raise ValueError(f"{numbers.size} means or deviations of pixels for {channels} channels")
    return [float(number) for number in numbers.ravel()]


def _dense(
    arrays: Mapping[str, np.ndarray], by_torch: bool, count: int, first: int | tuple[int, int, int], kind: str
) -> list[dict[str, Any]]:
    """Describe dense layers, whose weights torch keeps as [outputs, inputs] and our own network the other way round.

    The first reads so many values, or an image of this shape: channels, height, width.
    """
    layers, inputs = [], first if isinstance(first, int) else int(np.prod(first))
    for i in range(count):
        weights = arrays[f"dense.{i}.weight"].T if by_torch else arrays[f"w{i + 1}"]
        biases = arrays[f"dense.{i}.bias"] if by_torch else arrays[f"b{i + 1}"]
        if weights.shape != (inputs, len(biases)):
            raise ValueError(f"weights {list(weights.shape)} in a layer from {inputs} to {len(biases)} values")
        if i == 0 and not isinstance(first, int):
            weights = np.moveaxis(weights.reshape(*first, -1), 0, 2)
        arrays_of = {"weights": encode(weights, kind), "biases": encode(biases, "<f4")}
        layers.append({"kind": "dense", "inputs": inputs, "outputs": len(biases), **arrays_of})
        inputs = len(biases)
    return layers


def _convolutions(
    arrays: Mapping[str, np.ndarray], convolutions: list[list[int]], recipe: Mapping[str, Any], inputs: int
) -> list[dict[str, Any]]:
    layers = []
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
