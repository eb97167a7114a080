"""Why a network stops where it does: sentences that follow what its training and the experiment measured."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from digits.rendering.page import interval, percent
from digits.rendering.words import INITS_IN_SHORT, LOSSES_IN_SHORT, isolated, listed
from digits.statistics.histories import classes_learned, recalls

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
STUCK = 0.01  # a loss is at "no" to every class if it is this near, as a fraction, to what that costs
TUTORIAL = ("normal", "mnist_loss")  # its initialisation and loss

Cell = tuple[str, str]  # an initialisation and a loss


def in_words(number: int) -> str:
    """Write a whole number, up to ten in words."""
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def all_of(count: int, what: str) -> str:
    """Return all classes, called `what`, in words: 'all ten digits', 'both classes'."""
    return f"both {what}" if count == 2 else f"all {in_words(count)} {what}"


def last_epochs(learning: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the row of the last epoch of each run of a model, by its seed."""
    runs = learning[learning["model"] == model]
    return runs.loc[runs.groupby("seed")["epoch"].idxmax()].set_index("seed")


def how_many_learned(learning: pd.DataFrame, model: str) -> str:
    """Say how many classes the runs of a model have learned at their end: 'two', 'two or three', 'at most four'."""
    counts = classes_learned(last_epochs(learning, model)).sum(axis=1)
    low, high = int(counts.min()), int(counts.max())
    if low == high:
        return in_words(low)
    if low == 0:
        return f"at most {in_words(high)}"
    return f"{in_words(low)} {'or' if high - low == 1 else 'to'} {in_words(high)}"


def what_each_learned(learning: pd.DataFrame, model: str) -> str:
    """Say which classes each run of a model has learned at its end, and how well it recognises these and the others."""
    last = last_epochs(learning, model)
    values, learned = recalls(last), classes_learned(last)
    runs = [
        f"seed {seed} has learned {listed([isolated(name) for name in learned.columns[row]]) or 'none'}"
        for seed, row in zip(learned.index, learned.to_numpy(), strict=True)
    ]
    text = f"S{'; '.join(runs)[1:]}."  # "Seed …"; capitalize() would write the names in small letters
    known, others = (values.to_numpy()[mask.to_numpy()] for mask in (learned, ~learned))
    if len(known) and not np.isnan(others).all():
        text += (
            f" On average, a run recognises {percent(float(known.mean()), 0)} of the training images of a class that it has learned, and "
            f"{percent(float(np.nanmean(others)), 0)} of the others."
        )
    return text


def cost_of_no(learning: pd.DataFrame, model: str) -> str:
    """Say what "no" to every class costs by the tutorial's loss, and how long the runs of a model stay there."""
    runs = learning[learning["model"] == model]
    classes = recalls(runs).shape[1]
    no, epochs = 1 / classes, int(runs["epoch"].max())
    stuck = (abs(runs["train_loss"] / no - 1) < STUCK).groupby(runs["seed"]).sum().to_dict()
    longest = max(stuck, key=lambda seed: stuck[seed])
    text = (
        f"For every image, all targets but one are “no”: {in_words(classes - 1)} of {in_words(classes)}. The tutorial's loss is "
        f"the mean over all of them. “No” to every class costs {no:.3g}, whatever the image shows."
    )
    if stuck[longest]:
        text += f" The run with seed {longest} spends {stuck[longest]} of its {epochs} epochs within 1 % of that."
    return text + (
        " The class with the largest output counts as the prediction even where all say “no”, so some images of other classes "
        "are classified correctly, too."
    )


def changes_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say with what other loss and initial weights one recipe differs from another: 'cross-entropy and scaled weights'."""
    short = {"loss": LOSSES_IN_SHORT, "init": INITS_IN_SHORT}
    return listed([words[after[key]] for key, words in short.items() if after[key] != before[key]])


def design(experiment: pd.DataFrame) -> str:
    """Say what the experiment compares."""
    inits, losses = (list(dict.fromkeys(experiment[key])) for key in ("init", "loss"))
    runs, epochs = int(experiment["runs"].max()), int(experiment["epoch"].max())
    starts = f"{in_words(len(inits))} kind{'s' * (len(inits) > 1)} of initial weights ({'; '.join(INITS_IN_SHORT[key] for key in inits)})"
    of = f"{in_words(len(losses))} loss{'es' * (len(losses) > 1)} ({'; '.join(LOSSES_IN_SHORT[key] for key in losses)})"
    text = (
        f"The same network is trained for {in_words(epochs)} epoch{'s' * (epochs > 1)}, {in_words(runs)} run{'s' * (runs > 1)} for each "
        f"combination of {starts} and {of}. Each combination has its own learning rate; accuracy is measured on held-out training "
        "images."
    )
    if "balanced_mnist_loss" in losses:
        text += " *Balanced* means that the one “yes” counts as much as all the “no”s together."
    return text


def cells_at(experiment: pd.DataFrame, epoch: int) -> dict[Cell, dict[str, Any]]:
    """Return the experiment's rows of an epoch, by initialisation and loss."""
    rows = experiment[experiment["epoch"] == epoch].to_dict("records")
    return {(row["init"], row["loss"]): {str(key): value for key, value in row.items()} for row in rows}


