"""Draw the first-layer weights of each model, from its first seed: one small picture per unit."""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from digits.core.command import run
from digits.core.files import written_by
from digits.data.tensors import load_split
from digits.networks.headers import read_weights
from digits.rendering.plotting import COLOUR_SHADES, COLOURS, LINE, NARROW, WIDE, levels, save_both
from digits.statistics.runs import read_runs, runs_parser

UNITS = 6  # shown of each model
POSITIVE, NEGATIVE = COLOURS[0], COLOURS[2]  # blue, and an orange red that is lighter


def draw_first_layers(filters: dict[str, np.ndarray], narrow: bool = False) -> Figure:
    """Draw first-layer weights, one row per model: the units with the largest weights, blue positive, orange negative.

    `filters` has float32 [units, height, width] of each model, of coloured images [units, 3, height, width]: these are drawn in
    colour, grey where a weight is 0. The narrow form has half as many units.
    """
    width, columns = (NARROW, UNITS // 2) if narrow else (WIDE, UNITS)
    side = width / columns
    figure = plt.figure(figsize=(width, (side + 0.26) * len(filters)))
    rows = figure.subfigures(len(filters), 1, squeeze=False)[:, 0]
    for row, (model, units) in zip(rows, filters.items(), strict=True):
        norms = np.linalg.norm(units.reshape(len(units), -1).astype(np.float64), axis=1)
        largest = np.sort(np.argsort(-norms, kind="stable")[:columns])
        row.suptitle(f"{model}: {len(largest)} of {len(units)} units", x=0.01, ha="left", fontsize=9)
        axes = row.subplots(1, columns)
        for axis in axes:
            axis.set_axis_off()
        for axis, unit in zip(axes, largest, strict=False):
            axis.set_axis_on()
            axis.spines[:].set(visible=True, color=LINE)
            axis.set(xticks=[], yticks=[])
            axis.imshow((signed if units.ndim == 3 else coloured)(units[unit]), interpolation="none")
    return figure


def signed(weights: np.ndarray) -> np.ndarray:
    """Return weights as RGBA, uint8: the largest opaque, 0 transparent, so that they stand on a light and a dark page."""
    shades = np.empty((*weights.shape, 4), np.uint8)
    shades[..., 3] = levels(np.abs(weights) / (np.abs(weights).max() or 1.0))
    colours = np.array([to_rgb(POSITIVE), to_rgb(NEGATIVE)])[(weights < 0).astype(int)]
    shades[..., :3] = np.where(shades[..., 3:], (255 * colours).round(), 0)
    return shades


def coloured(weights: np.ndarray) -> np.ndarray:
    """Return weights of colours, [3, height, width], as RGB, uint8 [height, width, 3]: 0 is the grey in the middle."""
    return np.moveaxis(levels((weights / (np.abs(weights).max() or 1.0) + 1) / 2, COLOUR_SHADES), 0, -1)


def read_filters(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a run's first layer as images, [units, *shape]: of the pixels, or of a convolution's kernel.

    `shape` is an image's: (height, width), or of coloured ones (3, height, width).
    """
    arrays, training = read_weights(path)
    with written_by("digits.train", path):
        if "convolutions.0.weight" in arrays:
            if arrays["convolutions.0.weight"].ndim != 4:
                raise ValueError(f"convolutions.0.weight: {arrays['convolutions.0.weight'].ndim} axes are not 4")
            kernels = arrays["convolutions.0.weight"]
            return kernels if len(shape) == 3 else kernels[:, 0]
        crop = training["recipe"]["crop"]
        return arrays["w1"].T.reshape(-1, *shape[:-2], *(side - 2 * crop for side in shape[-2:]))


def smoothness(units: np.ndarray) -> float:
    """Return how far neighbouring weights, [units, …, height, width], are alike: their correlation (Pearson's).

    Near 0 for noise, near 1 for smooth shapes; NaN where there are no neighbours, or no differences.
    """
    units = units.astype(np.float64)
    pairs = [(units[..., :-1, :], units[..., 1:, :]), (units[..., :-1], units[..., 1:])]
    one, other = (np.concatenate([side.ravel() for side in sides]) for sides in zip(*pairs, strict=True))
    if not len(one) or one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(((one - one.mean()) * (other - other.mean())).mean() / (one.std() * other.std()))


def main() -> None:
    parser = runs_parser("plot_weights", __doc__, ["weights.safetensors"])
    parser.file("--test", "test.safetensors, for the size of an image")
    parser.outputs("--first-layers", "figure to write, and one for a small screen")
    parser.output("--first-layers-table", "table to write: how far neighbouring weights are alike")
    args = parser.parse_args()

    runs = read_runs(args)
    shape = load_split(args.test).images.shape[1:]
    filters = {
        model: read_filters(folder / "weights.safetensors", shape)
        for model, folder in runs.first().items()
        if model not in runs.ensembles
    }
    alike = pd.DataFrame({"model": list(filters), "neighbour_correlation": map(smoothness, filters.values())})
    save_both(
        {partial(draw_first_layers, filters): args.first_layers}, args.made_from, {args.first_layers_table: alike}
    )


if __name__ == "__main__":
    run(main)
