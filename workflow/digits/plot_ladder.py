"""Draw the ladder: a row for each rung from the foot down, its accuracy, what it adds, and the difference that makes."""

import itertools
import math
import textwrap
from collections.abc import Mapping
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from digits.core.command import UserError, run
from digits.core.options import command_parser
from digits.core.tables import read_table
from digits.rendering.plotting import FAINT, GROUND, LINE, NARROW, NEXT, SMALL, WIDE, model_colours, save_both
from digits.statistics.kinds import LADDER

ROW, LINE_HEIGHT, GAP = 0.26, 0.16, 0.5  # of a row and of a line, in inches; before what is beside the ladder, in rows
LETTERS = (72, 32)  # of a label's line, without and with `narrow`


def error_rates(accuracies: pd.Series, floor: float) -> np.ndarray:
    """Return 1 - accuracy as the axis can show it: not below its end, not above 1."""
    return np.asarray((1 - accuracies).clip(floor, 1), dtype=np.float64)


def lowest_error(table: pd.DataFrame) -> float:
    """Return where the axis ends: a bit beyond the best rung, since a logarithm never reaches an error rate of 0."""
    errors = 1 - table["test_accuracy"]
    return float(errors[errors > 0].min()) / 2 if (errors > 0).any() else 0.0005


def row_places(beside: list[bool]) -> list[float]:
    """Return the height of each row, with a gap between the ladder and what stands beside it."""
    places = [0.0]
    for before, after in itertools.pairwise(beside):
        places.append(places[-1] + 1 + GAP * (before != after))
    return places


def accuracy_label(error: float) -> str:
    """Write an error rate as the accuracy that it leaves: 0.001 as '99.9 %'."""
    digits = max(0, math.ceil(-math.log10(error) - 1e-9) - 2)
    return f"{100 * (1 - error):.{digits}f} %"


def draw_axis(axis: Axes, low: float, high: float, narrow: bool = False) -> None:
    """Make the horizontal axis one of error rates, logarithmic and from right to left, labelled as accuracies."""
    axis.set_xscale("log")
    axis.set_xlim(high * 1.15, low / 1.1)
    # As many labels as there is room for; over many decades 0, 50, 90, 99, 99.9 … %.
    room = high / low * (4 if narrow else 1)
    steps = (1, 2, 3, 5, 7) if room < 10 else (1, 2, 5) if room < 30 else (1, 5) if room < 300 else (1,)
    decades = [10.0**decade for decade in range(math.floor(math.log10(low)), 1)]
    for place, locators in (("major", steps), ("minor", range(1, 10))):
        ticks = {round(step * decade, 12) for decade in decades for step in locators} | (
            {0.5} if room >= 300 and not narrow else set()
        )
        shown = sorted(tick for tick in ticks if low <= tick <= min(1, high * 1.15))
        getattr(axis.xaxis, f"set_{place}_locator")(FixedLocator(shown))
    axis.xaxis.set_major_formatter(lambda error, _: accuracy_label(error))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(axis="x", which="major", linewidth=0.6)
    axis.set_axisbelow(True)


def draw_ladder(table: pd.DataFrame, colours: Mapping[str, str], narrow: bool = False) -> Figure:
    """Draw each rung's mean accuracy with its interval; the rungs of the ladder are joined, those beside it are squares."""
    beside = [bool(value) for value in table["beside"]]
    places = np.array(row_places(beside))
    labels = [
        textwrap.fill(f"{model}: {adds}", LETTERS[narrow])
        for model, adds in zip(table["model"], table["adds"], strict=True)
    ]
    row = ROW + LINE_HEIGHT * max(label.count("\n") + 1 for label in labels)
    width = NARROW if narrow else WIDE
    figure, (axis, numbers) = plt.subplots(
        1, 2, figsize=(width, 0.7 + row * (places[-1] + 1.2)), width_ratios=(width - 1.3, 1.3), sharey=True
    )

    floor = lowest_error(table)
    errors = error_rates(table["test_accuracy"], floor)
    best = error_rates(table["interval_high"].fillna(table["test_accuracy"]), floor)
    worst = error_rates(table["interval_low"].fillna(table["test_accuracy"]), floor)
    on_ladder = ~np.array(beside)
    axis.plot(errors[on_ladder], places[on_ladder], color=LINE, linewidth=1, zorder=1)
    for number, model in enumerate(table["model"]):
        whiskers = [[errors[number] - best[number]], [worst[number] - errors[number]]]
        mark = {"fmt": "s" if beside[number] else "o", "color": colours[model], "markersize": 6, "linewidth": 1.6}
        axis.errorbar(errors[number], places[number], xerr=whiskers, capsize=3, **mark)
    draw_axis(axis, floor, max(worst.max(), errors.max()), narrow)
    axis.set(yticks=[], ylim=(places[-1] + 0.4, -0.8), xlabel=f"test accuracy,{NEXT[narrow]}95 % interval of the mean")
    ground = {"facecolor": GROUND, "edgecolor": "none", "pad": 0.5}  # so that no line runs through a word
    for place, label in zip(places, labels, strict=True):
        where = {"transform": axis.get_yaxis_transform(), "va": "bottom"}
        axis.text(0.01, place - 0.25, label, fontsize=SMALL, bbox=ground, **where)
    axis.spines["left"].set_visible(False)
    draw_numbers(numbers, table, places)
    return figure


def draw_numbers(axis: Axes, table: pd.DataFrame, places: np.ndarray) -> None:
    """Write mean accuracy and difference beside each row; a difference beyond chance is bold and has a star."""
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    axis.text(0.45, -0.6, "mean", ha="right", va="center", fontsize=SMALL, color=FAINT)
    axis.text(0.9, -0.6, "gained", ha="right", va="center", fontsize=SMALL, color=FAINT)
    columns = (table[name].tolist() for name in ("test_accuracy", "difference", "significant"))
    for place, accuracy, difference, significant in zip(places, *columns, strict=True):
        axis.text(0.45, place, f"{100 * accuracy:.2f} %", ha="right", va="center", fontsize=SMALL)
        if not math.isnan(difference):
            gained, weight = f"{100 * difference:+.2f}".replace("-", "−"), "bold" if significant else "normal"
            axis.text(0.9, place, gained, ha="right", va="center", fontsize=SMALL, weight=weight)
        if significant:
            axis.text(0.92, place, "*", va="center", fontsize=SMALL, weight="bold")


def main() -> None:
    parser = command_parser("plot_ladder", __doc__)
    parser.file("--table", "ladder.csv, from digits.compare")
    parser.add_argument("--models", nargs="+", required=True, help="all models in order, for their colours")
    parser.outputs("--ladder", "figure to write, and one for a small screen")
    args = parser.parse_args()

    table = read_table(args.table, LADDER)
    colours = model_colours(args.models)
    if unknown := [model for model in table["model"] if model not in colours]:
        raise UserError(f"--models: {', '.join(unknown)} of {args.table} is missing; name all models of the report")
    save_both({partial(draw_ladder, table, colours): args.ladder}, args.made_from)


if __name__ == "__main__":
    run(main)
