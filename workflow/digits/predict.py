"""Classify image files of your own with a trained network or ensemble: a table of probabilities, and a page that shows them.

A drawing, dark on light or light on dark, is brought into the form of MNIST's images first, as its authors did it.
Images of another data set are taken as they are (--as-is), as digits.convert takes image files.
"""

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.centring import centre
from digits.data.decoding import FORMATS, check_size, read_grey
from digits.data.ink import read_drawing
from digits.networks.ensembles import mean_logits
from digits.networks.network import predict, widen
from digits.networks.weights import load_networks
from digits.rendering.prediction_page import THUMBNAIL, Prediction, prediction_page


def read_as_is(name: str, content: bytes, shape: tuple[int, int]) -> tuple[Image.Image, np.ndarray]:
    """Return a file's picture and, the same, what the network takes; UserError where it has another size."""
    pixels = read_grey(name, content)
    if pixels.shape != shape:
        raise UserError(
            f"{name}: {pixels.shape[1]}×{pixels.shape[0]} pixels, but the network takes {shape[1]}×{shape[0]}; "
            "bring it to that size first, or leave out --as-is for something drawn or written"
        )
    return Image.fromarray(pixels), pixels


def read_drawn(name: str, content: bytes, shape: tuple[int, int]) -> tuple[Image.Image, np.ndarray]:
    """Return a file's picture and the drawing in it in the form of MNIST's images; UserError where nothing is drawn."""
    if shape[0] != shape[1]:
        raise UserError(
            f"{name}: a drawing is put into the middle of a square, but the network takes {shape[1]}×{shape[0]} pixels; "
            "use --as-is"
        )
    drawing = read_drawing(name, content)
    seen = centre(drawing.ink, shape[0])
    if seen is None:
        raise UserError(f"{name}: nothing is drawn on it; remove it, or draw darker or lighter than the paper")
    return drawing.picture, seen


def main() -> None:
    parser = command_parser("predict", __doc__)
    parser.file("--weights", "weights of the network, from digits.train")
    parser.add_argument("--images", type=Path, nargs="+", required=True, help=f"image files: {', '.join(FORMATS)}")
    parser.add_argument("--as-is", action="store_true", help="take the images as they are, without centring")
    parser.output("--table", "CSV file to write: one row per image")
    parser.output("--page", "HTML file to write")
    args = parser.parse_args()

    torch.set_num_threads(1)
    if not args.weights.exists():
        raise UserError(f"{args.weights}: not there yet; `make report` trains the configuration's models")
    networks, outputs, training = load_networks(args.weights)
    classes, shape = training["classes"], (training["shape"][0], training["shape"][1])

    names, pictures, seen = [], [], []
    for path in dict.fromkeys(args.images):
        names.append(str(path).encode(errors="backslashreplace").decode())
        check_size(names[-1], path.stat().st_size)
        picture, pixels = (read_as_is if args.as_is else read_drawn)(names[-1], path.read_bytes(), shape)
        picture.thumbnail((THUMBNAIL, THUMBNAIL))  # all are kept until the page is written
        pictures.append(picture)
        seen.append(pixels)
    members = [widen(predict(network, np.stack(seen)), outputs, len(classes)).numpy() for network in networks]
    probabilities = np.exp(mean_logits(members))
    predicted = [classes[number] for number in probabilities.argmax(axis=1)]

    title = f"Predictions of {training['model']}, seed {training['seed']}"
    about = (
        f"{training['model']}, trained on {training['train_size']:,} images of {len(outputs)} classes, classified "
        f"{len(names):,} {'image' if len(names) == 1 else 'images'}. It assigns every image to one of these "
        "classes, whatever the image shows."
    )
    shown = [Prediction(*parts) for parts in zip(names, pictures, seen, probabilities, strict=True)]
    with whole_files(args.table, args.page) as (table, page):
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file", "prediction", "probability", *classes])
            for name, answer, row in zip(names, predicted, probabilities, strict=True):
                writer.writerow([name, answer, *(f"{p:.6f}" for p in (row.max(), *row))])
        page.write_text(prediction_page(title, about, classes, shown), encoding="utf-8")
    for name, answer, row in zip(names, predicted, probabilities, strict=True):
        log(f"{name}: {answer} ({row.max():.1%})")


if __name__ == "__main__":
    run(main)
