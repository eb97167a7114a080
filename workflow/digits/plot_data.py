"""Draw the data set: samples of each class, the mean image of each class, the number of images in each class."""

from collections.abc import Sequence
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from digits.core.command import run
from digits.core.options import command_parser
from digits.data.datasheet import load_datasheet
from digits.data.tensors import Split, load_split
from digits.rendering.form import MANY
from digits.rendering.plotting import (
    FAINT,
    NARROW,
    SMALL,
    WIDE,
    as_drawn,
    draw_pixels,
    letters,
    save_both,
    short,
    tiled,
)

SAMPLES = 12  # of each class
NAMED = 14  # letters of a class's name


def shown_classes(train: Split) -> np.ndarray:
    """Return the numbers of the classes that figures show: all or, of many, MANY of them, evenly spaced."""
    count = len(train.classes)
    return np.linspace(0, count - 1, min(count, MANY)).round().astype(int)


def chosen_samples(train: Split) -> np.ndarray:
    """Return images of each class shown, evenly spaced through the data set, uint8 [classes, SAMPLES, *image]."""
    numbers = shown_classes(train)
    chosen = np.zeros((len(numbers), SAMPLES, *train.images.shape[1:]), np.uint8)
    for row, number in enumerate(numbers):
        of_class = np.flatnonzero(train.labels == number)
        if len(of_class):
            chosen[row] = train.images[of_class[np.linspace(0, len(of_class) - 1, SAMPLES).round().astype(int)]]
    return chosen


def class_means(train: Split) -> np.ndarray:
    """Return the mean image of each class, uint8 [classes, *image]; of none, zeros."""
    means = np.zeros((len(train.classes), *train.images.shape[1:]), np.uint8)
    for number in set(train.labels.tolist()):
        means[number] = train.images[train.labels == number].mean(axis=0).round()
    return means


def likeness(means: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return for each class the other one whose mean image, uint8 [classes, *image], is most like its own.

    By the correlation of their pixels, Pearson's; 0 where a mean image is of one grey.
    """
    means = means.reshape(len(classes), -1).astype(float)
    centred = means - means.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    scaled = centred / np.where(norms == 0, 1, norms)
    alike = np.clip(scaled @ scaled.T, -1, 1)
    np.fill_diagonal(alike, -2)
    most = alike.argmax(axis=1)
    names = [classes[number] for number in most]
    return pd.DataFrame({"class": classes, "most_alike": names, "correlation": alike.max(axis=1)})


def draw_samples(train: Split, form: str, narrow: bool = False) -> Figure:
    """Draw training images of each class shown, one row per class; on a telephone half as many."""
    width, columns = (NARROW, SAMPLES // 2) if narrow else (WIDE, SAMPLES)
    step = SAMPLES // columns
    images = chosen_samples(train)[:, ::step]
    picture = tiled(as_drawn(images.reshape(-1, *images.shape[2:]), form), columns)
    high = picture.shape[0] / len(images)
    ratio = picture.shape[0] / picture.shape[1]
    names = [short(train.classes[number], NAMED // (1 + narrow)) for number in shown_classes(train)]
    room = 0.13 + 0.1 * max(map(letters, names))  # inches, so that the pixels are square
    figure, axis = plt.subplots(figsize=(width, (width - room) * ratio))
    draw_pixels(axis, picture, form)
    axis.set_anchor("W")  # in the middle, names would be measured where they are not
    axis.set_yticks((np.arange(len(names)) + 0.5) * high, names)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def draw_class_means(train: Split, form: str, every: np.ndarray, narrow: bool = False) -> Figure:
    """Draw the mean training image of each class shown, of those of `every` class: a check that labels and images belong together."""
    numbers = shown_classes(train)
    means = as_drawn(every[numbers], form)
    width, columns = (NARROW, min(len(means), 5)) if narrow else (WIDE, min(len(means), 10))
    rows = -(-len(means) // columns)
    side = width / columns
    figure, axes = plt.subplots(rows, columns, figsize=(width, rows * (side + 0.22)), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, number, image in zip(axes.flat, numbers, means, strict=False):
        draw_pixels(axis, image, form)
        axis.set_title(short(train.classes[number], 8), loc="center", pad=3)
    return figure


def class_counts(split: Split) -> np.ndarray:
    """Return the number of a split's images of each class, [classes]."""
    return np.bincount(split.labels, minlength=len(split.classes))


def draw_class_counts(train: Split, test: Split, narrow: bool = False) -> Figure:
    """Draw the number of images of each class, training images on the left, test images on the right.

    Of many classes: how many classes have how many.
    """
    if len(train.classes) > MANY:
        return draw_count_distribution(train, test, narrow)
    rows = np.arange(len(train.classes))
    figure, axes = plt.subplots(1, 2, figsize=(NARROW if narrow else WIDE, 0.4 + 0.24 * len(rows)), sharey=True)
    for axis, name, split in zip(axes, ("training", "test"), (train, test), strict=True):
        counts = class_counts(split)
        bars = axis.barh(rows, counts, 0.72, color=FAINT)
        axis.bar_label(bars, [f"{count:,}" for count in counts], fontsize=SMALL, padding=3)
        axis.set_title(f"{name} images")
        axis.set(xlim=(0, counts.max() * (1.6 if narrow else 1.25)), xticks=[])
        axis.spines[["bottom", "left"]].set_visible(False)
    axes[0].set(
        yticks=rows,
        yticklabels=[short(name, NAMED // (1 + narrow)) for name in train.classes],
        ylim=(len(rows) - 0.5, -0.5),
    )
    for axis in axes:
        axis.tick_params(length=0)
    return figure


def draw_count_distribution(train: Split, test: Split, narrow: bool) -> Figure:
    """Draw how many classes have how many images."""
    figure, axes = plt.subplots(1, 2, figsize=(NARROW if narrow else WIDE, 2.2), sharey=True)
    for axis, name, split in zip(axes, ("training", "test"), (train, test), strict=True):
        axis.hist(class_counts(split), bins=12, color=FAINT)
        axis.set(title=f"{name} images", xlabel="images in a class")
        axis.locator_params(axis="x", nbins=4, integer=True)
    axes[0].set_ylabel("classes")
    return figure


def main() -> None:
    parser = command_parser("plot_data", __doc__)
    parser.file("--train", "train.safetensors, from digits.convert")
    parser.file("--test", "test.safetensors, from digits.convert")
    parser.file("--datasheet", "datasheet.json, from digits.convert")
    parser.outputs("--samples", "figure to write, and one for a small screen: samples of each class")
    parser.outputs("--class-means", "likewise: mean images")
    parser.outputs("--class-counts", "likewise: images in each class")
    parser.output("--class-counts-table", "table to write: the numbers of --class-counts")
    parser.output("--class-means-table", "table to write: the most alike of --class-means")
    args = parser.parse_args()

    train, test = load_split(args.train), load_split(args.test)
    form = load_datasheet(args.datasheet)["form"]
    means = class_means(train)
    counts = {f"{name}_images": class_counts(split) for name, split in (("training", train), ("test", test))}
    save_both(
        {
            partial(draw_samples, train, form): args.samples,
            partial(draw_class_means, train, form, means): args.class_means,
            partial(draw_class_counts, train, test): args.class_counts,
        },
        args.made_from,
        {
            args.class_counts_table: pd.DataFrame({"class": train.classes, **counts}),
            args.class_means_table: likeness(means, train.classes),
        },
    )


if __name__ == "__main__":
    run(main)
