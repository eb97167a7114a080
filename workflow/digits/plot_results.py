"""Draw the results: training curves, accuracies, and what the chosen model sees and mistakes.

The chosen model is the summary's, by validation accuracy; where one run stands for a model, it is that of its first seed.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.special
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from digits.lib.command import UserError, run
from digits.lib.files import whole_files, written_by
from digits.lib.plotting import image_grid, model_colours, save_figure
from digits.lib.tensors import Split, load_split, read_arrays

MISTAKES = 24
UNITS = 20  # first-layer units shown of each model


def draw_curves(metrics: pd.DataFrame, histories: dict[tuple[str, int], pd.DataFrame]) -> Figure:
    """Draw training loss and validation accuracy by epoch, a line a run."""
    models = list(dict.fromkeys(metrics["model"]))
    colours = model_colours(models)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0))
    for (model, _), history in histories.items():
        left.plot(history["epoch"], history["train_loss"], color=colours[model], linewidth=1)
        right.plot(history["epoch"], history["validation_accuracy"].astype(float), color=colours[model], linewidth=1)
    left.set(
        xlabel="epoch", ylabel="training loss, each model's own", yscale="log", title="Loss on the training images"
    )
    right.set(xlabel="epoch", ylabel="validation accuracy", ylim=(0, 1), title="Accuracy on the images held out")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in (left, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    lines = [Line2D([], [], color=colours[model], label=model) for model in models]
    figure.legend(handles=lines, loc="outside lower center", ncols=min(len(models), 6))
    return figure


def draw_accuracies(metrics: pd.DataFrame, references: list[dict[str, Any]], classes: int) -> Figure:
    """Draw each run's test accuracy with its 95 % Wilson interval, a row a model, and what others report for it."""
    models = list(dict.fromkeys(metrics["model"]))
    colours = model_colours(models)
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.6 * len(models)))
    for row, model in enumerate(models):
        runs = metrics[metrics["model"] == model]
        places = row + (np.arange(len(runs)) - (len(runs) - 1) / 2) * min(0.18, 0.6 / len(runs))
        value = runs["test_accuracy"]
        whiskers = [value - runs["test_interval_low"], runs["test_interval_high"] - value]
        axis.errorbar(value, places, xerr=whiskers, fmt="o", color=colours[model], markersize=4, linewidth=1, capsize=2)
        for entry in [entry for entry in references if entry["model"] == model][-1:]:
            place = (entry["accuracy"], row + 0.38)  # below the runs, so that neither hides the other
            axis.plot(*place, "D", markerfacecolor="white", markeredgecolor="#333333", markersize=5)
            side, alignment = (8, "left") if entry["accuracy"] < 0.6 else (-8, "right")
            label = f"{entry['accuracy']:.2%} in {entry['source']}"
            axis.annotate(label, place, (side, 0), textcoords="offset points", ha=alignment, va="center", fontsize=8)
    axis.axvline(1 / classes, color="#999999", linewidth=1, linestyle=":")
    axis.annotate(
        "by chance",
        (1 / classes, 1),
        (3, -8),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=7,
    )
    axis.set(
        yticks=range(len(models)),
        yticklabels=models,
        xlabel="test accuracy, each run with its 95 % interval",
        xlim=(0, 1.01),
        ylim=(len(models) - 0.45, -0.45),
    )
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def draw_confusion(confusion: list[list[int]], classes: list[str]) -> Figure:
    """Draw how often each class (row) was read as each other (column); colour shows the mistakes alone."""
    counts = np.array(confusion)
    mistakes = np.where(np.eye(len(classes), dtype=bool), 0, counts)
    side = max(3.2, 0.46 * len(classes))
    figure, axis = plt.subplots(figsize=(side + 0.4, side))
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes.max(), 1))
    if len(classes) <= 30:
        for (row, column), count in np.ndenumerate(counts):
            dark = mistakes[row, column] > 0.6 * mistakes.max()
            colour = "#999999" if row == column else "white" if dark else "black"
            if count:
                axis.text(column, row, f"{count:,}", ha="center", va="center", fontsize=7, color=colour)
    ticks = range(len(classes))
    axis.set(
        xticks=ticks, xticklabels=classes, yticks=ticks, yticklabels=classes, xlabel="read as", ylabel="true class"
    )
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    return figure


def draw_mistakes(test: Split, logits: np.ndarray) -> Figure:
    """Draw the wrongly read test images in which the network was most confident."""
    probabilities = scipy.special.softmax(logits.astype(np.float64), axis=1)
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != test.labels)
    # The score's lead over the true class decides among probabilities that round to 1.
    lead = logits[wrong, predicted[wrong]] - logits[wrong, test.labels[wrong]]
    worst = wrong[np.lexsort((wrong, -lead, -probabilities[wrong, predicted[wrong]]))][:MISTAKES]
    if not len(worst):
        figure, axis = plt.subplots(figsize=(7.2, 0.6))
        axis.text(0.5, 0.5, "no mistakes", ha="center", va="center")
        axis.set_axis_off()
        return figure
    titles = [
        f"{test.classes[test.labels[i]]}\n→ {test.classes[predicted[i]]}\n{probabilities[i, predicted[i]]:.1%}, no. {i}"
        for i in worst
    ]
    return image_grid([test.images[i] for i in worst], 8, titles, cell=0.9)


