"""Write what the report's page needs to answer questions: confusion matrices, the images behind them, networks to try.

Each model is represented by its first seed. The page computes with the networks itself; their weights are exact.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from digits.core.command import UserError, command_parser, log, run
from digits.core.files import whole_files
from digits.data.tensors import Split, load_split
from digits.networks.export import encode, portable_network
from digits.rendering.cells import Reading, images_to_show, reading
from digits.statistics.predictions import load_predictions, require_one_each, require_same_images
from digits.statistics.runs import chosen_model

IMAGES = 900  # shown at most; each takes about 200 bytes of the page
COLUMNS = 30  # images in a row of the picture that holds them all
LIKELIEST = 3  # classes whose probability is shown
MISTAKES = 6  # examples that the chosen model misclassifies


def picture(images: np.ndarray) -> str:
    """Tile images into one PNG of 16 greys, dark on light, in base64."""
    count, height, width = images.shape
    rows = -(-count // COLUMNS)
    grid = np.zeros((rows * COLUMNS, height, width), np.uint8)
    grid[:count] = images
    whole = grid.reshape(rows, COLUMNS, height, width).swapaxes(1, 2).reshape(rows * height, COLUMNS * width)
    sheet = Image.fromarray(((2 * whole.astype(int) + 17) // 34).astype(np.uint8))
    sheet.putpalette([255 - 17 * grey for grey in range(16) for _ in "rgb"])
    file = io.BytesIO()
    sheet.save(file, "PNG", bits=4, optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def likeliest(probabilities: np.ndarray) -> list[float]:
    """Return the likeliest classes and their probabilities in turn: [class, probability, class, …], the likeliest first."""
    order = np.argsort(-probabilities, kind="stable")[:LIKELIEST]
    shown = [(int(i), round(float(probabilities[i]), 3)) for i in order]
    return [value for pair in shown if pair == shown[0] or pair[1] > 0 for value in pair]


def examples(test: Split, chosen: Reading) -> list[dict[str, Any]]:
    """Return the first correctly classified image of each class, and the chosen model's most confident mistakes."""
    right = [min(chosen.cells[c, c]) for c in range(len(test.classes)) if (c, c) in chosen.cells]
    wrong = [number for (true, read), numbers in chosen.cells.items() if true != read for number in numbers]
    confidence = chosen.probabilities.max(axis=1)
    wrong = sorted(wrong, key=lambda number: (-confidence[number], number))[:MISTAKES]
    return [
        {"number": number, "label": int(test.labels[number]), "pixels": encode(test.images[number], "u1")}
        for number in [*right, *wrong]
    ]


def main() -> None:
    parser = command_parser("explore", __doc__)
    parser.file("--test", "test.safetensors, from digits.convert")
    parser.file("--summary", "summary.csv, from digits.summarise")
    parser.add_argument("--models", nargs="+", required=True, help="the models' names, in the report's order")
    parser.files("--predictions", "predictions of each model, from digits.evaluate")
    parser.add_argument("--weights", nargs="*", type=Path, default=[], help="weights of the networks to try")
    parser.file("--explorer", "JSON file to write")
    args = parser.parse_args()

    test = load_split(args.test)
    require_one_each(args.models, args.predictions)
    readings = {}
    for model, path in zip(args.models, args.predictions, strict=True):
        predictions = load_predictions(path)
        require_same_images(args.test, test.labels, path, predictions.labels)
        readings[model] = reading(predictions)
    chosen = chosen_model(args.summary)
    if chosen not in readings:
        raise UserError(f"{args.summary}: chose {chosen}, which is not among --models; delete it and start again")
    height, width = test.images.shape[1:]
    if args.weights and height != width:
        log(f"Images of {height}×{width} pixels are not square, so the page has nothing to draw on.")
        args.weights = []
    cells, numbers = images_to_show({name: found.cells for name, found in readings.items()}, chosen, IMAGES)
    explorer = {
        "classes": test.classes,
        "shape": [height, width],
        "chosen": chosen,
        "images": {"numbers": numbers, "columns": COLUMNS, "picture": picture(test.images[numbers])},
        "models": [
            {
                "name": model,
                "confusion": found.confusion.tolist(),
                "cells": [
                    [true, read, [[number, *likeliest(found.probabilities[number])] for number in behind]]
                    for (true, read), behind in sorted(cells[model].items())
                ],
            }
            for model, found in readings.items()
        ],
        "networks": [portable_network(path, test.classes, (height, width)) for path in args.weights],
        "examples": examples(test, readings[chosen]) if args.weights else [],
    }
    with whole_files(args.explorer) as (part,):
        part.write_text(json.dumps(explorer, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
