"""`digits.plot_experiment`: the figures show the tables' numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from digits.plot_experiment import SCORES, draw_learning, slopes
from digits.training.losses import LOSSES
from drawings import svg_texts
from project import EXPERIMENT, EXPERIMENT_FIGURES, EXPLANATION, rows

PLAN: dict[str, Any] = {
    "models": ["a", "b"],
    "losses": {"a": "mnist_loss", "b": "cross_entropy"},
    "seeds": {"a": [0, 3], "b": [1, 2]},
}


def learning() -> pd.DataFrame:
    """Two epochs of four runs and three classes, of which some are learned at the end."""
    recalls = {
        ("a", 0): [0.0, 0.9, 0.1],
        ("a", 3): [0.0, 0.0, 0.0],
        ("b", 1): [1.0, 0.9, 0.8],
        ("b", 2): [1.0, 1.0, 1.0],
    }
    return pd.DataFrame(
        {"model": model, "seed": seed, "epoch": epoch, "train_loss": 0.4 / epoch, "saturated": 0.9}
        | {f"recall_{name}": value if epoch == 2 else 0.25 for name, value in zip("xyz", values, strict=True)}
        for (model, seed), values in recalls.items()
        for epoch in (1, 2)
    )


def test_a_panel_for_each_run_that_is_explained_and_one_beside() -> None:
    heats = [axis for axis in draw_learning(learning(), PLAN).axes if axis.images]
    titles = ["a, seed 0\nlearns y", "a, seed 3\nlearns nothing", "b, seed 1\nlearns x, y and z"]
    assert [axis.get_title(loc="left") for axis in heats] == titles
    shades: Any = heats[0].images[0].get_array()
    np.testing.assert_allclose(shades[..., 3], [[0.25, 0.0], [0.25, 0.9], [0.25, 0.1]])


def test_only_the_tutorials_loss_has_the_line_of_no_to_everything() -> None:
    losses = [axis for axis in draw_learning(learning(), PLAN).axes if axis.lines]
    lines = [[np.asarray(line.get_ydata())[0] for line in axis.lines if line.get_linestyle() != "-"] for axis in losses]
    assert lines == [[pytest.approx(1 / 3)], [pytest.approx(1 / 3)], []]


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_those_that_training_follows(loss: str) -> None:
    scores = torch.zeros(len(SCORES), 10, dtype=torch.float64)
    scores[:, 4] = torch.from_numpy(SCORES)
    scores.requires_grad_()
    LOSSES[loss](scores, torch.arange(10).expand(len(SCORES), 10) == 4, 0.0).sum().backward()
    assert scores.grad is not None
    np.testing.assert_allclose(slopes(10)[loss], -scores.grad[:, 4], rtol=1e-9)


def test_the_experiments_numbers_are_in_its_panels(built: Path) -> None:
    texts = " ".join(svg_texts(built / EXPERIMENT_FIGURES["experiment-figure"]))
    last = {row["model"]: row for row in rows(built / EXPLANATION["experiment"])}
    assert set(last) == set(EXPERIMENT["recipes"])
    for row in last.values():
        assert f"{100 * float(row['validation_accuracy']):.1f}\u202f%" in texts
        assert f"{float(row['classes_learned']):.1f} of 10 learned" in texts
