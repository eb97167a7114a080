"""Write a trained network or ensemble as one file of ONNX, which needs neither this project nor PyTorch, with a model card.

The network takes pixels as image files hold them and gives calibrated probabilities; whatever lies between is inside. Before
anything is written, onnxruntime's answers on all test images are compared with those that were recorded.
"""

import argparse
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
import yaml

from digits.core.command import UserError, log, run
from digits.core.files import read_seal, whole_files
from digits.core.options import command_parser
from digits.data.datasheet import load_datasheet
from digits.data.examples import at_once
from digits.data.tensors import Split, load_split
from digits.networks.weights import load_networks, require_trained
from digits.rendering.model_card import Checked, model_card
from digits.settings.schema import schema_of
from digits.statistics.predictions import Predictions, load_predictions, require_same_images
from digits.statistics.runs import read_measures

CLOSE = 1e-6  # how far probabilities may differ, times the largest score: float32 has seven digits of it


def of_mnist(images: Path) -> bool:
    """Whether the seal of a file of tensors says that it was made from MNIST's own files."""
    files = schema_of("dataset")["properties"]["sha256"]["properties"].values()
    return {file["default"] for file in files} <= set((read_seal(images) or {}).values())


def answers(model: bytes, images: np.ndarray) -> np.ndarray:
    """Return what onnxruntime makes of uint8 images [N, …]: probabilities, float32 [N, classes]."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    size = at_once(images.shape[1:])
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    return np.concatenate([session.run(None, {"images": batch})[0] for batch in batches])


def compare(probabilities: np.ndarray, scores: np.ndarray) -> Checked:
    """Compare probabilities with what the softmax makes of scores, both [N, classes]."""
    differ = probabilities.argmax(axis=1) != scores.argmax(axis=1)
    difference = np.abs(probabilities - scipy.special.softmax(scores, axis=1)).max()
    return Checked(len(scores), float(difference), int(differ.sum()))


def require_one_run(
    args: argparse.Namespace,
    training: Mapping[str, Any],
    measures: Mapping[str, Any],
    predictions: Predictions,
    test: Split,
) -> None:
    """Stop where the files that were named are not of one run and its test images."""
    for key in ("model", "seed"):
        if measures[key] != training[key]:
            raise UserError(f"{args.metrics}: of {key} {measures[key]}, but {args.weights} is of {training[key]}")
    require_same_images(args.images, test.labels, args.predictions, predictions.labels)
    if list(test.images.shape[1:]) != training["shape"] or test.classes != training["classes"]:
        raise UserError(f"{args.images}: of another size or other classes than {args.weights} was trained on")


def main() -> None:
    parser = command_parser("export_onnx", __doc__)
    parser.file("--weights", "weights of the network, from digits.train or digits.combine")
    parser.file("--metrics", "measures of the run, from digits.evaluate or digits.combine")
    parser.file("--predictions", "its scores of the test images, from the same")
    parser.file("--images", "test.safetensors, from digits.convert")
    parser.file("--datasheet", "datasheet.json, from digits.convert")
    parser.file("--citation", "CITATION.cff")
    parser.output("--model", "ONNX file to write")
    parser.output("--card", "model card to write, in Markdown")
    args = parser.parse_args()

    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        raise UserError("onnx and onnxruntime are not installed; install them with make export-env")
    from digits.networks.onnx_graph import onnx_model

    require_trained(args.weights)
    networks, outputs, training = load_networks(args.weights)
    measures, predictions = read_measures(args.metrics), load_predictions(args.predictions)
    test = load_split(args.images)
    require_one_run(args, training, measures, predictions, test)

    temperature, classes = measures["temperature"], [test.classes[number] for number in outputs]
    facts = {
        **{key: training[key] for key in ("model", "seed")},
        "classes": classes,
        "temperature": temperature,
        "weights_sha256": args.made_from[args.weights],
    }
    model = onnx_model(networks, training["recipe"]["network"], training["shape"], temperature, facts)
    scores = predictions.logits[:, outputs].astype(np.float64) / (temperature or 1.0)
    checked = compare(answers(model, test.images), scores)
    log(
        f"{training['model']}, seed {training['seed']}: on {checked.images:,} test images the probabilities of the exported "
        f"network differ by at most {checked.difference:.1e} from PyTorch's, and {checked.answers:,} answers differ"
    )
    if not checked.difference <= CLOSE * max(10.0, float(np.abs(scores).max())):
        raise UserError(f"{args.predictions}: not the predictions of {args.weights}; delete both and start again")
    citation = yaml.safe_load(args.citation.read_bytes())
    card = model_card(
        training=training,
        measures=measures,
        classes=classes,
        checked=checked,
        citation=citation | {"year": citation["date-released"].year},
        weights_sha256=facts["weights_sha256"],
        of_mnist=of_mnist(args.images),
        fit=load_datasheet(args.datasheet)["fit"],
    )
    with whole_files(args.model, args.card) as (model_part, card_part):
        model_part.write_bytes(model)
        card_part.write_text(card, encoding="utf-8")


if __name__ == "__main__":
    run(main)
