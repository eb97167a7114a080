"""Measure one trained network on the test images. No other command reads them for a network's sake.

Writes the scores of every test image and, as JSON, everything that is measured from them; for a recipe with snapshots
also the accuracy at each of those epochs. The temperature is fitted on the training images that were held out.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.splitting import output_classes
from digits.data.tensors import Split, load_split
from digits.networks.network import Network, predict, widen
from digits.networks.weights import load_network, load_weights, require_recipe, require_same_training, restore
from digits.settings.fitting import fitted
from digits.settings.recipes import Recipe, parse_recipe
from digits.statistics.metrics import measure_run, read_label_errors
from digits.statistics.predictions import Predictions, load_validation, save_predictions


def snapshot_accuracies(
    path: Path, tensors: Mapping[str, Tensor], recipe: Recipe, network: Network, test: Split
) -> list[dict[str, Any]]:
    """Return the accuracy on the test images of the recipe's classes at each epoch whose weights the training kept."""
    outputs = output_classes(recipe, test.classes)
    counted = np.flatnonzero(np.isin(test.labels, outputs))
    rows = []
    for epoch in recipe.snapshots:
        prefix = f"epoch-{epoch}."
        at_epoch = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        restore(network, at_epoch, path)
        scores = predict(network, test.images, torch.from_numpy(counted))
        predicted = np.array(outputs)[scores.argmax(dim=1).numpy()]
        rows.append({"epoch": epoch, "accuracy": float((predicted == test.labels[counted]).mean())})
    return rows


def main() -> None:
    parser = command_parser("evaluate", __doc__)
    parser.file("--images", "test.safetensors, from digits.convert")
    parser.add_argument("--recipe", required=True, help="the recipe that the network was trained with, as JSON")
    parser.file("--weights", "weights, from digits.train")
    parser.file("--snapshots", "snapshots, from digits.train")
    parser.file("--validation", "scores of the held-out images, from digits.train")
    parser.add_argument("--label-errors", default="[]", help="suspected label errors: image numbers, as JSON")
    parser.output("--predictions", "safetensors file to write: the scores")
    parser.output("--metrics", "JSON file to write: the measures")
    args = parser.parse_args()

    torch.set_num_threads(1)
    recipe = parse_recipe(args.recipe)
    test = load_split(args.images)
    tensors, training = load_weights(args.weights)
    if training["classes"] != test.classes:
        raise UserError(
            f"{args.weights}: trained on classes {training['classes']}, but {args.images} has {test.classes}; delete it and start again"
        )
    recipe = fitted(recipe, test.images.shape[1:], training["train_size"])
    require_recipe(args.weights, training, recipe)
    snapshots, snapshots_training = load_weights(args.snapshots)
    require_recipe(args.snapshots, snapshots_training, recipe)
    require_same_training(args.weights, training, args.snapshots, snapshots_training)
    outputs = output_classes(recipe, test.classes)
    network = load_network(args.weights, tensors, recipe, test.images.shape[1:], len(outputs))
    held_out = load_validation(args.validation, len(test.classes))
    label_errors = read_label_errors(args.label_errors, len(test.images))
    logits = widen(predict(network, test.images), outputs, len(test.classes)).numpy()
    scores = Predictions(logits, test.labels, np.isin(test.labels, outputs))
    parameters = sum(p.numel() for p in network.parameters())
    measured = {
        **measure_run(training, parameters, scores, held_out, label_errors),
        "snapshots": snapshot_accuracies(args.snapshots, snapshots, recipe, network, test),
    }
    with whole_files(args.predictions, args.metrics, made_from=args.made_from) as (predictions, metrics):
        save_predictions(predictions, scores)
        metrics.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    accuracy, (low, high) = measured["test"]["accuracy"], measured["test"]["interval"]
    run_of = f"{training['model']}, seed {training['seed']}"
    log(f"{run_of}: {accuracy:.2%} of the test images (95 % interval {low:.2%} to {high:.2%})")


if __name__ == "__main__":
    run(main)
