"""The sentences that explain a result follow its numbers."""

import math

import pandas as pd
import pytest
from digits.rendering.explanation import (
    changes_in_words,
    cost_of_no,
    design,
    effects,
    how_many_learned,
    larger_cause,
    opening,
    verdict,
    what_each_learned,
)


def learning(*recalls: list[float], losses: tuple[float, ...] = (0.2, 0.1)) -> pd.DataFrame:
    """A history of a run for each list of the last epoch's recalls."""
    return pd.DataFrame(
        {"model": "a", "seed": seed, "epoch": epoch, "train_loss": loss}
        | {f"recall_{name}": value * (epoch == len(losses)) for name, value in zip("xyz", values, strict=False)}
        for seed, values in enumerate(recalls)
        for epoch, loss in enumerate(losses, 1)
    )


def experiment(**accuracies: float) -> pd.DataFrame:
    cells = {"n": "normal", "k": "kaiming", "m": "mnist_loss", "b": "balanced_mnist_loss", "c": "cross_entropy"}
    return pd.DataFrame(
        {
            "init": cells[name[0]],
            "loss": cells[name[1]],
            "epoch": 1,
            "saturated": {"n": 0.9, "k": 0.1}[name[0]],
            "gradient_1": {"n": 0.001, "k": 0.05}[name[0]],
            "validation_accuracy": value,
            "interval_low": max(value - 0.3, 0),
            "interval_high": value + 0.01,
        }
        for name, value in accuracies.items()
    )


@pytest.mark.parametrize(
    ("recalls", "words"),
    [
        ([[0, 0, 0]], "no"),
        ([[1, 0.5, 0], [0.9, 0.6, 0.49]], "two"),
        ([[1, 0, 0], [1, 1, 0]], "one or two"),
        ([[0, 0, 0], [1, 1, 1]], "at most three"),
    ],
)
def test_how_many_classes_are_learned(recalls: list[list[float]], words: str) -> None:
    assert how_many_learned(learning(*recalls), "a") == words


def test_what_each_run_has_learned() -> None:
    said = what_each_learned(learning([1, 0.8, 0.1], [0, 0.2, 0.3]), "a")
    assert said.startswith("Seed 0 has learned x and y; seed 1 has learned none. ")
    assert (
        "recognises 90\u202f% of the training images of a class that it has learned, and 15\u202f% of the others"
        in said
    )
    assert what_each_learned(learning([1, 1, 1]), "a") == "Seed 0 has learned x, y and z."
    untrained = what_each_learned(learning([1, math.nan, math.nan]), "a")
    assert untrained == "Seed 0 has learned x.", "nothing is said of images that there are not"


def test_a_class_is_called_what_it_is_called() -> None:
    named = learning([1, 1, 0]).rename(columns={"recall_x": "recall_ABC", "recall_y": "recall_עברית"})
    assert what_each_learned(named, "a").startswith("Seed 0 has learned ABC and \u2068עברית\u2069. ")


def test_what_no_costs_and_who_stays_there() -> None:
    said = cost_of_no(learning([0, 0], losses=(0.6, 0.5, 0.501, 0.497)), "a")
    assert said.startswith("For every image, all targets but one are “no”: one of two.")
    assert "costs 0.5," in said and "The run with seed 0 spends 3 of its 4 epochs within 1 % of that." in said
    assert "spends" not in cost_of_no(learning([0, 0], losses=(0.6, 0.4)), "a")


def test_the_effects_of_single_changes_and_the_larger_cause() -> None:
    found = experiment(nm=0.1, nb=0.77, nc=0.92, km=0.13, kc=0.97)
    lines = effects(found)
    assert lines[0] == "as in the tutorial: 10.0\u202f% (0.0 to 11.0\u202f%)"
    names = [
        "“yes” and “no” balanced alone",
        "cross-entropy alone",
        "scaled weights alone",
        "scaled weights and cross-entropy",
    ]
    assert [line.removeprefix("with ").partition(":")[0] for line in lines[1:]] == names
    said = verdict(found)
    assert (
        "the larger cause is the loss: another loss alone gains up to 82.0 points, other initial weights alone 3.0."
        in said
    )
    assert (
        "(90\u202f% in the tutorial, 10\u202f% with scaled weights)" in said
        and "is 50 times as large with scaled weights." in said
    )
    assert (
        "does not help where the loss rewards “no”. With cross-entropy, scaled weights take accuracy from 92.0" in said
    )
    assert "But" not in verdict(experiment(nm=0.1, nc=0.9, km=0.7))
    assert "cannot distinguish from no gain" in verdict(experiment(nm=0.1, nc=0.9, km=0.105))
    assert verdict(experiment(nm=0.1, kc=0.5)) == ""
    assert larger_cause(found) == "loss"
    assert larger_cause(experiment(nm=0.1, nc=0.3, km=0.5)) == "initial weights"
    assert larger_cause(experiment(nm=0.9, nc=0.3, km=0.5)) is None  # nothing gains
    assert larger_cause(experiment(nm=0.1, kc=0.5)) is None
    assert effects(experiment(nc=0.1, km=0.2)) == []


def test_the_opening_follows_what_was_learned() -> None:
    loss, starts = experiment(nm=0.1, nc=0.9, km=0.2), experiment(nm=0.1, nc=0.3, km=0.5)
    few, all_ = learning([1, 0, 0], [1, 1, 0]), learning([1, 1, 1])
    end = "them (it recognises at least half of their images) and answers “no” to the rest, because its loss makes “no” cheap."
    assert opening(few, loss, "a", 3, "classes").endswith(end)
    assert opening(few, starts, "a", 3, "classes").endswith("answers “no” to the rest.")
    assert opening(all_, loss, "a", 3, "classes") == "Each run of this network has learned all three classes."
    assert opening(learning([1, 1]), loss, "a", 2, "classes") == "Each run of this network has learned both classes."


def test_what_differs_between_two_recipes() -> None:
    tutorial = {"loss": "mnist_loss", "init": "normal", "learning_rate": 50}
    assert (
        changes_in_words(tutorial, {"loss": "cross_entropy", "init": "kaiming"}) == "cross-entropy and scaled weights"
    )
    assert changes_in_words(tutorial, {**tutorial, "init": "kaiming"}) == "scaled weights"
    assert changes_in_words(tutorial, {**tutorial, "learning_rate": 5}) == ""


def test_the_design_names_what_is_compared() -> None:
    found = experiment(nm=0.1, nb=0.2, km=0.3)
    found["runs"] = 3
    said = design(found)
    assert said.startswith(
        "The same network is trained for one epoch, three runs for each combination of two kinds of initial"
    )
    assert (
        "(standard deviation 1; scaled weights) and two losses (the tutorial's loss; “yes” and “no” balanced)." in said
    )
    assert said.endswith("counts as much as all the “no”s together.")
    assert "Balanced" not in design(found[found["loss"] == "mnist_loss"])
