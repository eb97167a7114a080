"""Draw the data set: samples of each class, the mean image of each class, the number of images in each class."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from digits.core.command import command_parser, run
from digits.data.tensors import Split, load_split
from digits.rendering.plotting import FAINT, LINE, image_grid, save_figures

SAMPLES = 12  # of each class


def draw_samples(train: Split) -> Figure:
    """Draw training images of each class, one row per class, evenly spaced through the data set."""
    chosen: list[np.ndarray] = []
    for number in range(len(train.classes)):
        of_class = np.flatnonzero(train.labels == number)
        if len(of_class):
            places = np.linspace(0, len(of_class) - 1, SAMPLES).round().astype(int)
            chosen += list(train.images[of_class[places]])
        else:
            chosen += [np.zeros_like(train.images[0])] * SAMPLES
    return image_grid(chosen, SAMPLES, cell=0.6)


def draw_class_means(train: Split) -> Figure:
    """Draw the mean training image of each class: the tutorial's check that images and labels belong together."""
    means = []
    for number in range(len(train.classes)):
        of_class = train.images[train.labels == number]
        means.append(of_class.mean(axis=0) if len(of_class) else np.zeros(train.images.shape[1:]))
    return image_grid(means, min(len(means), 10), titles=train.classes, cell=0.72)


def draw_class_counts(train: Split, test: Split) -> Figure:
    """Draw the number of images of each class in both parts."""
    numbers = np.arange(len(train.classes))
    figure, axis = plt.subplots(figsize=(7.2, 2.6))
    parts = (("training", train, FAINT), ("test", test, LINE))
    for offset, (name, split, colour) in enumerate(parts):
        counts = np.bincount(split.labels, minlength=len(numbers))
        bars = axis.bar(numbers + 0.42 * (offset - 0.5), counts, 0.4, color=colour, label=f"{name} images")
        axis.bar_label(bars, [f"{count:,}" for count in counts], fontsize=6, padding=1)
    axis.set(xticks=numbers, xticklabels=train.classes, xlabel="class", ylabel="images")
    axis.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def main() -> None:
    parser = command_parser("plot_data", __doc__)
    parser.file("--train", "train.safetensors, from digits.convert")
    parser.file("--test", "test.safetensors, from digits.convert")
    parser.file("--samples", "picture to write (.png): samples of each class")
    parser.file("--class-means", "picture to write (.png): mean images")
    parser.file("--class-counts", "picture to write (.svg): images in each class")
    args = parser.parse_args()

    train, test = load_split(args.train), load_split(args.test)
    counts = draw_class_counts(train, test)
    save_figures(
        {args.samples: draw_samples(train), args.class_means: draw_class_means(train), args.class_counts: counts}
    )


if __name__ == "__main__":
    run(main)
