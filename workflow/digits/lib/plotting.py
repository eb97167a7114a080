"""One look for all figures, and figure files whose bytes depend on nothing but what they show."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind can tell apart, https://jfly.uni-koeln.de/color/; yellow left out.
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")

mpl.rcdefaults()  # not the user's matplotlibrc: it would change the bits
mpl.rcParams.update(
    {
        "figure.facecolor": "white",
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "text.parse_math": False,  # a class may be called $x$
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#555555",
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "legend.frameon": False,
        "svg.hashsalt": "digits",  # otherwise the ids in an SVG are random
        "svg.fonttype": "path",
    }
)


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """Give each model its colour, by its place in the report."""
    return {model: COLOURS[i % len(COLOURS)] for i, model in enumerate(models)}


def save_figure(figure: Figure, part: Path, target: Path) -> None:
    """Write a figure to `part` in the format of `target`'s name, without a date, and close it."""
    kind = target.suffix.removeprefix(".")
    figure.savefig(part, format=kind, dpi=144, metadata={"Date": None} if kind == "svg" else None)
    plt.close(figure)


def image_grid(images: Sequence[np.ndarray], columns: int, titles: Sequence[str] = (), cell: float = 0.72) -> Figure:
    """Draw greyscale images, dark on light, in rows of `columns`, each under its title; `cell` is a side in inches."""
    rows = -(-len(images) // columns)
    height = cell + 0.16 * max((title.count("\n") + 1 for title in titles), default=0)
    figure, axes = plt.subplots(rows, columns, figsize=(cell * columns, height * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image, cmap="gray_r", interpolation="nearest", vmin=0, vmax=255)
        if titles:
            axis.set_title(titles[i], fontsize=7, loc="center", pad=2)
    return figure
