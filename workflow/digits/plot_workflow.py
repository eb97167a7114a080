"""Draw the workflow: a box for each rule with its number of jobs, from left to right in the order in which they can run."""

import itertools
import json
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ArrowStyle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from digits.core.command import UserError, run
from digits.core.options import command_parser
from digits.rendering.plotting import FAINT, GROUND, INK, NARROW, SMALL, WIDE, save_both

WIDTH, HEIGHT = 0.94, 0.62  # of a box; a column is 1 wide, a place in it 1 high
Edge = tuple[str, str]
Point = tuple[float, float]


def rule_columns(rules: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return each rule's column: as far to the right as what it makes for others allows. The last column is 0."""
    after: dict[str, list[str]] = {name: [target for source, target in edges if source == name] for name in rules}
    found: dict[str, int] = {}
    while len(found) < len(rules):
        ready = [name for name in rules if name not in found and all(target in found for target in after[name])]
        if not ready:
            raise UserError("--graph: its edges form a cycle; no order of the rules fits them")
        found |= {name: min((found[target] for target in after[name]), default=1) - 1 for name in ready}
    return found


def direct_edges(rules: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges without those that follow from others: an arrow past a rule says nothing that its way does not."""
    after = {name: {target for source, target in edges if source == name} for name in rules}

    def reached(name: str) -> set[str]:
        return after[name].union(*(reached(target) for target in after[name]))

    return [(a, b) for a, b in edges if not any(b in reached(between) for between in after[a] - {b})]


def place(rules: Sequence[str], edges: Sequence[Edge]) -> tuple[dict[str, Point], dict[Edge, list[Point]]]:
    """Return the middle of each rule's box, and the points that each edge goes through, so that it passes no box.

    An edge that skips columns has a place of its own in each; the order within a column follows the neighbours' mean.
    """
    column = rule_columns(rules, edges)
    ways = {
        edge: [edge[0], *(f"{edge[0]} {edge[1]} {c}" for c in range(column[edge[0]] + 1, column[edge[1]])), edge[1]]
        for edge in edges
    }
    for edge, way in ways.items():
        column |= {name: column[edge[0]] + i for i, name in enumerate(way[:-1])}
    near: dict[str, list[str]] = {name: [] for name in column}
    for way in ways.values():
        for a, b in itertools.pairwise(way):
            near[a].append(b)
            near[b].append(a)
    rows: dict[int, list[str]] = {c: [n for n in column if column[n] == c] for c in sorted(set(column.values()))}
    height: dict[str, float] = {}
    for sweep in range(8):
        for c in sorted(rows, reverse=sweep % 2 == 0):
            side = 1 if sweep % 2 == 0 else -1
            means = {
                n: np.mean([height[m] for m in near[n] if column[m] == c + side and m in height] or [0.0])
                for n in rows[c]
            }
            rows[c].sort(key=lambda n: means[n])
            height |= {n: i - (len(rows[c]) - 1) / 2 for i, n in enumerate(rows[c])}
    points = {name: (float(column[name]), height[name]) for name in column}
    return {name: points[name] for name in rules}, {edge: [points[n] for n in way] for edge, way in ways.items()}


def draw_edge(axis: Axes, way: Sequence[Point]) -> None:
    """Draw an arrow from box to box: level at its points, in smooth curves between them."""
    x, y = way[0]
    points, codes = [(x + WIDTH / 2, y)], [Curve.MOVETO]
    for number, (x, y) in enumerate(way[1:], start=1):
        last = number == len(way) - 1
        start, end = points[-1], (x - WIDTH / 2 if last else x, y)
        middle = (start[0] + end[0]) / 2
        points += [(middle, start[1]), (middle, end[1]), end]
        codes += [Curve.CURVE4] * 3
    style = ArrowStyle("-|>", head_length=3, head_width=1.6)
    axis.add_patch(
        FancyArrowPatch(path=Curve(points, codes), arrowstyle=style, shrinkA=0, shrinkB=0, color=FAINT, linewidth=0.9)
    )


def draw_workflow(jobs: Mapping[str, int], edges: Sequence[Edge]) -> Figure:
    """Draw the rules, with how many jobs each has, and which rule makes what which other one reads."""
    middles, ways = place(list(jobs), direct_edges(list(jobs), edges))
    columns, heights = ([middle[i] for middle in middles.values()] for i in (0, 1))
    low, high = min(heights), max(heights)
    figure, axis = plt.subplots(figsize=(WIDE, 0.48 * (high - low + 1) + 0.1))
    axis.set_axis_off()
    axis.set(xlim=(min(columns) - 0.5, max(columns) + 0.5), ylim=(high + 0.55, low - 0.55))
    for way in ways.values():
        draw_edge(axis, way)
    for name, (x, y) in middles.items():
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        shape = "round,pad=0,rounding_size=0.08"
        box = FancyBboxPatch(
            corner, WIDTH, HEIGHT, boxstyle=shape, mutation_aspect=2, facecolor=GROUND, edgecolor=FAINT
        )
        axis.add_patch(box)
        count = jobs[name]
        axis.text(x, y - 0.12, name, ha="center", va="center", fontsize=7.5 if len(name) < 14 else 7, color=INK)
        axis.text(x, y + 0.16, f"{count:,} job{'s' * (count != 1)}", ha="center", va="center", fontsize=7, color=FAINT)
    return figure


def draw_list(jobs: Mapping[str, int], edges: Sequence[Edge]) -> Figure:
    """Draw the same for a telephone: a line for each rule, in an order in which they can run, and arcs between them."""
    direct = direct_edges(list(jobs), edges)
    column = rule_columns(list(jobs), direct)
    row = {name: number for number, name in enumerate(sorted(jobs, key=lambda name: column[name]))}
    longest = max((row[b] - row[a] for a, b in direct), default=1)
    figure, axis = plt.subplots(figsize=(NARROW, 0.26 * len(jobs) + 0.1))
    axis.set_axis_off()
    axis.set(xlim=(-1.02, 1.6), ylim=(len(jobs) - 0.5, -0.5))
    for a, b in direct:
        out = -0.12 - 0.85 * (row[b] - row[a]) / longest
        curve = Curve([(-0.06, row[a]), (out, row[a]), (out, row[b]), (-0.06, row[b])], [1, 4, 4, 4])
        style = ArrowStyle("-|>", head_length=3, head_width=1.6)
        axis.add_patch(FancyArrowPatch(path=curve, arrowstyle=style, shrinkA=0, shrinkB=0, color=FAINT, linewidth=0.8))
    for name, place in row.items():
        count = jobs[name]
        axis.text(0, place, name, va="center", fontsize=SMALL + 0.5, weight="bold")
        axis.text(
            1.6, place, f"{count:,} job{'s' * (count != 1)}", ha="right", va="center", fontsize=SMALL, color=FAINT
        )
    return figure


def read_graph(text: str) -> tuple[dict[str, int], list[Edge]]:
    """Read rules with their number of jobs, and edges, from a line of JSON; UserError where it is none."""
    right = 'expected {"jobs": {rule: number}, "edges": [[rule, rule]]}'
    try:
        graph = json.loads(text)
        jobs = {str(name): int(count) for name, count in graph["jobs"].items()}
        edges = [(str(a), str(b)) for a, b in graph["edges"]]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"--graph: {right}") from error
    if not jobs or not {name for edge in edges for name in edge} <= set(jobs):
        raise UserError(f"--graph: {right}, with each rule of an edge among the jobs")
    return jobs, edges


def main() -> None:
    parser = command_parser("plot_workflow", __doc__)
    parser.add_argument("--graph", required=True, help="jobs of each rule and edges between rules, as JSON")
    parser.outputs("--workflow", "figure to write, and one for a small screen")
    args = parser.parse_args()

    jobs, edges = read_graph(args.graph)
    save_both({lambda narrow: (draw_list if narrow else draw_workflow)(jobs, edges): args.workflow}, args.made_from)


if __name__ == "__main__":
    run(main)
