"""Measure one trained network on the test images. No other command reads them for a network's sake.

Writes the scores of every test image and, as JSON, everything that is measured from them; for a recipe with snapshots
also the accuracy at each of those epochs.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from digits.lib.command import UserError, log, run
from digits.lib.examples import output_classes
from digits.lib.files import whole_files, written_by
from digits.lib.metrics import evaluate_logits
from digits.lib.networks import Network, build_network, generator_for, predict, widen
from digits.lib.recipes import Recipe, parse_recipe
from digits.lib.tensors import Split, load_split, read_arrays
from digits.lib.weights import fill, load_weights


def snapshot_accuracies(path: Path, recipe: Recipe, network: Network, test: Split) -> list[dict[str, Any]]:
    """Return the accuracy on the test images at each epoch whose weights the training kept."""
    tensors, _ = load_weights(path)
    rows = []
    for epoch in recipe.snapshots:
        prefix = f"epoch-{epoch}."
        at_epoch = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        fill(network, at_epoch, path)
        predicted = predict(network, test.images).argmax(dim=1).numpy()
        rows.append({"epoch": epoch, "accuracy": float((predicted == test.labels).mean())})
    return rows


def validation_accuracy(path: Path) -> float | None:
    """Return the accuracy on the images that the training held out; None where it held out none."""
    with written_by("digits.train", path):
        arrays, _ = read_arrays(path)
        right = arrays["logits"].argmax(axis=1) == arrays["labels"]
        return float(right.mean()) if len(right) else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m digits.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="test.safetensors, from digits.convert")
    parser.add_argument("--recipe", required=True, help="the recipe that the network was trained with, as JSON")
    parser.add_argument("--weights", type=Path, required=True, help="weights, from digits.train")
    parser.add_argument("--snapshots", type=Path, required=True, help="snapshots, from digits.train")
    parser.add_argument(
        "--validation", type=Path, required=True, help="scores of the images held out, from digits.train"
    )
    parser.add_argument("--predictions", type=Path, required=True, help="safetensors file to write: the scores")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file to write: the measures")
    args = parser.parse_args()

    torch.set_num_threads(1)
    recipe = parse_recipe(args.recipe)
    test = load_split(args.images)
    tensors, training = load_weights(args.weights)
    if training["classes"] != test.classes:
        raise UserError(
            f"{args.weights}: trained on classes {training['classes']}, but {args.images} has {test.classes}; delete it and start again"
        )
    outputs = output_classes(recipe, test.classes)
    shape = (test.images.shape[1], test.images.shape[2])
    network = build_network(recipe, shape, len(outputs), generator_for("initial weights, to be overwritten"))
    fill(network, tensors, args.weights)
    logits = widen(predict(network, test.images), outputs, len(test.classes)).numpy()
    counted = np.isin(test.labels, outputs)
    measured = {
        "model": training["model"],
        "seed": training["seed"],
        "parameters": sum(p.numel() for p in network.parameters()),
        "epochs": training["epochs"],
        "train_size": training["train_size"],
        "training_flops": training["training_flops"],
        "validation_accuracy": validation_accuracy(args.validation),
        "test": evaluate_logits(logits[counted], test.labels[counted], test.classes),
        "snapshots": snapshot_accuracies(args.snapshots, recipe, network, test),
    }
    with whole_files(args.predictions, args.metrics) as (predictions, metrics):
        predictions.write_bytes(save({"logits": logits}))
        metrics.write_text(json.dumps(measured, indent=2) + "\n")
    accuracy, (low, high) = measured["test"]["accuracy"], measured["test"]["interval"]
    log(
        f"{training['model']}, seed {training['seed']}: {accuracy:.2%} of the test images (95 % interval {low:.2%} to {high:.2%})"
    )


if __name__ == "__main__":
    run(main)
