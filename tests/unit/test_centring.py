"""Drawings in the form of MNIST's images: worked by hand, and against a slow reference."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from digits.data.centring import centre
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

HALF = Fraction(1, 2)


def placed(ink: np.ndarray, size: int = 28) -> np.ndarray:
    image = centre(ink, size)
    assert image is not None and image.dtype == np.uint8 and image.shape == (size, size)
    return image


def reference(ink: np.ndarray, size: int) -> np.ndarray:
    """The same in exact fractions, pixel by pixel, as the docstrings say it."""
    rows, columns = np.nonzero(ink > 25)
    box = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = Fraction(20, 28) * size / max(box.shape)
    height, width = (max(1, floor(side * scale + HALF)) for side in box.shape)
    tall, wide = Fraction(box.shape[0], height), Fraction(box.shape[1], width)

    def inside(pixel: int, scaled: int, length: Fraction) -> Fraction:
        return max(Fraction(0), min(Fraction(pixel + 1), (scaled + 1) * length) - max(Fraction(pixel), scaled * length))

    def mean(i: int, j: int) -> Fraction:
        pixels = (int(v) * inside(y, i, tall) * inside(x, j, wide) for (y, x), v in np.ndenumerate(box))
        return sum(pixels, Fraction(0)) / (tall * wide)

    small = [[mean(i, j) for j in range(width)] for i in range(height)]
    mass = sum(map(sum, small))
    down = sum(value * i for i, line in enumerate(small) for value in line) / mass
    right = sum(value * j for line in small for j, value in enumerate(line)) / mass
    middles = ((down, height), (right, width))
    top, left = (min(max(floor(Fraction(size, 2) - at + HALF), 0), size - side) for at, side in middles)
    image = np.zeros((size, size), np.uint8)
    for i, line in enumerate(small):
        for j, value in enumerate(line):
            image[top + i, left + j] = floor(value + HALF)
    return image


def ink_of(shape: tuple[int, int], *boxes: tuple[slice, slice, int]) -> np.ndarray:
    ink = np.zeros(shape, np.uint8)
    for rows, columns, value in boxes:
        ink[rows, columns] = value
    return ink


@pytest.mark.parametrize(
    ("ink", "expected"),
    [
        # A square fills the box; pixel 9.5 comes to 13.5 or 14.5, which are as near to 14: the half goes up.
        (ink_of((200, 300), (np.s_[20:120], np.s_[150:250], 255)), [(np.s_[5:25], np.s_[5:25], 255)]),
        # A line keeps its proportions: 40 × 8 becomes 20 × 4.
        (ink_of((100, 100), (np.s_[10:50], np.s_[90:98], 255)), [(np.s_[5:25], np.s_[13:17], 255)]),
        # A hair is a pixel wide.
        (ink_of((200, 5), (np.s_[:], np.s_[2:3], 255)), [(np.s_[5:25], np.s_[14:15], 255)]),
        # The mass is in the middle and not the box: a stroke on the left becomes 20 × 2, and one at the foot 8 × 20.
        # Rows: (12 · 2 · 5.5 + 8 · 20 · 15.5) / 184 = 14.20 is at 14. Columns: (12 · 2 · 0.5 + 8 · 20 · 9.5) / 184 = 8.33.
        (
            ink_of((40, 40), (np.s_[:], np.s_[:4], 255), (np.s_[24:], np.s_[:], 255)),
            [(np.s_[0:20], np.s_[6:8], 255), (np.s_[12:20], np.s_[6:26], 255)],
        ),
        # Nothing leaves the image: this mass, at about (14.5, 19), would come nearer to pixel 14 outside.
        (
            ink_of((20, 20), (np.s_[:1], np.s_[:1], 26), (np.s_[10:], np.s_[19:], 255)),
            [(np.s_[:1], np.s_[:1], 26), (np.s_[10:20], np.s_[19:20], 255)],
        ),
        # Faint ink counts from a tenth.
        (np.full((1, 1), 26, np.uint8), [(np.s_[5:25], np.s_[5:25], 26)]),
    ],
    ids=["square", "line", "hair", "mass", "inside", "faint"],
)  # fmt: skip
def test_drawings_by_hand(ink: np.ndarray, expected: list[tuple[slice, slice, int]]) -> None:
    np.testing.assert_array_equal(placed(ink), ink_of((28, 28), *expected))


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8))), st.integers(1, 20))
def test_it_is_what_exact_fractions_give(ink: np.ndarray, size: int) -> None:
    if (ink > 25).any():
        np.testing.assert_array_equal(placed(ink, size), reference(ink, size))
    else:
        assert centre(ink, size) is None
