"""Compare a search's candidates on the validation images, and name the best: a table, and a figure with one panel per search.

The best has the highest mean accuracy over its seeds; of equals, the one with the lowest mean loss, then the first. A
candidate of which a run diverged (its scores are no numbers) has no accuracy and is never the best.
"""

import json
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.special
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from digits.core.command import UserError, log, run
from digits.core.files import checked
from digits.core.options import command_parser
from digits.rendering.plotting import COLOURS, save_figures
from digits.settings.candidates import as_changes
from digits.statistics.metrics import mean_and_interval, negative_log_likelihood
from digits.statistics.predictions import load_validation

SCORES = "validation.safetensors"  # in the folder of each run
WIDE = 20  # an axis whose largest value is more than so many times its smallest is logarithmic
# How single runs are drawn.
RUNS: dict[str, Any] = {"marker": ".", "linestyle": "", "color": "#999999", "markersize": 5}
DIVERGED: dict[str, Any] = {"color": "#555555", "fontsize": 7}


class Candidate(NamedTuple):
    """What a search changes in its recipe, and how its runs did on the validation images."""

    name: str
    changes: dict[str, Any]
    accuracies: list[float]  # of each run that did not diverge
    losses: list[float]  # likewise, mean negative log-likelihood
    diverged: int  # runs

    @property
    def accuracy(self) -> float:
        """The mean over the runs; NaN where one diverged."""
        return math.nan if self.diverged else float(np.mean(self.accuracies))

    @property
    def loss(self) -> float:
        """Likewise."""
        return math.nan if self.diverged else float(np.mean(self.losses))


def read_scores(path: Path) -> tuple[float, float] | None:
    """Return a run's accuracy and mean negative log-likelihood on the validation images; None if it diverged."""
    logits, labels = load_validation(path)
    if not len(labels):
        raise UserError(f"{path}: no images were held out; choose a recipe with a validation_size above 0")
    if not (logits < np.inf).all():  # NaN is what digits.train writes of a training that diverged
        return None
    log_probabilities = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return accuracy, negative_log_likelihood(log_probabilities, labels.astype(np.int64))


def read_candidate(name: str, changes: dict[str, Any], seeds: Sequence[int], runs: Path) -> Candidate:
    """Read what `digits.train` wrote of a candidate's runs."""
    found = [read_scores(runs / name / f"seed-{seed}" / SCORES) for seed in seeds]
    finished = [scores for scores in found if scores is not None]
    accuracies, losses = [scores[0] for scores in finished], [scores[1] for scores in finished]
    return Candidate(name, changes, accuracies, losses, len(found) - len(finished))


