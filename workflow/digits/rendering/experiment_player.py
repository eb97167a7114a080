"""The experiment to play with on the report's page: choose initial weights and loss, guess, and see the recorded runs.

What it does is in workflow/notebooks/template/experiment.js; without JavaScript the page's figure and table say the same.
"""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from IPython.display import HTML, display

from digits.rendering.page import turned
from digits.rendering.words import INITS_IN_SHORT, LOSSES_IN_SHORT
from digits.statistics.histories import recalls


def recorded(learning: pd.DataFrame, experiment: pd.DataFrame) -> dict[str, Any]:
    """Return what the experiment recorded of each of its recipes and epochs, plain values for JSON."""
    epochs = int(experiment["epoch"].max())
    cells = []
    for model, means in experiment.groupby("model", sort=False):
        runs = learning[(learning["model"] == model) & (learning["epoch"] <= epochs)]
        cells.append(
            {
                "init": means["init"].iloc[0],
                "loss": means["loss"].iloc[0],
                "rate": float(means["learning_rate"].iloc[0]),
                "accuracy": _rounded(means["validation_accuracy"]),
                "low": _rounded(means["interval_low"]),
                "high": _rounded(means["interval_high"]),
                "saturated": _rounded(means["saturated"]),
                "runs": [
                    {"seed": seed, "recall": [_rounded(row) for row in recalls(run).to_numpy()]}
                    for seed, run in ((int(number), runs[runs["seed"] == number]) for number in runs["seed"].unique())
                ],
            }
        )
    return {"classes": list(recalls(learning).columns), "epochs": epochs, "cells": cells}


def experiment_player(learning: pd.DataFrame, experiment: pd.DataFrame, what: str) -> None:
    """Show the switches, the guess and the runs; `what` is what the classes are called."""
    data = recorded(learning, experiment)
    epochs, count = data["epochs"], len(data["classes"])
    inits = dict.fromkeys(cell["init"] for cell in data["cells"])
    losses = dict.fromkeys(cell["loss"] for cell in data["cells"])
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in data["classes"])
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    display(
        HTML(
            '<div id="experiment" hidden>'
            f"{_choice('init', 'Initial weights', {key: INITS_IN_SHORT[key] for key in inits})}"
            f"{_choice('loss', 'Loss', {key: LOSSES_IN_SHORT[key] for key in losses})}"
            f'<p class="guess"><label>How many of the {count} {what} will it have learned after {epochs} epochs? '
            f'<input type="range" name="guess" min="0" max="{count}" value="{count // 2}"> <output></output></label> '
            '<button type="button">Show</button></p><p class="none" hidden>This combination was not run.</p>'
            f'<div class="seen" hidden><p><label>Epoch <input type="range" name="epoch" min="1" max="{epochs}" '
            f'value="{epochs}"> <output></output></label></p><p role="status"></p>'
            '<div class="table" tabindex="0" role="region" aria-label="Recall by run and class">'
            f'<table class="{turned(data["classes"])}"><caption>Recall on training images in percent, by run and '
            "class. Bold: learned (at least half of its images).</caption>"
            f'<thead><tr><th scope="col">seed</th>{head}</tr></thead><tbody></tbody></table></div></div>'
            f'<script type="application/json" id="recorded">{text}</script></div>'
        )
    )


def _choice(name: str, legend: str, labels: Mapping[str, str]) -> str:
    options = "".join(
        f'<label><input type="radio" name="{name}" value="{key}"{" checked" * (not number)}> {html.escape(label)}</label> '
        for number, (key, label) in enumerate(labels.items())
    )
    return f"<fieldset><legend>{legend}</legend>{options}</fieldset>"


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [None if pd.isna(value) else round(float(value), 4) for value in values]
