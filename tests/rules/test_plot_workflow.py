"""`digits.plot_workflow`: a box for each rule, an arrow for what one needs of another, and none across a box."""

import itertools
from pathlib import Path

import pytest
from conftest import Refused
from digits.plot_workflow import direct_edges, draw_list, draw_workflow, place, rule_columns
from drawings import svg_texts
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from project import ABOUT, WORKFLOW_FIGURE

RULES = ["download", "convert", "train", "look", "evaluate", "report"]
DIRECT = [("download", "convert"), ("convert", "train"), ("train", "evaluate"), ("convert", "look")]
DIRECT += [("look", "report"), ("evaluate", "report")]
EDGES = [*DIRECT[:2], ("convert", "evaluate"), *DIRECT[2:], ("convert", "report")]


def test_a_rule_stands_before_what_needs_it_and_as_late_as_it_can() -> None:
    columns = rule_columns(RULES, EDGES)
    assert columns == {"download": -4, "convert": -3, "train": -2, "evaluate": -1, "look": -1, "report": 0}


def test_an_arrow_past_a_rule_is_left_out() -> None:
    assert direct_edges(RULES, EDGES) == DIRECT


def test_boxes_and_the_ways_of_arrows_have_places_of_their_own() -> None:
    middles, ways = place(RULES, DIRECT)
    points = [*middles.values(), *(point for way in ways.values() for point in way[1:-1])]
    assert len(set(points)) == len(points)
    for (start, end), way in ways.items():
        assert (way[0], way[-1]) == (middles[start], middles[end])
        assert all(b[0] - a[0] == 1 for a, b in itertools.pairwise(way)), "one column a step"
    assert len(ways["convert", "look"]) == 3


def test_each_rule_is_a_box_with_its_jobs() -> None:
    jobs = {name: 1 + 11 * (name == "train") for name in RULES}
    (axis,) = draw_workflow(jobs, EDGES).axes
    assert len([patch for patch in axis.patches if isinstance(patch, FancyBboxPatch)]) == len(RULES)
    assert len([patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]) == len(DIRECT)
    texts = [text.get_text() for text in axis.texts]
    shown = dict(zip(texts[::2], texts[1::2], strict=True))
    assert shown == dict.fromkeys(RULES, "1 job") | {"train": "12 jobs"}


def test_on_a_telephone_each_rule_is_a_line_with_its_jobs_below_what_it_needs() -> None:
    (axis,) = draw_list(dict.fromkeys(RULES, 1), EDGES).axes
    lines = {text.get_text(): text.get_position()[1] for text in axis.texts[::2]}
    assert set(lines) == set(RULES) and all(lines[a] < lines[b] for a, b in EDGES)
    assert len([patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]) == len(DIRECT)


def test_the_small_projects_workflow(built: Path) -> None:
    jobs = ABOUT["graph"]["jobs"]
    boxes = [word for name, count in jobs.items() for word in (name, f"{count} job{'s' * (count > 1)}")]
    assert jobs["train"] == 12 and svg_texts(built / WORKFLOW_FIGURE["workflow"]) == boxes


@pytest.mark.parametrize(
    ("graph", "error"),
    [
        ("{", "expected {"),
        ('{"jobs": {"a": 1}}', "expected {"),
        ('{"jobs": {"a": 1}, "edges": [["a", "b"]]}', "expected {"),
        ('{"jobs": {"a": 1, "b": 1}, "edges": [["a", "b"], ["b", "a"]]}', "its edges form a cycle; "),
    ],
)
def test_a_graph_that_is_none(built: Path, refused: Refused, graph: str, error: str) -> None:
    assert refused("plot_workflow", built, "--graph", graph).startswith(f"error: --graph: {error}")
