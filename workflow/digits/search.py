"""Compare a search's candidates on the validation images, and name the best: a table, and a figure with one panel per search.

The best has the highest mean over its seeds of the search's criterion; of equals, the one with the lowest mean loss, then
the first. A candidate of which a run diverged (its scores are no numbers) has no means and is never the best.
"""

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
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
from digits.rendering.percentages import PERCENT, in_percent
from digits.rendering.plotting import COLOURS, save_figures
from digits.settings.candidates import as_changes
from digits.statistics.by_class import AVERAGES, class_means
from digits.statistics.metrics import mean_and_interval, negative_log_likelihood
from digits.statistics.predictions import load_validation

SCORES = "validation.safetensors"  # in the folder of each run
# What may decide, as readers know it.
CRITERIA = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}
WIDE = 20  # an axis whose largest value is more than so many times its smallest is logarithmic
# How single runs are drawn.
RUNS: dict[str, Any] = {"marker": ".", "linestyle": "", "color": "#999999", "markersize": 5}
DIVERGED: dict[str, Any] = {"color": "#555555", "fontsize": 7}


class Candidate(NamedTuple):
    """What a search changes in its recipe, and how its runs did on the validation images."""

    name: str
    changes: dict[str, Any]
    scores: list[dict[str, float]]  # of each run that did not diverge: every one of CRITERIA, and `loss`
    diverged: int  # runs
    criterion: str  # that decides

    def values(self, name: str) -> list[float]:
        """Return one of the scores for each run that did not diverge."""
        return [scores[name] for scores in self.scores]

    def mean(self, name: str) -> float:
        """Return its mean over the runs; NaN where one diverged."""
        return math.nan if self.diverged else float(np.mean(self.values(name)))

    @property
    def errors(self) -> list[float]:
        """What each run that did not diverge lacks of the criterion's 1."""
        return [1 - value for value in self.values(self.criterion)]

    @property
    def error(self) -> float:
        """Their mean; NaN where a run diverged."""
        return 1 - self.mean(self.criterion)


def read_scores(path: Path) -> dict[str, float] | None:
    """Return a run's CRITERIA and mean negative log-likelihood on the validation images; None if it diverged."""
    logits, labels = load_validation(path)
    if not len(labels):
        raise UserError(f"{path}: no images were held out; choose a recipe with a validation_size above 0")
    if not (logits < np.inf).all():  # NaN is what digits.train writes of a training that diverged
        return None
    log_probabilities = scipy.special.log_softmax(logits.astype(np.float64), axis=1)
    predicted, classes = logits.argmax(axis=1), logits.shape[1]
    means = class_means(
        *(np.bincount(of, minlength=classes) for of in (labels[predicted == labels], labels, predicted))
    )
    return {
        "accuracy": float((predicted == labels).mean()),
        **dict(zip(AVERAGES, means.tolist(), strict=True)),
        "loss": negative_log_likelihood(log_probabilities, labels.astype(np.int64)),
    }


def read_candidate(name: str, changes: dict[str, Any], search: Mapping[str, Any], runs: Path) -> Candidate:
    """Read what `digits.train` wrote of a candidate's runs; the search says with which seeds, and what decides."""
    found = [read_scores(runs / name / f"seed-{seed}" / SCORES) for seed in search["seeds"]]
    finished = [scores for scores in found if scores is not None]
    return Candidate(name, changes, finished, len(found) - len(finished), search["criterion"])


