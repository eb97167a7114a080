"""Classify image files of your own with a trained network or ensemble: a table of probabilities, and a page that shows them.

A drawing, dark on light or light on dark, is brought into the form of MNIST's images first, as its authors did it; several
in one image are cut apart and read in order (--several); those that have the form already are taken as they are (--as-is).
Where the network was trained on other images, as the datasheet says (--datasheet), files are brought to its size as
digits.convert does it. With the scores of the run's held-out images (--validation), probabilities are calibrated on them,
and what is unlike all of them is marked. A file that cannot be read costs its own row: the table and the page say what is
wrong with it, and the command ends with status 1.
"""

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.datasheet import load_datasheet
from digits.data.decoding import FORMATS
from digits.data.form import CENTRED, PICTURE
from digits.data.own_images import COLOURED, OwnImage, Reader, as_is, drawn, matching, read_own_image, several
from digits.networks.ensembles import mean_logits
from digits.networks.network import Network, predict, widen
from digits.networks.weights import load_networks, require_trained
from digits.rendering.prediction_page import PAGE_END, Prediction, page_top, section, thumbnail
from digits.statistics.held_out import HeldOut, calibrated, calibration, read_held_out, unlike, unlikeness

BATCH = 64  # images that are held at a time
UNLIKE = "unlike the training images"
BOX = ("x", "y", "width", "height")  # of one of several, in pixels of its picture


def shown(images: Sequence[OwnImage]) -> list[Prediction]:
    """Return what the page shows of a file's images before they are answered; the picture itself is scaled down."""
    picture = "" if images[0].picture is None else thumbnail(images[0].picture)
    return [Prediction(it.name, picture, it.seen, it.problem, box=it.box, note=it.note) for it in images]


def reader_for(datasheet: Path | None, coloured: bool, taken_as_is: bool, of_several: bool) -> Reader:
    """Return how images are read for a network, by the datasheet of what it was trained on, if that is there."""
    sheet = load_datasheet(datasheet) if datasheet is not None and datasheet.exists() else {}
    form = sheet.get("form", PICTURE if coloured else CENTRED)
    if form == CENTRED and not taken_as_is:
        return several if of_several else drawn
    if of_several:
        raise UserError(
            "--several: the network was not trained on drawings in MNIST's form; give it one image per file"
        )
    return partial(as_is, form=form, **({"fit": sheet["fit"]} if sheet.get("fit") else {}))


def scores(networks: Sequence[Network], outputs: Sequence[int], classes: int, seen: np.ndarray) -> np.ndarray:
    """Return the log probabilities, float64 [N, classes], that the networks give to images on average."""
    return mean_logits([widen(predict(network, seen), outputs, classes).numpy() for network in networks])


def answered(
    images: Iterable[Prediction], ask: Callable[[np.ndarray], np.ndarray], held_out: HeldOut, unsure_below: float
) -> Iterator[Prediction]:
    """Add what the networks say to what was read, batch by batch, so that memory does not grow with the files.

    `ask` returns the scores of a batch.
    """
    remaining = iter(images)
    while batch := list(itertools.islice(remaining, BATCH)):
        seen = [image.seen for image in batch if image.seen is not None]
        if seen:
            found = ask(np.stack(seen))
            answers = zip(calibrated(found, held_out), unlike(found, held_out), strict=True)
        for image in batch:
            if image.seen is None:
                yield image
                continue
            probabilities, is_unlike = next(answers)
            doubts = {image.note: True, "unsure": probabilities.max() < unsure_below, UNLIKE: is_unlike}
            note = ", ".join(doubt for doubt, holds in doubts.items() if doubt and holds)
            yield image._replace(probabilities=probabilities, note=note)


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


def row(image: Prediction, classes: Sequence[str], boxed: bool) -> list[str]:
    """Return an image's row of the table; `boxed` with where it is in its file."""
    where = [image.name, *map(str, image.box or ("",) * len(BOX))] if boxed else [image.name]
    if image.probabilities is None:
        return [*where, "", "", *("" for _ in classes), "", image.problem]
    shares = [f"{share:.6f}" for share in (image.probabilities.max(), *image.probabilities)]
    return [*where, image.answer(classes), *shares, image.note, ""]


