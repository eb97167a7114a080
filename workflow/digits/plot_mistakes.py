"""Draw misclassified images: those of the chosen model, and those that every reliable model misclassifies.

The chosen model is the summary's, by validation accuracy; where one run stands for it, it is that of its first seed.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from digits.core.command import run
from digits.data.datasheet import load_datasheet
from digits.data.tensors import Split, load_split
from digits.rendering.answers import answers
from digits.rendering.form import MANY
from digits.rendering.percentages import in_percent
from digits.rendering.plotting import FAINT, empty_figure, image_grid, letters, save_figures, short
from digits.statistics.predictions import Predictions, load_predictions
from digits.statistics.runs import read_measures, read_runs, reliable_models, runs_parser

SHOWN = 24  # images in a picture
NAMED = 12  # letters of a class's name
COLUMNS = 4  # so that it can be read on a telephone


def draw_confusion(confusion: list[list[int]], classes: list[str]) -> Figure:
    """Draw the confusion matrix, rows: true, columns: predicted; only mistakes are coloured. Of many classes the most frequent ones."""
    counts = np.array(confusion)
    mistakes = np.where(np.eye(len(classes), dtype=bool), 0, counts)
    if len(classes) > MANY:
        return draw_confused(mistakes, classes)
    side = max(3.2, 0.46 * len(classes))
    figure, axis = plt.subplots(figsize=(side + 0.4, side))
    axis.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(mistakes.max(), 1))
    if len(classes) <= 30:
        for (row, column), count in np.ndenumerate(counts):
            dark = mistakes[row, column] > 0.6 * mistakes.max()
            colour = "#666666" if row == column else "white" if dark else "black"  # the cells stay light
            if count:
                axis.text(column, row, f"{count:,}", ha="center", va="center", fontsize=7, color=colour)
    ticks, names = range(len(classes)), [short(name, NAMED) for name in classes]
    axis.set(
        xticks=ticks,
        xticklabels=names,
        yticks=ticks,
        yticklabels=names,
        xlabel="predicted class",
        ylabel="true class",
    )
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    if max(map(letters, names)) > 4:
        axis.tick_params(axis="x", rotation=90)
    return figure


def draw_confused(mistakes: np.ndarray, classes: list[str]) -> Figure:
    """Draw the most frequent mistakes as bars; `mistakes` is [true, predicted]."""
    order = [place for place in np.argsort(-mistakes, axis=None, kind="stable")[:SHOWN] if mistakes.flat[place]]
    if not order:
        return empty_figure("no mistakes")
    pairs = [[short(classes[number], NAMED) for number in divmod(place, len(classes))] for place in order]
    figure, axis = plt.subplots(figsize=(5, 0.4 + 0.24 * len(order)))
    bars = axis.barh(range(len(order)), mistakes.flat[order], 0.72, color=FAINT)
    axis.bar_label(bars, padding=3)
    axis.set(yticks=range(len(order)), yticklabels=[" → ".join(pair) for pair in pairs], ylim=(len(order) - 0.5, -0.5))
    axis.set(xticks=[], title=f"the {len(order)} most frequent mistakes (true → predicted class)")
    axis.spines[["bottom", "left"]].set_visible(False)
    axis.tick_params(length=0)
    return figure


def draw_mistakes(test: Split, form: str, scores: Predictions, temperature: float | None) -> Figure:
    """Draw the network's most confident mistakes on test images of the classes that count, calibrated if it can be."""
    found = answers(scores, temperature)
    worst = found.worst_first()[: min(SHOWN, found.wrong().sum())]
    if not len(worst):
        return empty_figure("no mistakes")
    names = [short(name, NAMED) for name in test.classes]
    titles = [
        f"{names[test.labels[i]]}\n→ {names[found.read[i]]}\n{in_percent(found.share[i], 1)}\nno. {i}" for i in worst
    ]
    return image_grid(test.images[worst], form, COLUMNS, titles)


def shared_mistakes(labels: np.ndarray, runs: Sequence[Predictions], classes: list[str]) -> pd.DataFrame:
    """List the images that all runs misclassify, of the classes that count for all, by how many runs agree.

    `labels` is [N]. `agree` counts the runs that give the most frequent prediction, `predicted`.
    """
    predictions = np.array([scores.logits.argmax(axis=1) for scores in runs])
    wrong_in = [scores.counted & (prediction != labels) for scores, prediction in zip(runs, predictions, strict=True)]
    wrong = np.flatnonzero(np.all(wrong_in, axis=0)) if runs else np.array([], dtype=int)
    votes = [np.bincount(predictions[:, i], minlength=len(classes)) for i in wrong]
    table = pd.DataFrame(
        {
            "image": wrong,
            "label": [classes[labels[i]] for i in wrong],
            "predicted": [classes[vote.argmax()] for vote in votes],
            "agree": [int(vote.max()) for vote in votes],
            "runs": len(runs),
        }
    )
    return table.sort_values(["agree", "image"], ascending=[False, True])


def draw_shared_mistakes(test: Split, form: str, shared: pd.DataFrame) -> Figure:
    """Draw the first of the images that all runs misclassify."""
    rows = shared.head(SHOWN).to_dict("records")
    if not rows:
        return empty_figure("no image is misclassified by all of them")
    titles = [
        f"{short(row['label'], NAMED)}\n→ {short(row['predicted'], NAMED)}\n{row['agree']} of {row['runs']}\nno. {row['image']}"
        for row in rows
    ]
    images = test.images[[row["image"] for row in rows]]
    return image_grid(images, form, COLUMNS, titles)


def main() -> None:
    parser = runs_parser("plot_mistakes", __doc__, ["predictions.safetensors", "metrics.json"])
    parser.file("--test", "test.safetensors, from digits.convert")
    parser.file("--datasheet", "datasheet.json, from digits.convert")
    parser.output("--table", "CSV file to write: images that all runs misclassify")
    for name in ("confusion", "mistakes", "shared-mistakes"):
        parser.output(f"--{name}", "figure to write (.svg or .png)")
    args = parser.parse_args()

    test, form = load_split(args.test), load_datasheet(args.datasheet)["form"]
    runs = read_runs(args)
    chosen = runs.first()[runs.chosen]
    measures = chosen / "metrics.json"
    measured = read_measures(measures)
    confusion, temperature = measured["test"]["confusion"], measured["temperature"]
    counted = reliable_models(runs.metrics)
    scores = {
        folder: load_predictions(folder / "predictions.safetensors")
        for (model, _), folder in runs.folders.items()
        if model in counted or folder == chosen
    }
    compared = [scores[folder] for (model, _), folder in runs.folders.items() if model in counted]
    shared = shared_mistakes(test.labels, compared, test.classes)

    save_figures(
        {
            args.confusion: draw_confusion(confusion, test.classes),
            args.mistakes: draw_mistakes(test, form, scores[chosen], temperature),
            args.shared_mistakes: draw_shared_mistakes(test, form, shared),
        },
        args.made_from,
        {args.table: shared},
    )


if __name__ == "__main__":
    run(main)