def draw_first_layers(filters: dict[str, np.ndarray]) -> Figure:
    """Draw what first-layer units look for, a panel a model: the units of largest weights, blue for ink, red against.

    `filters` has float32 [units, height, width] of each model.
    """
    columns = 10
    heights = [-(-min(UNITS, len(units)) // columns) for units in filters.values()]
    figure = plt.figure(figsize=(7.2, 0.72 * sum(heights) + 0.3 * len(heights)))
    panels = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, (model, units) in zip(panels, filters.items(), strict=True):
        panel.suptitle(f"{model}: {min(UNITS, len(units))} of {len(units)} units", x=0.01, ha="left", fontsize=9)
        norms = np.linalg.norm(units.reshape(len(units), -1).astype(np.float64), axis=1)
        largest = np.sort(np.argsort(-norms, kind="stable")[:UNITS])
        axes = panel.subplots(-(-len(largest) // columns), columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, unit in zip(axes.flat, largest, strict=False):
            limit = np.abs(units[unit]).max() or 1.0
            axis.imshow(units[unit], cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
    return figure


def read_history(path: Path) -> pd.DataFrame:
    """Read a run's history; validation columns are NaN where nothing was held out."""
    with written_by("digits.train", path), path.open(newline="") as file:
        rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("no epochs")
        columns = {
            name: [row[name] or "nan" for row in rows] for name in ("epoch", "train_loss", "validation_accuracy")
        }
        return pd.DataFrame(columns).astype(float)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read one of the two tables over all runs; UserError where it lacks one of the columns."""
    with written_by("digits.summarise", path):
        table = pd.read_csv(path)
        return pd.DataFrame({column: table[column] for column in columns})


def read_array(command: str, path: Path, name: str) -> np.ndarray:
    """Read one array of a safetensors file; UserError where it is not what the command wrote."""
    with written_by(command, path):
        return read_arrays(path)[0][name]


def read_filters(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a run's first layer as images, [units, height, width]: of the pixels, or of a convolution's kernel."""
    with written_by("digits.train", path):
        arrays, texts = read_arrays(path)
        if "convolutions.0.weight" in arrays:
            return arrays["convolutions.0.weight"][:, 0]
        crop = json.loads(texts["training"])["recipe"]["crop"]
        return arrays["w1"].T.reshape(-1, *(side - 2 * crop for side in shape))


def read_confusion(path: Path) -> list[list[int]]:
    """Read the confusion matrix out of a run's measures."""
    with written_by("digits.evaluate", path):
        confusion: list[list[int]] = json.loads(path.read_text())["test"]["confusion"]
        return confusion


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m digits.plot_results", description=__doc__)
    parser.add_argument(
        "--runs", nargs="+", type=Path, required=True, help="folder of each run, as train and evaluate filled it"
    )
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv, from digits.summarise")
    parser.add_argument("--summary", type=Path, required=True, help="summary.csv, from digits.summarise")
    parser.add_argument("--test", type=Path, required=True, help="test.safetensors, from digits.convert")
    parser.add_argument("--references", default="[]", help="accuracies that others report, as JSON")
    for name in ("curves", "accuracies", "confusion", "mistakes", "first-layers"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="figure to write (.svg or .png)")
    args = parser.parse_args()

    test = load_split(args.test)
    metrics = read_table(args.metrics, ["model", "seed", "test_accuracy", "test_interval_low", "test_interval_high"])
    if len(metrics) != len(args.runs):
        raise UserError(
            f"--runs: {len(args.runs)} folders, but {args.metrics} has {len(metrics)} runs; name one for each, in its order"
        )
    summary = read_table(args.summary, ["model", "chosen"])
    folders = dict(zip(zip(metrics["model"], metrics["seed"], strict=True), args.runs, strict=True))
    first_seed: dict[str, int] = {}
    for name, seed in folders:
        first_seed.setdefault(name, seed)
    with written_by("digits.summarise", args.summary):
        model = summary.loc[summary["chosen"], "model"].item()
        chosen = folders[model, first_seed[model]]
    confusion = read_confusion(chosen / "metrics.json")
    logits = read_array("digits.evaluate", chosen / "predictions.safetensors", "logits")
    histories = {run_of: read_history(folder / "history.csv") for run_of, folder in folders.items()}
    filters = {
        name: read_filters(folders[name, seed] / "weights.safetensors", test.images.shape[1:])
        for name, seed in first_seed.items()
    }

    targets = [args.curves, args.accuracies, args.confusion, args.mistakes, args.first_layers]
    with whole_files(*targets) as parts:
        figures = [
            draw_curves(metrics, histories),
            draw_accuracies(metrics, json.loads(args.references), len(test.classes)),
            draw_confusion(confusion, test.classes),
            draw_mistakes(test, logits),
            draw_first_layers(filters),
        ]
        for figure, part, target in zip(figures, parts, targets, strict=True):
            save_figure(figure, part, target)


if __name__ == "__main__":
    run(main)
