"""Drawings in the form of MNIST's images: worked by hand, against a slow reference, and on real digits."""

from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from digits.data.centring import centre
from digits.data.tensors import load_split
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

    small = [
        [
            sum(
                (
                    int(box[y, x]) * inside(y, i, tall) * inside(x, j, wide)
                    for y in range(box.shape[0])
                    for x in range(box.shape[1])
                ),
                Fraction(0),
            )
            / (tall * wide)
            for j in range(width)
        ]
        for i in range(height)
    ]
    mass = sum(map(sum, small))
    middle = (
        sum(value * i for i, line in enumerate(small) for value in line) / mass,
        sum(value * j for line in small for j, value in enumerate(line)) / mass,
    )
    top, left = (
        min(max(floor(Fraction(size, 2) - at + HALF), 0), size - side)
        for at, side in zip(middle, (height, width), strict=True)
    )
    image = np.zeros((size, size), np.uint8)
    for i, line in enumerate(small):
        for j, value in enumerate(line):
            image[top + i, left + j] = floor(value + HALF)
    return image


def test_a_square_fills_the_box() -> None:
    ink = np.zeros((200, 300), np.uint8)
    ink[20:120, 150:250] = 255
    expected = np.zeros((28, 28), np.uint8)
    expected[5:25, 5:25] = 255  # pixel 9.5 comes to 13.5 or 14.5, which are as near to 14: the half goes up
    np.testing.assert_array_equal(placed(ink), expected)


def test_a_line_keeps_its_proportions() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[10:50, 90:98] = 255  # 40 × 8 becomes 20 × 4
    expected = np.zeros((28, 28), np.uint8)
    expected[5:25, 13:17] = 255
    np.testing.assert_array_equal(placed(ink), expected)


def test_a_hair_is_a_pixel_wide() -> None:
    ink = np.zeros((200, 5), np.uint8)
    ink[:, 2] = 255
    image = placed(ink)
    assert image[:, 14].tolist() == [0] * 5 + [255] * 20 + [0] * 3
    assert image.sum() == 20 * 255


def test_the_mass_is_in_the_middle_and_not_the_box() -> None:
    ink = np.zeros((40, 40), np.uint8)
    ink[:, :4] = 255  # a stroke on the left, which becomes 20 × 2
    ink[24:, :] = 255  # and one at the foot: 8 × 20
    expected = np.zeros((28, 28), np.uint8)
    # Rows: (12 · 2 · 5.5 + 8 · 20 · 15.5) / 184 = 14.20 is at 14. Columns: (12 · 2 · 0.5 + 8 · 20 · 9.5) / 184 = 8.33.
    expected[0:20, 6:8] = expected[12:20, 6:26] = 255
    np.testing.assert_array_equal(placed(ink), expected)


def test_nothing_leaves_the_image() -> None:
    ink = np.zeros((20, 20), np.uint8)
    ink[0, 0] = 26
    ink[10:, 19] = 255
    expected = np.zeros((28, 28), np.uint8)
    expected[:20, :20] = ink  # its mass, at about (14.5, 19), would come nearer to pixel 14 outside
    np.testing.assert_array_equal(placed(ink), expected)


def test_areas_are_averaged() -> None:
    ink = np.array([[255, 100], [50, 3]], np.uint8)
    image = placed(ink, size=1)  # 2 × 2 becomes 1 × 1
    assert image.tolist() == [[102]]  # 408 / 4
    assert placed(np.array([[255, 99], [50, 4]], np.uint8), 1).tolist() == [[102]]
    assert placed(np.array([[255, 99], [50, 6]], np.uint8), 1).tolist() == [[103]], "102.5: the half goes up"


@pytest.mark.parametrize("ink", [np.zeros((9, 9), np.uint8), np.full((3, 200), 25, np.uint8)])
def test_nothing_drawn(ink: np.ndarray) -> None:
    assert centre(ink, 28) is None


def test_faint_ink_counts_from_a_tenth() -> None:
    assert placed(np.full((1, 1), 26, np.uint8)).sum() == 26 * 400


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8))), st.integers(1, 20))
def test_it_is_what_exact_fractions_give(ink: np.ndarray, size: int) -> None:
    if (ink > 25).any():
        np.testing.assert_array_equal(placed(ink, size), reference(ink, size))
    else:
        assert centre(ink, size) is None


def test_a_real_digit_comes_out_as_it_was(tensors: Path) -> None:
    images = load_split(tensors / "test.safetensors").images
    drawings = [np.pad(image.repeat(10, axis=0).repeat(10, axis=1), ((30, 7), (0, 55))) for image in images]
    again = np.stack([placed(drawing) for drawing in drawings])
    differences = np.abs(again.astype(int) - images).mean(axis=(1, 2))
    assert (differences < 1).sum() >= 198, "one in two hundred is a pixel beside where its authors have it"