def best_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the best; None where all diverged."""
    able = [candidate for candidate in candidates if not candidate.diverged]
    return max(able, key=lambda candidate: (candidate.accuracy, -candidate.loss), default=None)


def verdict(best: Candidate | None) -> str:
    """Say which candidate is best."""
    return f"{as_changes(best.changes)} is best, validation accuracy {best.accuracy:.2%}" if best else "all diverged"


def table_rows(search: str, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """One row per candidate: mean, spread and 95 % t-interval over its seeds."""
    best = best_of(candidates)
    rows = []
    for candidate in candidates:
        accuracy = {} if candidate.diverged else mean_and_interval(candidate.accuracies)
        rows.append(
            {
                "search": search,
                "candidate": candidate.name,
                "changes": as_changes(candidate.changes),
                "runs": len(candidate.accuracies) + candidate.diverged,
                "diverged": candidate.diverged,
                "validation_accuracy": accuracy.get("mean"),
                "validation_accuracy_std": accuracy.get("std"),
                "interval_low": accuracy.get("low"),
                "interval_high": accuracy.get("high"),
                "validation_loss": candidate.loss,
                "best": candidate is best,
            }
        )
    return rows


def draw_searches(searches: dict[str, list[Candidate]]) -> Figure:
    """Draw validation errors, one panel per search: along the number that varies, or one row per candidate."""
    by_row = {search: found for search, found in searches.items() if not _along_a_number(found)}
    longest = max((len(as_changes(candidate.changes)) for found in by_row.values() for candidate in found), default=0)
    width = max(7.2, 4 + 0.07 * longest)
    heights = [1 + 0.24 * len(found) if search in by_row else 2.8 for search, found in searches.items()]
    figure = plt.figure(figsize=(width, sum(heights)))
    panels = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for panel, (search, found) in zip(panels, searches.items(), strict=True):
        best = best_of(found)
        panel.suptitle(textwrap.fill(f"{search}: {verdict(best)}", int(13 * width)), x=0.01, ha="left", fontsize=10)
        if search in by_row:
            _draw_rows(panel.subplots(), found, best)
        else:
            _draw_along_a_number(panel.subplots(), found, best)
    return figure


def _along_a_number(candidates: Sequence[Candidate]) -> bool:
    """Whether the candidates differ in one number alone."""
    values = [value for candidate in candidates for value in candidate.changes.values()]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and len(values) == len(candidates)


def _draw_along_a_number(axis: Axes, candidates: Sequence[Candidate], best: Candidate | None) -> None:
    places = {candidate.name: next(iter(candidate.changes.values())) for candidate in candidates}
    able = sorted(
        (candidate for candidate in candidates if not candidate.diverged),
        key=lambda candidate: float(places[candidate.name]),
    )
    means = [1 - candidate.accuracy for candidate in able]
    axis.plot([places[candidate.name] for candidate in able], means, color=COLOURS[0], linewidth=1)
    for candidate in candidates:
        place = places[candidate.name]
        if candidate.diverged:
            axis.axvline(place, color="#999999", linewidth=1, linestyle=":")
            axis.text(
                place, 1, "diverged ", DIVERGED, transform=axis.get_xaxis_transform(), rotation=90, va="top", ha="right"
            )
        else:
            errors = [1 - accuracy for accuracy in candidate.accuracies]
            axis.plot([place] * len(errors), errors, **RUNS)
            axis.plot(place, 1 - candidate.accuracy, **_mean(candidate is best))
    axis.set(xlabel=next(iter(candidates[0].changes)), ylabel="validation error")
    _scale(axis, "x", list(places.values()), 1, "")
    _scale(axis, "y", _errors(candidates), 100, " %")


def _draw_rows(axis: Axes, candidates: Sequence[Candidate], best: Candidate | None) -> None:
    """Draw those with the fewest errors first, and those that diverged last."""
    rows = sorted(candidates, key=lambda candidate: math.inf if candidate.diverged else 1 - candidate.accuracy)
    for row, candidate in enumerate(rows):
        errors = [1 - accuracy for accuracy in candidate.accuracies]
        if candidate.diverged:
            axis.text(0, row, " diverged", DIVERGED, transform=axis.get_yaxis_transform(), va="center")
        else:
            axis.plot(errors, [row] * len(errors), **RUNS)
            axis.plot(1 - candidate.accuracy, row, **_mean(candidate is best))
    names = [as_changes(candidate.changes) for candidate in rows]
    axis.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -0.5), xlabel="validation error")
    axis.tick_params(axis="y", labelsize=7)
    _scale(axis, "x", _errors(candidates), 100, " %")


def _mean(best: bool) -> dict[str, Any]:
    """Return how a mean is marked: the best larger and in another colour."""
    return {"marker": "D" if best else "o", "color": COLOURS[2] if best else COLOURS[0], "markersize": 7 if best else 5}


def _errors(candidates: Sequence[Candidate]) -> list[float]:
    return [1 - accuracy for candidate in candidates if not candidate.diverged for accuracy in candidate.accuracies]


def _scale(axis: Axes, side: str, values: Sequence[float], factor: float, unit: str) -> None:
    """Make the x or y axis logarithmic where its values are far apart, and label it with plain numbers."""
    scaled = axis.xaxis if side == "x" else axis.yaxis
    if values and max(values) > WIDE * min(values) > 0:
        axis.set(**{f"{side}scale": "log"})
        scaled.set_major_locator(LogLocator(subs=(1, 2, 5)))
        scaled.set_minor_formatter(NullFormatter())
    scaled.set_major_formatter(lambda value, _: f"{factor * value:g}{unit}")


def main() -> None:
    parser = command_parser("search", __doc__)
    parser.add_argument(
        "--searches",
        required=True,
        help="JSON: by a search's name its `seeds` and its `candidates`, the changes by their name",
    )
    parser.folder("--runs", "folder of all runs; of each candidate, digits.train wrote them")
    parser.output("--table", "CSV file to write: one row per candidate")
    parser.output("--figure", "figure to write (.svg or .png): one panel per search")
    args = parser.parse_args()

    plan = json.loads(args.searches)
    searches = {
        search: [
            read_candidate(name, changes, spec["seeds"], args.runs) for name, changes in spec["candidates"].items()
        ]
        for search, spec in plan.items()
    }
    if not searches:
        raise UserError("--searches: none; name some in the configuration, such as config/search.yaml does")
    rows = [row for search, found in searches.items() for row in table_rows(search, found)]
    files = [
        args.runs / name / f"seed-{seed}" / SCORES
        for spec in plan.values()
        for name in spec["candidates"]
        for seed in spec["seeds"]
    ]
    save_figures({args.figure: draw_searches(searches)}, checked(files), {args.table: pd.DataFrame(rows)})
    for search, found in searches.items():
        log(f"{search}: {verdict(best_of(found))}")


if __name__ == "__main__":
    run(main)
