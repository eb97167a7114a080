"""Draw the results of all runs: how they trained, how accurate they are, and whether their probabilities can be believed."""

import itertools
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.special
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from digits.core.command import run
from digits.core.tables import read_table
from digits.rendering.percentages import PERCENT, in_percent
from digits.rendering.plotting import (
    COLOURS,
    FAINT,
    INK,
    LINE,
    NARROW,
    NEXT,
    SMALL,
    WIDE,
    model_colours,
    model_markers,
    save_both,
    short,
)
from digits.statistics.by_class import to_beat
from digits.statistics.histories import COLUMNS as MEASURED
from digits.statistics.histories import read_history
from digits.statistics.kinds import SUMMARY
from digits.statistics.metrics import reliability, wilson_interval
from digits.statistics.predictions import Predictions, load_predictions
from digits.statistics.runs import read_runs, runs_parser

COLUMNS = 5  # models in a row
SOURCE = 0.3  # of a row: what each further source of reported accuracies takes
BINS = 10  # of probability
LETTERS = 22  # of a line of a label in a narrow form


def draw_curves(
    histories: dict[tuple[str, int], pd.DataFrame], colours: Mapping[str, str], narrow: bool = False
) -> Figure:
    """Draw accuracy and loss by epoch, two panels per model, one above the other, and one line per run.

    Losses have a scale of their own in each panel, since models with different losses cannot be compared by them.
    """
    models = list(dict.fromkeys(model for model, _ in histories))
    rows = -(-len(models) // (2 if narrow else COLUMNS))
    columns = -(-len(models) // rows)
    size = (NARROW if narrow else WIDE, 3.1 * rows + 0.3)
    figure, axes = plt.subplots(2 * rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for number, model in enumerate(models):
        row, column = divmod(number, columns)
        accuracy, loss = axes[2 * row, column], axes[2 * row + 1, column]
        for (name, _), history in histories.items():
            if name == model:
                for axis, kind in ((accuracy, "accuracy"), (loss, "loss")):
                    axis.plot(history["epoch"], history[f"train_{kind}"], color=colours[model], linewidth=0.9)
                    held_out = {"color": colours[model], "linewidth": 1.1, "linestyle": (0, (2, 1.5))}
                    axis.plot(history["epoch"], history[f"validation_{kind}"], **held_out)
        accuracy.set_title(model, fontsize=9)
        _scale(accuracy, loss)
        accuracy.tick_params(labelbottom=False, labelleft=column == 0)  # as the panel below, and the first one, say
        if column == 0:
            accuracy.set_ylabel("accuracy", fontsize=SMALL)
            loss.set_ylabel("loss", fontsize=SMALL)
    handles = [
        Line2D([], [], color=FAINT, linewidth=1, label="training images"),
        Line2D([], [], color=FAINT, linewidth=1.2, linestyle=(0, (2, 1.5)), label="validation images"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9)
    return figure


def curves_table(histories: Mapping[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    """Return what draw_curves draws: a row for each run and epoch."""
    columns = list(MEASURED)
    joined = pd.concat(history[columns].assign(model=model, seed=seed) for (model, seed), history in histories.items())
    return joined[["model", "seed", *columns]].astype({"epoch": int})


def _scale(accuracy: Axes, loss: Axes) -> None:
    """Set the scales of a model's two panels: accuracy from 0 to 1, the loss's logarithm, whole epochs."""
    loss.set_yscale("log")
    loss.set_xlabel("epoch", fontsize=SMALL)
    low, high = loss.get_ylim()
    room = high / low  # for at least two labels
    loss.yaxis.set_major_locator(
        LogLocator(subs=range(1, 10) if room < 2 else (1, 2, 5) if room < 150 else (1,), numticks=20)
    )
    loss.yaxis.set_major_formatter("{x:g}")
    loss.minorticks_off()
    accuracy.set_ylim(0, 1.02)
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=PERCENT))
    for axis in (accuracy, loss):
        axis.set_axis_on()
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axis.grid(axis="y", linewidth=0.5)


def last_reported(references: Sequence[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return, of each source that reports accuracies of a model, the one after most epochs, in the sources' order."""
    last: dict[str, dict[str, Any]] = {}
    for entry in references:
        source = entry["source"]
        if entry["model"] == model and (source not in last or entry["epoch"] > last[source]["epoch"]):
            last[source] = entry
    return list(last.values())


def draw_accuracies(
    metrics: pd.DataFrame,
    references: list[dict[str, Any]],
    baseline: tuple[str | None, float],
    narrow: bool = False,
) -> Figure:
    """Draw each run's test accuracy with its 95 % Wilson interval, one row per model, and what others report for it.

    A row with more than one source is as much higher. A dotted line is at the `baseline`, as `to_beat` returns it.
    """
    models = list(dict.fromkeys(metrics["model"]))
    colours = model_colours(models)
    reported = [last_reported(references, model) for model in models]
    source = SOURCE * (1 + narrow)  # a narrow form's labels have two lines
    heights = (1 + source * max(len(found) - 1 + narrow, 0) for found in reported)
    *rows, end = itertools.accumulate(heights, initial=0.0)
    figure, axis = plt.subplots(figsize=(NARROW if narrow else WIDE, 0.9 + 0.6 * end))
    for row, model, found in zip(rows, models, reported, strict=True):
        runs = metrics[metrics["model"] == model]
        places = row + (np.arange(len(runs)) - (len(runs) - 1) / 2) * min(0.18, 0.6 / len(runs))
        value = runs["test_accuracy"]
        whiskers = [value - runs["test_interval_low"], runs["test_interval_high"] - value]
        axis.errorbar(value, places, xerr=whiskers, fmt="o", color=colours[model], markersize=4, linewidth=1, capsize=2)
        for number, entry in enumerate(found):
            # Below the runs, so that neither hides the other.
            place = (entry["accuracy"], row + (0.6 if narrow else 0.38) + source * number)
            axis.plot(*place, "D", markerfacecolor="none", markeredgecolor=INK, markersize=5)
            side, alignment = (8, "left") if entry["accuracy"] < 0.6 else (-8, "right")
            label = f"{in_percent(entry['accuracy'], 2)} in {entry['source']}"
            label = textwrap.fill(label, LETTERS) if narrow else label
            axis.annotate(
                label, place, (side, 0), textcoords="offset points", ha=alignment, va="center", fontsize=SMALL
            )
    answer, accuracy = baseline
    axis.axvline(accuracy, color=FAINT, linewidth=1, linestyle=":")
    corner: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    label = "by chance" if answer is None else f"always {short(answer, LETTERS)}"
    side, alignment = (3, "left") if accuracy < 0.6 else (-3, "right")
    axis.annotate(label, (accuracy, 1), (side, -8), ha=alignment, fontsize=SMALL, **corner)
    axis.set(yticks=rows, yticklabels=models, xlabel=f"test accuracy of each run,{NEXT[narrow]}with its 95 % interval")
    axis.set(xlim=(0, 1.01), ylim=(end - 0.45, -0.45))
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=PERCENT))
    return figure


def draw_calibration(
    predictions: dict[str, Predictions],
    temperatures: dict[str, float],
    models: list[str],
    chosen: str,
    narrow: bool = False,
) -> Figure:
    """Draw the fraction of correct predictions against their probability, before and after calibration.

    One line per model; the chosen one's points have 95 % Wilson intervals. `temperatures` is NaN where a run has none. Where
    there are more models than colours, all but the chosen one are grey.
    """
    colours = model_colours(models)
    many = len(models) > len(COLOURS)
    if many:
        colours = {model: colours[model] if model == chosen else LINE for model in models}
    markers = dict.fromkeys(models, "o") if many else model_markers(models)
    size, grid = ((NARROW, 7.2), (2, 1)) if narrow else ((WIDE, 3.7), (1, 2))
    figure, axes = plt.subplots(*grid, figsize=size, sharey=True, sharex=True)
    for axis, calibrated in zip(axes, (False, True), strict=True):
        axis.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
        for model in [*(name for name in predictions if name != chosen), chosen]:
            temperature = temperatures[model] if calibrated else 1.0
            if not math.isnan(temperature):
                style = {"color": colours[model], "marker": markers[model]}
                _draw_reliability(axis, predictions[model], temperature, style, model == chosen)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal", xlabel="probability of the prediction")
        axis.set_title("after calibration" if calibrated else "before calibration", fontsize=9)
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_major_formatter(PercentFormatter(1, decimals=0, symbol=PERCENT))
    for axis in axes if narrow else axes[:1]:
        axis.set_ylabel("fraction of correct predictions")
    named = {chosen: chosen, "the other models": models[0] if models[0] != chosen else models[1]} if many else None
    labels = named or {model: model for model in models}
    lines = [
        Line2D([], [], color=colours[model], marker=markers[model], markersize=4, label=label)
        for label, model in labels.items()
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=min(len(lines), 3 if narrow else 6), fontsize=9)
    return figure


def _reliability(scores: Predictions, temperature: float) -> list[tuple[float, int, int]]:
    logits, labels = scores.logits[scores.counted].astype(np.float64), scores.labels[scores.counted]
    return reliability(scipy.special.softmax(logits / temperature, axis=1), labels, BINS)


def calibration_table(predictions: Mapping[str, Predictions], temperatures: Mapping[str, float]) -> pd.DataFrame:
    """Return what draw_calibration draws: a row for each model, before and after, and group of predictions."""
    return pd.DataFrame(
        {"model": model, "calibrated": calibrated, "probability": probability, "right": right, "images": images}
        for calibrated in (False, True)
        for model, scores in predictions.items()
        if not math.isnan(temperature := temperatures[model] if calibrated else 1.0)
        for probability, right, images in _reliability(scores, temperature)
    )


def _draw_reliability(axis: Axes, scores: Predictions, temperature: float, style: dict[str, Any], chosen: bool) -> None:
    bins = _reliability(scores, temperature)
    confidence, share = [bin_[0] for bin_ in bins], [right / images for _, right, images in bins]
    size, thickness = (5, 1.6) if chosen else (4, 0.8)
    axis.plot(confidence, share, **style, markersize=size, linewidth=thickness)
    if chosen:
        ends = [wilson_interval(right, images) for _, right, images in bins]
        axis.vlines(confidence, [low for low, _ in ends], [high for _, high in ends], color=style["color"], linewidth=1)


def main() -> None:
    parser = runs_parser("plot_results", __doc__, ["history.csv", "predictions.safetensors"])
    parser.add_argument("--references", default="[]", help="accuracies that others report, as JSON")
    for name in ("curves", "accuracies", "calibration"):
        parser.outputs(f"--{name}", "figure to write, and one for a small screen")
    for name in ("curves", "calibration"):
        parser.output(f"--{name}-table", f"table to write: the numbers of --{name}")
    args = parser.parse_args()

    runs = read_runs(args)
    histories = {run_of: read_history(folder / "history.csv") for run_of, folder in runs.trained().items()}
    predictions = {
        model: load_predictions(folder / "predictions.safetensors") for model, folder in runs.first().items()
    }
    firsts = runs.metrics.drop_duplicates("model")
    temperatures = dict(zip(firsts["model"], firsts["temperature"].astype(float), strict=True))
    models = read_table(args.summary, SUMMARY)
    chosen = models[models["chosen"]].iloc[0]
    largest = chosen["largest_class"], chosen["largest_class_accuracy"], chosen["imbalance_ratio"]
    baseline = to_beat(*largest, predictions[runs.chosen].logits.shape[1])

    references = json.loads(args.references)
    save_both(
        {
            partial(draw_curves, histories, model_colours(runs.models())): args.curves,
            partial(draw_accuracies, runs.metrics, references, baseline): args.accuracies,
            partial(draw_calibration, predictions, temperatures, runs.models(), runs.chosen): args.calibration,
        },
        args.made_from,
        {
            args.curves_table: curves_table(histories),
            args.calibration_table: calibration_table(predictions, temperatures),
        },
    )


if __name__ == "__main__":
    run(main)
