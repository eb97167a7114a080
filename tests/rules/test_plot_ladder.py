"""`digits.plot_ladder`: a row for each rung, at its accuracy, with what it adds and the difference that makes."""

import itertools
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import Refused
from digits.plot_ladder import accuracy_label, draw_ladder
from digits.statistics.kinds import LADDER
from drawings import svg_texts
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from project import COMPARISONS, LADDER_FIGURE

COLUMNS = ["model", "adds", "beside", "test_accuracy", "interval_low", "interval_high", "difference", "significant"]


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


NAN = float("nan")
FOOT = ("linear", "one layer", False, 0.30, 0.1, 0.5, NAN, False)
BEST = ("convnet", "convolutions", False, 0.997, 0.996, 0.998, 0.697, True)
BESIDE = ("wide", "more units", True, 0.98, 0.97, 0.99, -0.017, False)


def draw(*rows: tuple[Any, ...]) -> Figure:
    """Draw and lay out a figure, as saving it does."""
    figure = draw_ladder(table(*rows), {"linear": "C0", "convnet": "C1", "wide": "C2", "model": "C3", "a": "C4"})
    figure.canvas.draw()
    plt.close(figure)
    return figure


def test_dots_and_whiskers_are_mean_and_interval_as_error_rates() -> None:
    axis, _ = draw(FOOT, BEST, BESIDE).axes
    dots = [line for line in axis.lines if line.get_marker() in ("o", "s")]
    assert [(dot.get_marker(), dot.get_color()) for dot in dots] == [("o", "C0"), ("o", "C1"), ("s", "C2")]
    shown = np.concatenate([np.asarray(line.get_xdata(), dtype=float) for line in dots])
    np.testing.assert_allclose(shown, [0.7, 0.003, 0.02])
    bars = [collection for collection in axis.collections if isinstance(collection, LineCollection)]
    whiskers = [sorted(segment[:, 0]) for lines in bars for segment in lines.get_segments()]
    np.testing.assert_allclose(whiskers, [[0.5, 0.9], [0.002, 0.004], [0.01, 0.03]])


def test_the_axis_reads_as_accuracy_from_left_to_right() -> None:
    axis, _ = draw(FOOT, BEST).axes
    assert axis.get_xscale() == "log" and axis.get_xlim()[0] > axis.get_xlim()[1]
    labels = [label.get_text() for label in axis.get_xticklabels()]
    assert sorted(labels, key=lambda text: float(text.removesuffix(" %"))) == ["0 %", "50 %", "90 %", "99 %"]


def test_an_error_rate_is_written_as_an_accuracy() -> None:
    written = {1.0: "0 %", 0.5: "50 %", 0.02: "98 %", 0.01: "99 %", 0.003: "99.7 %", 0.0005: "99.95 %"}
    assert {error: accuracy_label(error) for error in written} == written


def test_a_row_says_what_it_adds_and_gains_and_a_star_marks_what_is_beyond_chance() -> None:
    axis, numbers = draw(FOOT, BEST, BESIDE).axes
    rungs = ["linear: one layer", "convnet: convolutions", "wide: more units"]
    assert [text.get_text() for text in axis.texts] == rungs
    texts = {text.get_text(): text.get_fontweight() for text in numbers.texts}
    assert list(texts) == ["mean", "gained", "30.00 %", "99.70 %", "+69.70", "*", "98.00 %", "−1.70"]
    assert (texts["+69.70"], texts["−1.70"]) == ("bold", "normal")


def test_what_stands_beside_the_ladder_is_apart_and_not_on_its_line() -> None:
    axis, numbers = draw(FOOT, BESIDE, BEST).axes
    places = [text.get_position()[1] for text in numbers.texts if "%" in text.get_text()]
    assert places == [0, 1.5, 3]
    (joined,) = [line for line in axis.lines if line.get_marker() == "None" and len(np.asarray(line.get_xdata())) > 1]
    np.testing.assert_allclose(np.asarray(joined.get_xdata(), dtype=float), [0.7, 0.003])


@pytest.mark.parametrize("count", [1, 2, 25])
def test_one_rung_and_many_fit(count: int) -> None:
    long = ("model", "a phrase that is too long for a line of its own in the figure", False, 0.5, 0.4, 0.6, 0.1, True)
    figure = draw(*[long] * count)
    axis, numbers = figure.axes
    frame = figure.bbox
    for text in (*axis.texts, *numbers.texts):
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1, text.get_text()
    boxes = [label.get_window_extent() for label in axis.texts]
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes)), "no label on another"


@pytest.mark.parametrize(("low", "high"), [(NAN, NAN), (0.9, 1.1), (-0.2, 2.2)])
def test_no_mistakes_and_no_interval(low: float, high: float) -> None:
    """An error rate of 0 has no place on the axis: it is drawn at its end, and its number says what it is."""
    axis, numbers = draw(("a", "all", False, 1.0, low, high, NAN, False)).axes
    assert np.isfinite(axis.get_xlim()).all()
    assert "100.00 %" in [text.get_text() for text in numbers.texts]


def test_the_small_projects_ladder(built: Path) -> None:
    ladder = pd.read_csv(built / COMPARISONS["table"])
    texts = svg_texts(built / LADDER_FIGURE["ladder"])
    for model, adds, accuracy in ladder[["model", "adds", "test_accuracy"]].to_numpy().tolist():
        assert {f"{model}: {adds}", f"{100 * accuracy:.2f} %"} <= set(texts)


def test_a_model_without_a_colour(built: Path, refused: Refused) -> None:
    error = refused("plot_ladder", built, "--models", "linear", "tiny-conv")
    assert error.startswith(f"error: --models: published of {built}/results/ladder.csv ")


@pytest.mark.parametrize(
    ("content", "reason"), [(",".join(LADDER.holds) + "\n", "no rows"), ("model\na\n", "no 'adds'")]
)
def test_a_table_that_is_no_ladder(tmp_path: Path, refused: Refused, content: str, reason: str) -> None:
    path = tmp_path / "ladder.csv"
    path.write_text(content)
    error = refused("plot_ladder", tmp_path, "--table", path)
    assert error.startswith(f"error: {path}: not a file that `digits.compare` wrote ({reason}); ")