def said(image: Prediction, classes: Sequence[str]) -> str:
    """Return an image's line for the person who watches."""
    if image.probabilities is None:
        return f"{image.name}: {image.problem}"
    answer = f"{image.name}: {image.answer(classes)} ({image.probabilities.max():.1%})"
    return f"{answer}, {image.note}" if image.note else answer


def about(training: Mapping[str, Any], files: int, outputs: int, held_out: HeldOut, unsure_below: float) -> str:
    """Return the page's first paragraph: who answers, and what its answers are worth."""
    unsure = f" Answers with a probability below {unsure_below:.0%} are marked as unsure." if unsure_below else ""
    return (
        f"{training['model']}, trained on {training['train_size']:,} images of {outputs} classes, was given "
        f"{files:,} {'image' if files == 1 else 'images'}. It assigns every image to one of these classes, "
        f"whatever the image shows. {calibration(held_out)} {unlikeness(held_out)}{unsure}"
    )


def main() -> None:
    parser = command_parser("predict", __doc__)
    parser.file("--weights", "weights of the network, from digits.train")
    parser.file("--validation", "scores of the images that its training held out, beside its weights", required=False)
    parser.file("--datasheet", "datasheet.json of what it was trained on, from digits.convert", required=False)
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument("--images", type=Path, nargs="+", help=f"image files: {', '.join(FORMATS)}")
    images.add_argument("--patterns", help="the same as one text: names and patterns, in quotes where they hold spaces")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--as-is", action="store_true", help="take drawings as they are, without centring")
    kind.add_argument("--several", action="store_true", help="cut several in one image apart, and read them in order")
    parser.add_argument(
        "--unsure-below", type=float, default=0, help="mark answers of a smaller probability, such as 0.9"
    )
    parser.output("--table", "CSV file to write: one row per image")
    parser.output("--page", "HTML file to write")
    args = parser.parse_args()

    torch.set_num_threads(1)
    if not 0 <= args.unsure_below <= 1:
        raise UserError(
            f"--unsure-below: {args.unsure_below:g} is not a probability; choose one from 0 to 1, such as 0.9"
        )
    require_trained(args.weights)
    networks, outputs, training = load_networks(args.weights)
    classes, shape = training["classes"], tuple(training["shape"])
    held_out = read_held_out(args.validation, len(classes))
    if held_out.temperature is None:
        log(calibration(held_out))
    if held_out.farthest is None:
        log(unlikeness(held_out))

    paths = list(dict.fromkeys(args.images or matching(args.patterns)))
    ask = partial(scores, networks, outputs, len(classes))
    reader = reader_for(args.datasheet, len(shape) == COLOURED, args.as_is, args.several)
    read = from_the_first_readable(image for path in paths for image in shown(read_own_image(path, shape, reader)))
    failed = 0
    with (
        whole_files(args.table, args.page) as (table, page),
        table.open("w", newline="", encoding="utf-8") as rows,
        page.open("w", encoding="utf-8") as sections,
    ):
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(
            ["file", *(BOX if reader is several else ()), "prediction", "probability", *classes, "note", "problem"]
        )
        title = f"Predictions of {training['model']}, seed {training['seed']}"
        sections.write(page_top(title, about(training, len(paths), len(outputs), held_out, args.unsure_below)))
        answers = answered(read, ask, held_out, args.unsure_below)
        for _, group in itertools.groupby(answers, key=lambda image: image.name):
            of_file = list(group)
            writer.writerows(row(image, classes, reader is several) for image in of_file)
            sections.write(section(of_file, classes))
            failed += of_file[0].probabilities is None
            for image in of_file:
                log(said(image, classes))
        sections.write(PAGE_END)
    if failed:
        raise UserError(
            f"{failed:,} of {len(paths):,} files could not be read; {args.table} and {args.page} say why, and have the others"
        )


if __name__ == "__main__":
    run(main)
