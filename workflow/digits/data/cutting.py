"""Several digits or letters in one drawing: cut apart where ink does not touch, and put in the order of reading."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from digits.data.centring import FAINTEST

WHOLE = 1 / 2  # of the usual height: what is lower is a fragment of what it is near to
SPECK = 1 / 6  # what is smaller, both ways, is no part of anything
GAP = 1 / 4  # between the parts of one sign, at most
TALLEST = 1.5  # of the usual height: a sign that is put together is no taller
TOUCHING = 1.5  # of the usual height: what is wider may be several

Sign = tuple[tuple[int, ...], int, int, int, int]  # the numbers of its parts, its top, bottom, left and right


class Piece(NamedTuple):
    """One sign of a drawing."""

    box: tuple[int, int, int, int]  # its left, top, width and height in the picture
    ink: np.ndarray  # uint8 [height, width], without what else lies in its box
    touching: bool  # it is so wide that it may be several that touch


def cut(ink: np.ndarray) -> list[Piece]:
    """Return the signs of a drawing, uint8 [height, width], row by row from the top, and from left to right in a row.

    Signs whose ink touches stay together. The usual height is the median of what is at least half as tall as the tallest.
    """
    parts, _ = ndimage.label(ink > FAINTEST, np.ones((3, 3)))
    found: list[Sign] = [((number,), *_sides(box)) for number, box in enumerate(ndimage.find_objects(parts), 1)]
    if not found:
        return []
    heights = np.array([bottom - top for _, top, bottom, _, _ in found])
    usual = float(np.median(heights[2 * heights >= heights.max()]))
    found = [part for part in found if max(part[2] - part[1], part[4] - part[3]) > SPECK * usual]
    signs = _joined(found, usual)
    pieces = []
    for row in _rows(signs, usual):
        for numbers, top, bottom, left, right in row:
            here = (slice(top, bottom), slice(left, right))
            own = np.where(np.isin(parts[here], (0, *numbers)), ink[here], 0).astype(np.uint8)
            pieces.append(Piece((left, top, right - left, bottom - top), own, right - left > TOUCHING * usual))
    return pieces


def _sides(box: tuple[slice, slice]) -> tuple[int, int, int, int]:
    return box[0].start, box[0].stop, box[1].start, box[1].stop


def _joined(signs: list[Sign], usual: float) -> list[Sign]:
    """Join, the nearest first, fragments with what they are near to, and what lies close above something else with that."""
    signs = list(signs)
    while True:
        pairs = [(_gap(a, b, usual), i, j) for i, a in enumerate(signs) for j, b in enumerate(signs[:i])]
        gap, i, j = min(pairs, default=(np.inf, 0, 0))
        if gap > GAP * usual:
            return signs
        (a, *first), (b, *second) = signs.pop(i), signs.pop(j)
        ends = (min, max, min, max)
        top, bottom, left, right = (end(x, y) for end, x, y in zip(ends, first, second, strict=True))
        signs.append(((*a, *b), top, bottom, left, right))


def _gap(a: Sign, b: Sign, usual: float) -> float:
    """Return how far the boxes of two parts are apart; infinity where they cannot be of one sign."""
    (_, top, bottom, left, right), (_, other_top, other_bottom, other_left, other_right) = a, b
    down = max(top, other_top) - min(bottom, other_bottom)
    across = max(left, other_left) - min(right, other_right)
    lower, narrower = min(bottom - top, other_bottom - other_top), min(right - left, other_right - other_left)
    fragment = lower < WHOLE * usual
    above = -2 * across >= narrower and -2 * down < lower
    both = max(bottom, other_bottom) - min(top, other_top)
    return float(max(down, across, 0)) if both <= TALLEST * usual and (fragment or above) else np.inf


def _rows(signs: list[Sign], usual: float) -> list[list[Sign]]:
    """Return the signs of each row, from left to right; a new row begins where the next middle is half a height lower."""
    rows: list[list[Sign]] = []
    last = -np.inf
    for sign in sorted(signs, key=lambda sign: sign[1] + sign[2]):
        middle = (sign[1] + sign[2]) / 2
        if middle - last > usual / 2:
            rows.append([])
        rows[-1].append(sign)
        last = middle
    return [sorted(row, key=lambda sign: sign[3]) for row in rows]
