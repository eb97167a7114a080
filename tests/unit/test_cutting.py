"""Several signs in one drawing: cut apart where ink does not touch, joined where it is one sign's, read in order."""

import numpy as np
import pytest
from digits.data.cutting import cut

Box = tuple[int, int, int, int]  # left, top, width, height


def drawing(*boxes: Box) -> np.ndarray:
    ink = np.zeros((200, 300), np.uint8)
    for left, top, width, height in boxes:
        ink[top : top + height, left : left + width] = 255
    return ink


LAYOUTS: dict[str, tuple[list[Box], list[Box]]] = {
    "nothing": ([], []),
    "from left to right": ([(200, 20, 20, 40), (20, 24, 20, 40)], [(20, 24, 20, 40), (200, 20, 20, 40)]),
    "two rows": (
        [(20, 120, 20, 40), (20, 30, 20, 40), (80, 20, 20, 50), (80, 115, 20, 40)],
        [(20, 30, 20, 40), (80, 20, 20, 50), (20, 120, 20, 40), (80, 115, 20, 40)],
    ),
    "a bar apart": ([(20, 30, 20, 40), (24, 20, 24, 4), (80, 20, 20, 50)], [(20, 20, 28, 50), (80, 20, 20, 50)]),
    "a sign in two halves": (
        [(20, 20, 20, 20), (20, 44, 20, 20), (80, 20, 20, 44)],
        [(20, 20, 20, 44), (80, 20, 20, 44)],
    ),
    "two close together": ([(20, 20, 20, 40), (42, 20, 20, 40)], [(20, 20, 20, 40), (42, 20, 20, 40)]),
    "specks": ([(20, 20, 20, 40), (150, 150, 5, 5)], [(20, 20, 20, 40)]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_signs_are_cut_apart_in_the_order_of_reading(name: str) -> None:
    drawn, expected = LAYOUTS[name]
    pieces = cut(drawing(*drawn))
    assert [piece.box for piece in pieces] == expected
    assert not any(piece.touching for piece in pieces)


def test_signs_that_touch_stay_together_and_are_told() -> None:
    (one,) = cut(drawing((20, 20, 40, 40), (58, 30, 30, 30)))
    assert one.box == (20, 20, 68, 40) and one.touching


def test_a_piece_has_its_own_ink_alone() -> None:
    ink = drawing((20, 20, 5, 60), (20, 75, 40, 5), (50, 30, 10, 30))
    corner, inner = cut(ink)
    assert corner.ink.sum() == 255 * (5 * 60 + 35 * 5) and inner.ink.sum() == 255 * 10 * 30
    assert corner.ink.shape == (60, 40)