def at_end(experiment: pd.DataFrame) -> dict[Cell, dict[str, Any]]:
    """Return the experiment's rows of the last epoch, by initialisation and loss."""
    return cells_at(experiment, experiment["epoch"].max())


def accuracy_of(row: Mapping[str, Any]) -> str:
    """Write a row's accuracy with its interval, if it has one: '77.3 % (70.1 to 84.5 %)'."""
    mean, low, high = row["validation_accuracy"], row["interval_low"], row["interval_high"]
    return percent(mean, 1) + ("" if pd.isna(low) else f" ({interval(low, high, 1)})")


def single_changes(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Return the cells that change only the tutorial's loss, and those that change only its initial weights."""
    cells = list(cells)
    return {
        "loss": [(init, loss) for init, loss in cells if init == TUTORIAL[0] and loss != TUTORIAL[1]],
        "initial weights": [(init, loss) for init, loss in cells if init != TUTORIAL[0] and loss == TUTORIAL[1]],
    }


def effects(experiment: pd.DataFrame) -> list[str]:
    """Say what changes of the tutorial's network bring, one at a time and together; [] where that is no part of the experiment."""
    end = at_end(experiment)
    if TUTORIAL not in end:
        return []
    alone = single_changes(end)
    named = [(f"{LOSSES_IN_SHORT[cell[1]]} alone", cell) for cell in alone["loss"]]
    named += [(f"{INITS_IN_SHORT[cell[0]]} alone", cell) for cell in alone["initial weights"]]
    named += [
        (f"{INITS_IN_SHORT[init]} and {LOSSES_IN_SHORT[loss]}", (init, loss))
        for init, loss in end
        if init != TUTORIAL[0] and loss != TUTORIAL[1]
    ]
    return [
        f"as in the tutorial: {accuracy_of(end[TUTORIAL])}",
        *(f"with {change}: {accuracy_of(end[cell])}" for change, cell in named),
    ]


def larger_cause(experiment: pd.DataFrame) -> str | None:
    """Return which single change gains most accuracy, 'loss' or 'initial weights'; None where none is seen to gain any."""
    end = at_end(experiment)
    changes = single_changes(end)
    if TUTORIAL not in end or not all(changes.values()):
        return None
    gains = {
        cause: max(end[cell]["validation_accuracy"] for cell in cells) - end[TUTORIAL]["validation_accuracy"]
        for cause, cells in changes.items()
    }
    best = max(gains, key=lambda cause: gains[cause])
    return best if gains[best] > 0 else None


def verdict(experiment: pd.DataFrame) -> str:
    """Say which change matters more and what scaled initial weights do by themselves; empty where the experiment cannot say."""
    cause, end, start = larger_cause(experiment), at_end(experiment), cells_at(experiment, 1)
    if cause is None:
        return ""
    before = end[TUTORIAL]["validation_accuracy"]
    gains = {
        name: max(100 * (end[cell]["validation_accuracy"] - before) for cell in cells)
        for name, cells in single_changes(end).items()
    }
    scaled = single_changes(end)["initial weights"][0]
    larger = start[scaled]["gradient_1"] / start[TUTORIAL]["gradient_1"]
    after, within = end[scaled]["validation_accuracy"], end[TUTORIAL]["interval_high"]
    text = (
        f"So the larger cause is the {cause}: another loss alone gains up to {gains['loss']:.1f} points, other initial weights alone "
        f"{gains['initial weights']:.1f}{', which so few runs cannot distinguish from no gain' if before < after <= within else ''}. "
        f"The initial weights decide how many of the first batch's outputs are saturated "
        f"({percent(start[TUTORIAL]['saturated'], 0)} in the tutorial, "
        f"{percent(start[scaled]['saturated'], 0)} with {INITS_IN_SHORT[scaled[0]]}), and the first layer's first gradient is "
        f"{larger:,.0f} times as large with {INITS_IN_SHORT[scaled[0]]}."
    )
    if cause == "loss" and after < 0.5:
        text += " But following a gradient faster does not help where the loss rewards “no”."
    for loss in (
        loss for init, loss in end if init == scaled[0] and loss != TUTORIAL[1] and (TUTORIAL[0], loss) in end
    ):
        from_, to = (end[init, loss]["validation_accuracy"] for init in (TUTORIAL[0], scaled[0]))
        text += f" With {LOSSES_IN_SHORT[loss]}, {INITS_IN_SHORT[scaled[0]]} take accuracy from {percent(from_, 1)} to {percent(to, 1)}."
    return text


def opening(learning: pd.DataFrame, experiment: pd.DataFrame, model: str, count: int, what: str) -> str:
    """Say in two sentences which of `count` classes, called `what`, a model's runs have learned and, where the experiment shows
    it, why no more.
    """
    if classes_learned(last_epochs(learning, model)).all(axis=None):
        return f"Each run of this network has learned {all_of(count, what)}."
    cause = ", because its loss makes “no” cheap" if larger_cause(experiment) == "loss" else ""
    return (
        f"The network does learn, but not {all_of(count, what)}: each run here ends with "
        f"{how_many_learned(learning, model)} of them (it recognises at least half of their images) and answers “no” to the rest{cause}."
    )
