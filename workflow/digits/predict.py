"""Classify image files of your own with a trained network or ensemble: a table of probabilities, and a page that shows them.

A drawing, dark on light or light on dark, is brought into the form of MNIST's images first, as its authors did it.
Images of another data set are taken as they are (--as-is), as digits.convert takes image files. A file that cannot be
read costs its own row: the table and the page say what is wrong with it, and the command ends with status 1.
"""

import csv
import glob
import itertools
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from digits.core.command import DISK_ADVICE, UserError, log, one_line, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.centring import centre
from digits.data.decoding import FORMATS, check_size, read_grey
from digits.data.ink import read_drawing
from digits.networks.ensembles import mean_logits
from digits.networks.network import Network, predict, widen
from digits.networks.weights import load_networks
from digits.rendering.prediction_page import PAGE_END, Prediction, page_top, section, thumbnail

BATCH = 64  # images that are held at a time


def matching(text: str) -> list[Path]:
    """Return the files that a text names or has patterns of; nothing in it is run.

    It is read as a shell reads words, or, where that does not name files (an apostrophe that is no quote), as words
    between spaces, or as one name.
    """
    try:
        quoted = shlex.split(text)
    except ValueError:  # a quote that does not end
        quoted = text.split()
    for words in (quoted, text.split(), [text]):
        found = [_files(word) for word in words]
        if all(found):
            return [Path(name) for names in found for name in names]
    return [Path(word) for word in quoted]


def _files(word: str) -> list[str]:
    word = os.path.expanduser(word)  # noqa: PTH111 (Path.expanduser fails where there is no such user)
    return [word] if os.path.lexists(word) else sorted(glob.glob(word))  # noqa: PTH207 (Path.glob takes no absolute pattern)


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


def read_image(path: Path, shape: tuple[int, int], as_is: bool) -> Prediction:
    """Read one file for a network that takes images of this shape, or say what is wrong with it."""
    name = one_line(str(path))
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{name}: neither a file nor a folder")  # a named pipe would be waited for
        with path.open("rb") as file:
            check_size(name, os.fstat(file.fileno()).st_size)
            content = file.read()
        picture, seen = (read_as_is if as_is else read_drawn)(name, content, shape)
    except UserError as error:
        return Prediction(name, problem=str(error).removeprefix(f"{name}: "))
    except OSError as error:
        return Prediction(name, problem=DISK_ADVICE.get(error.errno or 0) or one_line(str(error)))
    return Prediction(name, thumbnail(picture), seen)


def answered(
    images: Iterable[Prediction], networks: Sequence[Network], outputs: Sequence[int], classes: int
) -> Iterator[Prediction]:
    """Add what the networks say to what was read, batch by batch, so that memory does not grow with the files."""
    remaining = iter(images)
    while batch := list(itertools.islice(remaining, BATCH)):
        seen = [image.seen for image in batch if image.seen is not None]
        if seen:
            members = [widen(predict(network, np.stack(seen)), outputs, classes).numpy() for network in networks]
            rows = iter(np.exp(mean_logits(members)))
        for image in batch:
            yield image if image.seen is None else image._replace(probabilities=next(rows))


def from_the_first_readable(images: Iterator[Prediction]) -> Iterator[Prediction]:
    """Return the same images, of which the first are read already; UserError where none can be read."""
    unread: list[Prediction] = []
    for image in images:
        if image.seen is not None:
            return itertools.chain(unread, [image], images)
        unread.append(image)
    if len(unread) == 1:
        raise UserError(f"{unread[0].name}: {unread[0].problem}")
    for image in unread:
        log(f"{image.name}: {image.problem}")
    raise UserError(f"none of the {len(unread):,} files could be read; nothing is written")


def row(image: Prediction, classes: Sequence[str]) -> list[str]:
    """Return an image's row of the table."""
    if image.probabilities is None:
        return [image.name, "", "", *("" for _ in classes), image.problem]
    shares = [f"{share:.6f}" for share in (image.probabilities.max(), *image.probabilities)]
    return [image.name, classes[int(image.probabilities.argmax())], *shares, ""]


def main() -> None:
    parser = command_parser("predict", __doc__)
    parser.file("--weights", "weights of the network, from digits.train")
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--images", type=Path, nargs="+", help=f"image files: {', '.join(FORMATS)}")
    images.add_argument("--patterns", help="the same as one text: names and patterns, in quotes where they hold spaces")
    parser.add_argument("--as-is", action="store_true", help="take the images as they are, without centring")
    parser.output("--table", "CSV file to write: one row per image")
    parser.output("--page", "HTML file to write")
    args = parser.parse_args()

    torch.set_num_threads(1)
    if not args.weights.exists():
        raise UserError(f"{args.weights}: not there yet; `make report` trains the configuration's models")
    networks, outputs, training = load_networks(args.weights)
    classes, shape = training["classes"], (training["shape"][0], training["shape"][1])

    paths = list(dict.fromkeys(args.images or matching(args.patterns)))
    read = from_the_first_readable(read_image(path, shape, args.as_is) for path in paths)
    title = f"Predictions of {training['model']}, seed {training['seed']}"
    about = (
        f"{training['model']}, trained on {training['train_size']:,} images of {len(outputs)} classes, was given "
        f"{len(paths):,} {'image' if len(paths) == 1 else 'images'}. It assigns every image to one of these classes, "
        "whatever the image shows."
    )
    failed = 0
    with (
        whole_files(args.table, args.page) as (table, page),
        table.open("w", newline="", encoding="utf-8") as rows,
        page.open("w", encoding="utf-8") as sections,
    ):
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(["file", "prediction", "probability", *classes, "problem"])
        sections.write(page_top(title, about))
        for image in answered(read, networks, outputs, len(classes)):
            writer.writerow(row(image, classes))
            sections.write(section(image, classes))
            if image.probabilities is None:
                failed += 1
                log(f"{image.name}: {image.problem}")
            else:
                log(f"{image.name}: {classes[int(image.probabilities.argmax())]} ({image.probabilities.max():.1%})")
        sections.write(PAGE_END)
    if failed:
        raise UserError(
            f"{failed:,} of {len(paths):,} files could not be read; {args.table} and {args.page} say why, and have the others"
        )


if __name__ == "__main__":
    run(main)
