"""What form a data set's images have decides how the page shows them and what it calls them."""

import numpy as np
import pytest
from digits.data.centring import centre
from digits.data.form import CENTRED, INK, PICTURE, form_of
from digits.rendering.form import called, last_axis

NUMBERS = np.random.default_rng(0)
BARS = np.zeros((30, 28, 28), np.uint8)
BARS[:, 2:26, 9:] = 200  # as things are that fill their image
DRAWN = np.stack([centre(NUMBERS.integers(0, 255, (60, 40)).astype(np.uint8), 28) for _ in range(30)])  # type: ignore[misc]
PHOTOS = NUMBERS.integers(60, 256, (30, 28, 28)).astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "form"),
    [
        (DRAWN, CENTRED),
        (BARS, INK),
        (np.roll(DRAWN, 5, axis=1), INK),
        (DRAWN[:, :, 2:], INK),
        (255 - DRAWN, PICTURE),
        (PHOTOS, PICTURE),
        (np.stack([DRAWN] * 3, axis=1), PICTURE),
    ],
)
def test_forms_are_told_apart(images: np.ndarray, form: str) -> None:
    assert form_of(images) == form


def test_ten_drawn_digits_are_called_so() -> None:
    digits = [str(number) for number in range(10)]
    assert called(digits, CENTRED) == "digits"
    assert called(digits, INK) == called(["a", "b"], CENTRED) == "classes"


def test_colours_are_the_last_axis() -> None:
    assert last_axis(np.zeros((3, 3, 4, 5))).shape == (3, 4, 5, 3)
    assert last_axis(np.zeros((3, 4, 5))).shape == (3, 4, 5), "three grey images"
