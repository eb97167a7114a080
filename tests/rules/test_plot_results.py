"""`digits.plot_results`: the figures show the histories, accuracies and probabilities of the runs."""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.special
from conftest import Refused
from digits.plot_results import draw_accuracies, draw_calibration, draw_curves
from digits.rendering.plotting import DARK, LINE, MARKERS, model_colours
from digits.statistics.histories import read_history
from digits.statistics.metrics import wilson_interval
from digits.statistics.predictions import Predictions, load_predictions
from drawings import svg_texts
from matplotlib.collections import LineCollection
from project import CONFIG, RESULT_FIGURES, RUNS, TABLES, rows

GUESSING = (None, 0.1)


def test_curves_are_the_histories(built: Path) -> None:
    texts = svg_texts(built / RESULT_FIGURES["curves"])
    assert {*CONFIG["models"], "accuracy", "loss", "epoch"} <= set(texts)
    files = {(run.split("/")[2], int(run[-1])): built / run / "history.csv" for run in RUNS}
    histories = {run: read_history(path) for run, path in files.items()}
    axes = draw_curves(histories, model_colours(CONFIG["models"])).axes
    for model, accuracy, loss in zip(CONFIG["models"], axes[:3], axes[3:], strict=True):
        assert accuracy.get_title(loc="left") == model
        for axis, kind in ((accuracy, "accuracy"), (loss, "loss")):
            runs = [run for run in RUNS if f"/{model}/" in run]
            for run, trained, held_out in zip(runs, axis.lines[::2], axis.lines[1::2], strict=True):
                epochs = rows(built / run / "history.csv")
                for line, part in ((trained, "train"), (held_out, "validation")):
                    assert np.asarray(line.get_xdata()).tolist() == list(range(1, len(epochs) + 1))
                    expected = [float(row[f"{part}_{kind}"] or "nan") for row in epochs]
                    np.testing.assert_array_equal(line.get_ydata(), expected)
                assert trained.get_linestyle() != held_out.get_linestyle()


