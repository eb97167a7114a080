"""Draw the first-layer weights of each model, from its first seed: one small picture per unit."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from digits.core.arrays import read_arrays
from digits.core.command import run
from digits.core.files import written_by
from digits.data.tensors import load_split
from digits.rendering.plotting import save_figures
from digits.statistics.runs import read_runs, runs_parser

UNITS = 10  # shown of each model


def draw_first_layers(filters: dict[str, np.ndarray]) -> Figure:
    """Draw first-layer weights, one row per model: the units with the largest weights, blue positive, red negative.

    `filters` has float32 [units, height, width] of each model.
    """
    figure = plt.figure(figsize=(7.2, 0.98 * len(filters)))
    rows = figure.subfigures(len(filters), 1, squeeze=False)[:, 0]
    for row, (model, units) in zip(rows, filters.items(), strict=True):
        row.suptitle(f"{model}: {min(UNITS, len(units))} of {len(units)} units", x=0.01, ha="left", fontsize=9)
        norms = np.linalg.norm(units.reshape(len(units), -1).astype(np.float64), axis=1)
        largest = np.sort(np.argsort(-norms, kind="stable")[:UNITS])
        axes = row.subplots(1, UNITS)
        for axis in axes:
            axis.set_axis_off()
        for axis, unit in zip(axes, largest, strict=False):
            limit = np.abs(units[unit]).max() or 1.0
            axis.imshow(units[unit], cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
    return figure


def read_filters(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a run's first layer as images, [units, height, width]: of the pixels, or of a convolution's kernel."""
    with written_by("digits.train", path):
        arrays, texts = read_arrays(path)
        if "convolutions.0.weight" in arrays:
            return arrays["convolutions.0.weight"][:, 0]
        crop = json.loads(texts["training"])["recipe"]["crop"]
        return arrays["w1"].T.reshape(-1, *(side - 2 * crop for side in shape))


def main() -> None:
    parser = runs_parser("plot_weights", __doc__)
    parser.file("--test", "test.safetensors, for the size of an image")
    parser.file("--first-layers", "figure to write (.png)")
    args = parser.parse_args()

    runs = read_runs(args)
    shape = load_split(args.test).images.shape[1:]
    filters = {
        model: read_filters(folder / "weights.safetensors", shape)
        for model, folder in runs.first().items()
        if model not in runs.ensembles
    }
    save_figures({args.first_layers: draw_first_layers(filters)})


if __name__ == "__main__":
    run(main)
