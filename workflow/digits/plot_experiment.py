"""Draw what explains a result: which classes its runs learn and when, the experiment, and the slopes of the losses."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from digits.core.command import run
from digits.core.options import command_parser
from digits.core.tables import read_table
from digits.rendering.percentages import PERCENT, in_percent
from digits.rendering.plotting import COLOURS, FAINT, INK, LINE, NARROW, NEXT, SMALL, WIDE, letters, save_both, short
from digits.rendering.words import INITS_IN_SHORT, LOSSES_IN_SHORT, listed
from digits.statistics.histories import classes_learned, recalls
from digits.statistics.kinds import EXPERIMENT, LEARNING

COLUMNS = 4  # panels in a row; in a narrow form half as many
NAMED = 12  # classes whose names are on an axis, letters of a name
TIGHT = 3  # letters of a name, beside narrow panels: longer ones leave these less room
LETTERS = 16  # of the names above a panel
BLUE = COLOURS[0]
SCORES = np.linspace(-12, 12, 241)


def draw_learning(learning: pd.DataFrame, plan: Mapping[str, Any], narrow: bool = False) -> Figure:
    """Draw recall by class and epoch, a panel for each run of the model that is explained and for the first of the one beside.

    Below each panel is the training loss; of the tutorial's, with a line at what "no" to every class costs.
    """
    explained, *beside = plan["models"]
    runs = [(explained, seed) for seed in plan["seeds"][explained]] + [(m, plan["seeds"][m][0]) for m in beside]
    columns = min(len(runs), COLUMNS // 2 if narrow else COLUMNS)
    rows = -(-len(runs) // columns)
    size = (NARROW if narrow else WIDE, 3.3 * rows)
    figure, axes = plt.subplots(2 * rows, columns, figsize=size, squeeze=False, height_ratios=[2.2, 1] * rows)
    for axis in axes.flat:
        axis.set_axis_off()
    losses = learning[learning["model"] == explained]["train_loss"]
    for number, (model, seed) in enumerate(runs):
        row, column = divmod(number, columns)
        history = learning[(learning["model"] == model) & (learning["seed"] == seed)]
        heat, loss = axes[2 * row, column], axes[2 * row + 1, column]
        _draw_recalls(heat, history, f"{model}, seed {seed}", (NAMED // (1 + narrow)) * (column == 0))
        loss.plot(history["epoch"], history["train_loss"], color=INK, linewidth=1.2)
        top = losses.max() if model == explained else history["train_loss"].max()
        loss.set(xlim=(0.5, history["epoch"].max() + 0.5), ylim=(0, 1.12 * top), xlabel="epoch")
        if plan["losses"][model] == "mnist_loss":
            no = 1 / recalls(history).shape[1]
            loss.axhline(no, color=FAINT, linewidth=1, linestyle=(0, (4, 2)))
            tight = narrow and max(map(letters, recalls(history).columns)) > TIGHT
            loss.annotate(
                f"dashed:{NEXT[tight]}“no” to all", (0.05, 0.08), xycoords="axes fraction", fontsize=SMALL, color=FAINT
            )
        if column == 0:
            loss.set_ylabel("training loss")
        for axis in (heat, loss):
            axis.set_axis_on()
            axis.xaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
    return figure


def _draw_recalls(axis: Axes, history: pd.DataFrame, title: str, named: int) -> None:
    """Draw them, beside classes' names of `named` letters, or no names."""
    values = recalls(history)
    shades = np.empty((values.shape[1], len(values), 4))
    shades[..., :3] = to_rgb(BLUE)
    shades[..., 3] = np.nan_to_num(values.to_numpy().T)  # transparent on the page's own ground, light or dark
    end = history["epoch"].max() + 0.5
    axis.imshow(shades, aspect="auto", interpolation="none", extent=(0.5, end, values.shape[1] - 0.5, -0.5))
    learned = values.columns[classes_learned(history).iloc[-1]]
    names = listed(list(learned))
    few = len(learned) <= 3 and letters(names) <= LETTERS
    says = f"learns {names or 'nothing'}" if few else f"learns {len(learned)} of {values.shape[1]}"
    axis.set_title(f"{title}\n{says}")
    step = -(-values.shape[1] // NAMED)
    labels = [short(name, named) for name in values.columns[::step]] if named else []
    axis.set_yticks(range(0, values.shape[1], step), labels)
    axis.tick_params(labelbottom=False, left=False)
    if named:
        axis.set_ylabel("recall by class")


def draw_experiment(
    learning: pd.DataFrame, experiment: pd.DataFrame, plan: Mapping[str, Any], narrow: bool = False
) -> Figure:
    """Draw validation accuracy by epoch in a grid, a row per initialisation, a column per loss: runs, mean and interval.

    In a narrow form rows are losses, columns initialisations.
    """
    inits, losses = (list(dict.fromkeys(r[key] for r in plan["recipes"].values())) for key in ("init", "loss"))
    down, across = (losses, inits) if narrow else (inits, losses)
    size = (NARROW if narrow else WIDE, 2.1 * len(down) + 0.4)
    figure, axes = plt.subplots(len(down), len(across), figsize=size, squeeze=False, sharex=True, sharey=True)
    named: Mapping[str, str] = {**INITS_IN_SHORT, **LOSSES_IN_SHORT}
    classes = recalls(learning).shape[1]
    for axis in axes.flat:
        axis.set_axis_off()
    for name, recipe in plan["recipes"].items():
        keys = ("loss", "init") if narrow else ("init", "loss")
        row, column = down.index(recipe[keys[0]]), across.index(recipe[keys[1]])
        axis, means = axes[row, column], experiment[experiment["model"] == name]
        axis.set_axis_on()
        for _, history in learning[learning["model"] == name].groupby("seed"):
            short = history[history["epoch"] <= means["epoch"].max()]
            axis.plot(short["epoch"], short["validation_accuracy"], color=FAINT, linewidth=0.7)
        axis.fill_between(
            means["epoch"],
            means["interval_low"],
            means["interval_high"],
            color=BLUE,
            alpha=0.18,
            linewidth=0,
        )
        axis.plot(means["epoch"], means["validation_accuracy"], color=BLUE, linewidth=2)
        end = means.iloc[-1]
        place = (0.97, 0.06) if end["validation_accuracy"] > 0.4 else (0.97, 0.8)
        label = f"{in_percent(end['validation_accuracy'], 1)}\n{end['classes_learned']:.1f} of {classes} learned"
        axis.annotate(
            label, place, xycoords="axes fraction", ha="right", va="bottom" if place[1] < 0.5 else "top", fontsize=SMALL
        )
        axis.set(ylim=(0, 1.02))
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=PERCENT))
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axis.grid(axis="y", linewidth=0.5)
    for column, key in enumerate(across):
        axes[0, column].set_title(named[key])
        axes[-1, column].set_xlabel("epoch")
    for row, key in enumerate(down):
        axes[row, 0].set_ylabel(named[key])
    return figure