@pytest.mark.parametrize(("count", "shape"), [(1, (2, 1)), (6, (4, 3)), (18, (8, 5))])
def test_many_models_take_several_rows(count: int, shape: tuple[int, int]) -> None:
    values = {key: [0.5, 0.7] for key in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")}
    history = pd.DataFrame({"epoch": [1, 2], **values})
    models = [f"m{number}" for number in range(count)]
    axes = draw_curves({(model, 0): history for model in models}, model_colours(models)).axes
    grid = axes[0].get_subplotspec()
    assert grid is not None and grid.get_gridspec().get_geometry() == shape
    assert sum(axis.axison for axis in axes) == 2 * count


def test_accuracies_have_their_intervals_and_the_reported_one_as_a_mark(built: Path) -> None:
    texts = svg_texts(built / RESULT_FIGURES["accuracies"])
    assert "34.81\u202f% in a post" in texts and "by chance" in texts
    assert set(CONFIG["models"]) < set(texts)
    metrics = pd.read_csv(built / TABLES["metrics"])
    (axis,) = draw_accuracies(metrics, CONFIG["references"], GUESSING).axes
    shown = [line for line in axis.lines if line.get_marker() == "o"]
    assert np.concatenate([line.get_xdata() for line in shown]).tolist() == metrics["test_accuracy"].tolist()
    bars = [collection for collection in axis.collections if isinstance(collection, LineCollection)]
    whiskers = [segment[:, 0] for lines in bars for segment in lines.get_segments()]
    np.testing.assert_allclose(whiskers, metrics[["test_interval_low", "test_interval_high"]])
    (mark,) = [line for line in axis.lines if line.get_marker() == "D"]
    assert np.asarray(mark.get_xdata()).tolist() == [0.3481]
    (axis,) = draw_accuracies(metrics, [], GUESSING).axes
    assert "D" not in [line.get_marker() for line in axis.lines], "nobody reports this model"


def test_a_line_is_at_what_a_model_has_to_beat(built: Path) -> None:
    metrics = pd.read_csv(built / TABLES["metrics"])
    for (answer, accuracy), said in (
        (GUESSING, "by chance"),
        (("heart", 0.23), "always heart"),
        (("x", 0.9), "always x"),
    ):
        (axis,) = draw_accuracies(metrics, [], (answer, accuracy)).axes
        (line,) = [line for line in axis.lines if line.get_linestyle() == ":"]
        assert np.asarray(line.get_xdata()).tolist() == [accuracy] * 2
        (label,) = axis.texts
        assert label.get_text() == said and (label.get_horizontalalignment() == "right") == (accuracy == 0.9), (
            "within the figure"
        )


def test_each_source_has_a_mark_for_its_last_epoch_in_whatever_order(built: Path) -> None:
    metrics = pd.read_csv(built / TABLES["metrics"])
    given = [("a post", 30, 0.3), ("a post", 1, 0.1), ("a book", 3, 0.32), ("a book", 2, 0.2), ("a talk", 5, 0.31)]
    references = [
        {"model": model, "epoch": epoch, "accuracy": accuracy, "source": source}
        for model in ("published", "linear")
        for source, epoch, accuracy in (given if model == "published" else given[1:2])
    ]
    figure = draw_accuracies(metrics, references, GUESSING)
    (axis,) = figure.axes
    figure.canvas.draw()
    marks = [line for line in axis.lines if line.get_marker() == "D"]
    assert [np.asarray(line.get_xdata()).item() for line in marks] == [0.1, 0.3, 0.32, 0.31]
    labels = [text for text in axis.texts if " in " in text.get_text()]
    said = [text.get_text() for text in labels]
    reported = {"a post": ["10.00", "30.00"], "a book": ["32.00"], "a talk": ["31.00"]}
    assert said == [f"{value}\u202f% in {source}" for source, values in reported.items() for value in values]
    runs = [line.get_window_extent() for line in axis.lines if line.get_marker() == "o"]
    boxes = [*(text.get_window_extent() for text in labels), *runs]
    assert not [(i, j) for i, j in itertools.combinations(range(len(boxes)), 2) if boxes[i].overlaps(boxes[j])]


def test_calibration_is_the_share_of_right_answers_by_their_probability() -> None:
    """Eight answers of 75 %, six of them right; dividing the scores by the temperature 2 makes them answers of 63 %."""
    logits = np.tile(np.array([np.log(3), 0], np.float32), (8, 1))
    scores = Predictions(logits, np.array([0] * 6 + [1] * 2, np.uint8), np.ones(8, bool))
    other = scores._replace(counted=np.array([True] * 6 + [False] * 2))
    left, right = draw_calibration({"a": scores, "b": other}, {"a": 2.0, "b": np.nan}, ["a", "b"], "a").axes
    colours = model_colours(["a", "b"])
    dots = {line.get_color(): line for line in left.lines if line.get_marker() in MARKERS}
    assert dots[colours["a"]].get_marker() != dots[colours["b"]].get_marker(), "not told apart by colour alone"
    assert dots[colours["a"]].get_xydata() == pytest.approx(np.array([[0.75, 0.75]]))
    assert dots[colours["b"]].get_xydata() == pytest.approx(np.array([[0.75, 1.0]])), "counted images alone"
    (bars,) = [lines for lines in left.collections if isinstance(lines, LineCollection)]
    assert bars.get_segments()[0][:, 1] == pytest.approx(wilson_interval(6, 8))
    (after,) = [line for line in right.lines if line.get_marker() == "o"]
    assert after.get_xydata() == pytest.approx(np.array([[scipy.special.expit(np.log(3) / 2), 0.75]]))


def test_among_more_models_than_colours_the_chosen_one_alone_is_coloured() -> None:
    scores = Predictions(np.eye(2, dtype=np.float32), np.array([0, 1], np.uint8), np.ones(2, bool))
    models = [f"m{number}" for number in range(9)]
    figure = draw_calibration(dict.fromkeys(models, scores), dict.fromkeys(models, 1.0), models, "m3")
    colours = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert colours == [LINE] * 8 + [model_colours(models)["m3"]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["m3", "the other models"]


def test_calibration_shows_each_models_first_seed(built: Path) -> None:
    texts = svg_texts(built / RESULT_FIGURES["calibration"])
    assert set(CONFIG["models"]) < set(texts)
    first = {run.split("/")[2]: load_predictions(built / run / "predictions.safetensors") for run in RUNS[::2]}
    left, _ = draw_calibration(first, dict.fromkeys(first, 1.0), list(first), "linear").axes
    images = [len(np.asarray(line.get_xdata())) for line in left.lines if line.get_marker() in MARKERS]
    assert len(images) == 3 and all(1 <= number <= 10 for number in images)


@pytest.mark.parametrize("figure", RESULT_FIGURES.values())
def test_a_figure_has_the_dark_page_in_mind(built: Path, figure: str) -> None:
    svg = (built / figure).read_text()
    style = svg.partition("@media (prefers-color-scheme: dark){")[2].partition("</style>")[0]
    for light, dark in DARK.items():
        for name in ("fill", "stroke"):
            rule = f'[style*="{name}: {light.lower()}"]{{{name}:{dark}!important}}'
            used = re.search(rf'["; ]{name}: {light.lower()}', svg.replace(style, ""))
            assert (rule in style) == bool(used)
    assert "fill:#ffffff" not in svg, "the page shows through"


def test_runs_that_are_not_the_tables(built: Path, refused: Refused) -> None:
    error = refused("plot_results", built, "--runs", built / RUNS[0])
    assert error.startswith(f"error: --runs: 1 folders, but {built}/results/metrics.csv has 6 runs; ")


@pytest.mark.parametrize(
    ("name", "old", "new", "maker"),
    [(f"{RUNS[0]}/history.csv", "\n1,", "\none,", "train"), (TABLES["summary"], ",True\n", ",maybe\n", "summarise")],
)
def test_words_in_place_of_numbers_are_named(
    project: Path, refused: Refused, name: str, old: str, new: str, maker: str
) -> None:
    path = project / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert refused("plot_results", project).startswith(f"error: {path}: not a file that `digits.{maker}` wrote (")
