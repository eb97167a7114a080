"""Write what the report's page needs to answer questions: every model's predictions, images, networks to try.

Each model is represented by its first seed. The page computes with the networks itself.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.datasheet import load_datasheet
from digits.data.tensors import Split, load_split
from digits.networks.export import encode, portable_network
from digits.rendering.answers import Answers, answers, wanted_images
from digits.rendering.class_map import circle_order, places, softened
from digits.rendering.form import MANY, last_axis
from digits.rendering.kinds import WHOLE, label_kind
from digits.rendering.sheet import image_sheet
from digits.statistics.metrics import read_label_errors
from digits.statistics.predictions import load_predictions, require_one_each, require_same_images
from digits.statistics.runs import chosen_model, read_measures

PICTURE = 150_000  # bytes of the picture that holds the images; a third more in the page
UNCOUNTED = 65_535  # in place of a probability: the model was not tested on this image
MISTAKES = 6  # examples that the chosen model misclassifies
MAPPED = 100  # classes on the map, at most
PIXELS = 100_000  # bytes of all examples, at most
NETWORKS = 6_000_000  # and of all networks, as they stand in the page


def shown_model(
    model: str, measures: dict[str, Any], found: Answers, layout: np.ndarray | None, sigmoids: bool
) -> dict[str, Any]:
    """Return what the page knows of a model; of each test image the prediction, its probability and its place on the map."""
    confusion = measures["test"]["confusion"]
    shares = np.where(found.counted, np.rint(WHOLE * found.share), UNCOUNTED)
    return {
        "name": model,
        "seed": measures["seed"],
        "temperature": measures["temperature"],
        "sigmoids": sigmoids,
        "confusion": confusion if len(confusion) <= MANY else None,
        "read": encode(found.read, label_kind(len(confusion))),
        "shares": encode(shares, "<u2"),
        "places": None if layout is None else encode(layout, "u1"),
    }


def measures_of(model: str, path: Path) -> dict[str, Any]:
    """Read what was measured of a model's run; UserError where it is about another model."""
    measures = read_measures(path)
    if measures["model"] != model:
        raise UserError(f"{path}: it is about {measures['model']}, but --models has {model} in its place")
    return measures


def examples(test: Split, chosen: Answers) -> list[dict[str, Any]]:
    """Return the first correctly classified image of each class, and the chosen model's most confident mistakes.

    Of many classes, or large images, as many of each as PIXELS has room for; their pixels have the channels as last axis.
    """
    order, wrong = chosen.worst_first(), chosen.wrong()
    right = np.flatnonzero(chosen.counted & ~wrong)
    firsts = right[np.unique(test.labels[right], return_index=True)[1]]
    room = max(2, PIXELS // test.images[0].size)
    wrongs = order[wrong[order]][: min(MISTAKES, room // 2)]
    numbers = [*firsts.tolist()[: room - len(wrongs)], *wrongs.tolist()]
    return [
        {"number": number, "label": int(test.labels[number]), "pixels": encode(pixels, "u1")}
        for number, pixels in zip(numbers, last_axis(test.images[numbers]), strict=True)
    ]


def networks_to_try(paths: Sequence[Path], test: Split) -> list[dict[str, Any]]:
    """Return the networks of weights files that the page has room for, in their order; say which it has not."""
    networks, room = [], NETWORKS
    for path in paths:
        network = portable_network(path, test.classes, test.images)
        size = len(json.dumps(network))
        if size <= room:
            networks.append(network)
            room -= size
        else:
            log(
                f"{path}: {size:,} bytes in the page, which has room for {room:,}; left out of the networks to try on the page"
            )
    return networks


def main() -> None:
    parser = command_parser("explore", __doc__)
    parser.file("--test", "test.safetensors, from digits.convert")
    parser.file("--datasheet", "datasheet.json, from digits.convert")
    parser.file("--summary", "summary.csv, from digits.summarise")
    parser.add_argument("--models", nargs="+", required=True, help="the models' names, in the report's order")
    parser.files("--predictions", "predictions of each model, from digits.evaluate")
    parser.files("--metrics", "metrics.json of each model, with its temperature, from digits.evaluate")
    parser.add_argument("--sigmoids", nargs="*", default=[], help="the models trained with a sigmoid for each class")
    parser.add_argument("--label-errors", default="[]", help="suspected label errors: image numbers, as JSON")
    parser.file("--weights", "weights of the networks to try", nargs="*", default=[], required=False)
    parser.output("--explorer", "JSON file to write")
    args = parser.parse_args()

    test = load_split(args.test)
    require_one_each(args.models, args.predictions)
    if len(args.metrics) != len(args.models):
        raise UserError(
            f"--metrics: {len(args.metrics)} files for {len(args.models)} models; name one for each, in their order"
        )
    chosen = chosen_model(args.summary)
    if chosen not in args.models:
        raise UserError(f"{args.summary}: chose {chosen}, which is not among --models; delete it and start again")
    predictions = {model: load_predictions(path) for model, path in zip(args.models, args.predictions, strict=True)}
    for path, scores in zip(args.predictions, predictions.values(), strict=True):
        require_same_images(args.test, test.labels, path, scores.labels)
    measures = {model: measures_of(model, path) for model, path in zip(args.models, args.metrics, strict=True)}
    found = {model: answers(scores, measures[model]["temperature"]) for model, scores in predictions.items()}
    form, classes = load_datasheet(args.datasheet)["form"], len(test.classes)
    # On a circle two classes are a line, and a thousand a blot: nothing to see.
    order = circle_order(softened(predictions[chosen].logits)) if 2 < classes <= MAPPED else []
    layouts = {
        model: places(softened(scores.logits), order) if order else None for model, scores in predictions.items()
    }
    wanted = wanted_images(list(found.values()), args.models.index(chosen), classes)
    networks = networks_to_try(args.weights, test)
    explorer = {
        "classes": test.classes,
        "shape": [*test.images.shape[-2:]],
        "channels": test.images.shape[1] if test.images.ndim == 4 else 1,
        "form": form,
        "chosen": chosen,
        "labels": encode(test.labels, label_kind(classes)),
        "suspected": read_label_errors(args.label_errors, len(test.images)),
        "circle": order,
        "images": image_sheet(test.images, wanted, PICTURE, form),
        "models": [
            shown_model(model, measures[model], found[model], layouts[model], model in args.sigmoids)
            for model in args.models
        ],
        "networks": networks,
        "examples": examples(test, found[chosen]) if networks else [],
    }
    with whole_files(args.explorer, made_from=args.made_from) as (part,):
        part.write_text(json.dumps(explorer, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