def slopes(classes: int) -> dict[str, np.ndarray]:
    """Return the size of each loss's slope in the score of the true class at SCORES, the scores of all other classes being 0."""
    sigmoid = 1 / (1 + np.exp(-SCORES))
    tutorial = sigmoid * (1 - sigmoid) / classes
    return {
        "mnist_loss": tutorial,
        "balanced_mnist_loss": tutorial * (classes - 1),
        "cross_entropy": (classes - 1) / (np.exp(SCORES) + classes - 1),
    }


def draw_slopes(learning: pd.DataFrame, plan: Mapping[str, Any], narrow: bool = False) -> Figure:
    """Draw the slope of each loss of the experiment, on a logarithmic scale, and how many scores start where it is small."""
    figure, axis = plt.subplots(figsize=(NARROW if narrow else WIDE, 3.2))
    explained = plan["models"][0]
    losses: Sequence[str] = list(dict.fromkeys(recipe["loss"] for recipe in plan["recipes"].values()))
    for number, loss in enumerate(losses):
        values = slopes(recalls(learning).shape[1])[loss]
        style = ("-", (0, (5, 2)), (0, (1, 1.5)))[number % 3]
        colour = COLOURS[(0, 2, 3)[number % 3]]
        axis.plot(SCORES, values, label=LOSSES_IN_SHORT[loss], color=colour, linewidth=2, linestyle=style)
    # Labels beside the lines would cross them.
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3, handlelength=3)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    edge = np.log(99)
    for low, high in ((SCORES[0], -edge), (edge, SCORES[-1])):
        axis.axvspan(low, high, color=LINE, alpha=0.35, linewidth=0)
    first = learning[(learning["model"] == explained) & (learning["epoch"] == 1)]["saturated"].mean()
    axis.annotate(
        f"both grey bands: {in_percent(first)} of the\nscores of {explained} start there",
        (0.5, 0.03),
        xycoords="axes fraction",
        ha="center",
        fontsize=SMALL,
    )
    axis.set(
        xlim=(SCORES[0], SCORES[-1]),
        xlabel=f"score of the true class{NEXT[narrow]}(negative: wrong, positive: right)",
        ylabel="slope of the loss",
    )
    return figure


def main() -> None:
    parser = command_parser("plot_experiment", __doc__)
    parser.add_argument("--plan", required=True, help="models, recipes and the seeds of each, as JSON")
    parser.file("--learning", "learning.csv, from digits.explain")
    parser.file("--experiment", "experiment.csv, from digits.explain")
    for name in ("learning", "experiment", "slopes"):
        parser.outputs(f"--{name}-figure", "figure to write, and one for a small screen")
    parser.output("--slopes-table", "table to write: the numbers of --slopes-figure")
    args = parser.parse_args()

    plan = json.loads(args.plan)
    learning = read_table(args.learning, LEARNING)
    experiment = read_table(args.experiment, EXPERIMENT)
    draw = {
        "learning": partial(draw_learning, learning, plan),
        "experiment": partial(draw_experiment, learning, experiment, plan),
        "slopes": partial(draw_slopes, learning, plan),
    }
    slope = pd.DataFrame({"score": SCORES, **slopes(recalls(learning).shape[1])})
    save_both(
        {function: getattr(args, f"{name}_figure") for name, function in draw.items()},
        args.made_from,
        {args.slopes_table: slope},
    )


if __name__ == "__main__":
    run(main)
