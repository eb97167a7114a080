"""Measure one trained network on the test images. No other command reads them for a network's sake.

Writes the scores of every test image and, as JSON, everything that is measured from them; for a recipe with snapshots
also the accuracy at each of those epochs.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from digits.lib.command import UserError, log, run
from digits.lib.files import whole_files, written_by
from digits.lib.metrics import evaluate_logits
from digits.lib.networks import simple_net
from digits.lib.recipes import Recipe, parse_recipe
from digits.lib.tensors import Split, load_split
from digits.lib.weights import as_params, load_weights


@torch.no_grad()
def predict(images: np.ndarray, params: list[torch.Tensor]) -> np.ndarray:
    """Return the scores, float32 [N, classes], of uint8 images [N, height, width]."""
    batches = torch.from_numpy(images).flatten(1).split(1000)
    return torch.cat([simple_net(batch.float().div_(255), params) for batch in batches]).numpy()


def snapshot_accuracies(path: Path, recipe: Recipe, test: Split) -> list[dict[str, Any]]:
    """Return the accuracy on the test images at each epoch whose weights the training kept."""
    tensors, _ = load_weights(path)
    pixels, classes = test.images[0].size, len(test.classes)
    rows = []
    for epoch in recipe.snapshots:
        prefix = f"epoch-{epoch}."
        at_epoch = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        logits = predict(test.images, as_params(path, at_epoch, recipe, pixels, classes))
        rows.append({"epoch": epoch, "accuracy": float((logits.argmax(axis=1) == test.labels).mean())})
    return rows


def last_validation_accuracy(history: Path) -> float | None:
    """Return the validation accuracy in a history's last line; None where no images were held out."""
    with written_by("digits.train", history), history.open(newline="") as file:
        rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no epochs")
        value = rows[-1]["validation_accuracy"]
        return float(value) if value != "" else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m digits.evaluate", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="test.safetensors, from digits.convert")
    parser.add_argument("--recipe", required=True, help="the recipe that the network was trained with, as JSON")
    parser.add_argument("--weights", type=Path, required=True, help="weights, from digits.train")
    parser.add_argument("--snapshots", type=Path, required=True, help="snapshots, from digits.train")
    parser.add_argument("--history", type=Path, required=True, help="history, from digits.train")
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
    params = as_params(args.weights, tensors, recipe, test.images[0].size, len(test.classes))
    logits = predict(test.images, params)
    measured = {
        "model": training["model"],
        "seed": training["seed"],
        "parameters": sum(p.numel() for p in params),
        "epochs": recipe.epochs,
        "train_size": training["train_size"],
        "validation_accuracy": last_validation_accuracy(args.history),
        "test": evaluate_logits(logits, test.labels, test.classes),
        "snapshots": snapshot_accuracies(args.snapshots, recipe, test),
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