def best_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the best; None where all diverged."""
    able = [candidate for candidate in candidates if not candidate.diverged]
    return min(able, key=lambda candidate: (-candidate.mean(candidate.criterion), candidate.mean("loss")), default=None)


def verdict(best: Candidate | None) -> str:
    """Say which candidate is best."""
    if best is None:
        return "all diverged"
    return f"{as_changes(best.changes)} is best, validation {CRITERIA[best.criterion]} {in_percent(best.mean(best.criterion), 2)}"


def table_rows(search: str, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """One row per candidate: mean, spread and 95 % t-interval over its seeds."""
    best = best_of(candidates)
    rows = []
    for candidate in candidates:
        accuracy = {} if candidate.diverged else mean_and_interval(candidate.values("accuracy"))
        rows.append(
            {
                "search": search,
                "candidate": candidate.name,
                "changes": as_changes(candidate.changes),
                "runs": len(candidate.scores) + candidate.diverged,
                "diverged": candidate.diverged,
                "validation_accuracy": accuracy.get("mean"),
                "validation_accuracy_std": accuracy.get("std"),
                "interval_low": accuracy.get("low"),
                "interval_high": accuracy.get("high"),
                **{f"validation_{name}": candidate.mean(name) for name in (*AVERAGES, "loss")},
                "criterion": candidate.criterion,
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
    means = [candidate.error for candidate in able]
    axis.plot([places[candidate.name] for candidate in able], means, color=COLOURS[0], linewidth=1)
    for candidate in candidates:
        place = places[candidate.name]
        if candidate.diverged:
            axis.axvline(place, color="#999999", linewidth=1, linestyle=":")
            axis.text(
                place, 1, "diverged ", DIVERGED, transform=axis.get_xaxis_transform(), rotation=90, va="top", ha="right"
            )
        else:
            axis.plot([place] * len(candidate.errors), candidate.errors, **RUNS)
            axis.plot(place, candidate.error, **_mean(candidate is best))
    axis.set(xlabel=next(iter(candidates[0].changes)), ylabel=_axis_label(candidates))
    _scale(axis, "x", list(places.values()), 1, "")
    _scale(axis, "y", _errors(candidates), 100, PERCENT)


def _draw_rows(axis: Axes, candidates: Sequence[Candidate], best: Candidate | None) -> None:
    """Draw those with the fewest errors first, and those that diverged last."""
    rows = sorted(candidates, key=lambda candidate: math.inf if candidate.diverged else candidate.error)
    for row, candidate in enumerate(rows):
        if candidate.diverged:
            axis.text(0, row, " diverged", DIVERGED, transform=axis.get_yaxis_transform(), va="center")
        else:
            axis.plot(candidate.errors, [row] * len(candidate.errors), **RUNS)
            axis.plot(candidate.error, row, **_mean(candidate is best))
    names = [as_changes(candidate.changes) for candidate in rows]
    axis.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -0.5), xlabel=_axis_label(candidates))
    axis.tick_params(axis="y", labelsize=7)
    _scale(axis, "x", _errors(candidates), 100, PERCENT)


def _mean(best: bool) -> dict[str, Any]:
    """Return how a mean is marked: the best larger and in another colour."""
    return {"marker": "D" if best else "o", "color": COLOURS[2] if best else COLOURS[0], "markersize": 7 if best else 5}


def _errors(candidates: Sequence[Candidate]) -> list[float]:
    return [error for candidate in candidates if not candidate.diverged for error in candidate.errors]


def _axis_label(candidates: Sequence[Candidate]) -> str:
    criterion = candidates[0].criterion
    return "validation error" if criterion == "accuracy" else f"1 − validation {CRITERIA[criterion]}"


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
        help="JSON: by a search's name its `criterion`, its `seeds` and its `candidates`, the changes by their name",
    )
    parser.folder("--runs", "folder of all runs; of each candidate, digits.train wrote them")
    parser.output("--table", "CSV file to write: one row per candidate")
    parser.output("--figure", "figure to write (.svg or .png): one panel per search")
    args = parser.parse_args()

    plan = json.loads(args.searches)
    made_from = checked(
        args.runs / name / f"seed-{seed}" / SCORES
        for spec in plan.values()
        for name in spec["candidates"]
        for seed in spec["seeds"]
    )
    searches = {
        search: [read_candidate(name, changes, spec, args.runs) for name, changes in spec["candidates"].items()]
        for search, spec in plan.items()
    }
    if not searches:
        raise UserError("--searches: none; name some in the configuration, as config/search.yaml does")
    rows = [row for search, found in searches.items() for row in table_rows(search, found)]
    save_figures({args.figure: draw_searches(searches)}, made_from, {args.table: pd.DataFrame(rows)})
    for search, found in searches.items():
        log(f"{search}: {verdict(best_of(found))}")


if __name__ == "__main__":
    run(main)
