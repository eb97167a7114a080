"""Combine independently trained networks into an ensemble: the mean of their probabilities is its prediction.

Reads what `train` and `evaluate` wrote of each member, and writes the same files for the ensemble: weights (those of all
members), predictions, scores of the held-out images and measures. No network runs here.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.networks.ensembles import join_members, mean_logits
from digits.networks.headers import read_weights
from digits.statistics.metrics import measure_run, read_label_errors
from digits.statistics.predictions import (
    Predictions,
    load_predictions,
    load_validation,
    require_same_images,
    save_predictions,
)
from digits.statistics.runs import read_measures

SAME = ("model", "recipe", "members", "train_size", "classes", "shape")  # in the members' headers


def join_weights(paths: Sequence[Path]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the tensors of all members, and the header of the ensemble but for its name and seed."""
    members: list[dict[str, np.ndarray]] = []
    headers: list[dict[str, Any]] = []
    for path in paths:
        arrays, header = read_weights(path)
        for key in SAME:
            if headers and header[key] != headers[0][key]:
                raise UserError(f"{path}: not of the same {key} as {paths[0]}; delete both and start again")
        members.append(arrays)
        headers.append(header)
    return join_members(members), {
        **headers[0],
        "members": len(headers),
        "epochs": max(header["epochs"] for header in headers),
        "training_flops": sum(header["training_flops"] for header in headers),
        "processors": sorted({kind for header in headers for kind in header["processors"]}),
    }


def join_predictions(paths: Sequence[Path]) -> Predictions:
    """Return the ensemble's predictions on the test images."""
    members = [load_predictions(path) for path in paths]
    for path, member in zip(paths, members, strict=True):
        require_same_images(paths[0], members[0].labels, path, member.labels)
        same_classes = member.logits.shape == members[0].logits.shape
        if not same_classes or not np.array_equal(member.counted, members[0].counted):
            raise UserError(f"{path}: not of the same classes as {paths[0]}; delete both and start again")
    logits = mean_logits([member.logits for member in members]).astype(np.float32)
    return Predictions(logits, members[0].labels, members[0].counted)


def join_validation(paths: Sequence[Path], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ensemble's logits and the labels of the images that its members held out."""
    members = [load_validation(path, classes) for path in paths]
    for path, (_, labels) in zip(paths, members, strict=True):
        require_same_images(paths[0], members[0][1], path, labels)
    return mean_logits([logits for logits, _ in members]).astype(np.float32), members[0][1]


def main() -> None:
    parser = command_parser("combine", __doc__)
    parser.add_argument("--model", required=True, help="the ensemble's name")
    parser.add_argument("--seed", type=int, required=True, help="the ensemble's seed")
    kinds = {"weights": "train", "predictions": "evaluate", "validation": "train", "metrics": "evaluate"}
    for name, command in kinds.items():
        parser.files(f"--member-{name}", f"{name} of each member, from digits.{command}")
    parser.add_argument("--label-errors", default="[]", help="suspected label errors: image numbers, as JSON")
    parser.output("--weights", "safetensors file to write: the weights of all members")
    parser.output("--predictions", "safetensors file to write: log mean probabilities")
    parser.output("--validation", "safetensors file to write: the same of the images that all members held out")
    parser.output("--metrics", "JSON file to write: the measures")
    args = parser.parse_args()

    if len({len(getattr(args, f"member_{name}")) for name in kinds}) != 1:
        raise UserError("--member-…: different numbers of files; name one of each kind for each member, in one order")
    tensors, header = join_weights(args.member_weights)
    header |= {"model": args.model, "seed": args.seed}
    predictions = join_predictions(args.member_predictions)
    held_out = join_validation(args.member_validation, len(header["classes"]))
    label_errors = read_label_errors(args.label_errors, len(predictions.labels))
    parameters = sum(read_measures(path)["parameters"] for path in args.member_metrics)
    measured = {**measure_run(header, parameters, predictions, held_out, label_errors), "snapshots": []}
    targets = (args.weights, args.predictions, args.validation, args.metrics)
    with whole_files(*targets, made_from=args.made_from) as parts:
        weights_part, predictions_part, validation_part, metrics_part = parts
        weights_part.write_bytes(save(tensors, metadata={"training": json.dumps(header)}))
        save_predictions(predictions_part, predictions)
        validation_part.write_bytes(save(dict(zip(("logits", "labels"), held_out, strict=True))))
        metrics_part.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    accuracy = measured["test"]["accuracy"]
    log(f"{args.model}, seed {args.seed}: {accuracy:.2%} of the test images, {header['members']} members")


if __name__ == "__main__":
    run(main)
