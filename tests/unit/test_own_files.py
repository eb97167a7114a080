"""A user's images for networks of other data than drawings: brought to the network's size, as convert does."""

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data.form import CENTRED, INK, PICTURE
from digits.data.own_images import as_is
from digits.data.resize import fitted
from digits.rendering.prediction_page import Prediction, section
from pictures import encoded
from PIL import Image

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
PICTURE_OF_THEM = Image.fromarray(PIXELS)


def seen(shape: tuple[int, ...], form: str, fit: str = "pad", picture: Image.Image = PICTURE_OF_THEM) -> np.ndarray:
    (image,) = as_is("a", encoded(picture), shape, form, fit)
    assert image.seen is not None
    return image.seen


def test_colour_is_taken_as_it_is() -> None:
    found = seen((3, 5, 4), PICTURE)
    np.testing.assert_array_equal(found, PIXELS.transpose(2, 0, 1))
    shown = section([Prediction("a", "", found, probabilities=np.array([0.2, 0.8]))], ["x", "y"])
    assert "4×5 pixels" in shown


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("shape", [(3, 8, 6), (8, 6)])
def test_another_size_becomes_the_networks(shape: tuple[int, ...], fit: str) -> None:
    np.testing.assert_array_equal(
        seen(shape, PICTURE, fit), fitted(PICTURE_OF_THEM, (8, 6), fit, len(shape) == 3), strict=True
    )


def test_a_drawing_of_another_size_is_refused() -> None:
    with pytest.raises(UserError, match=r"a: 4×5 pixels, but the network takes 5×5; bring it to that size first, or"):
        seen((5, 5), CENTRED)


@pytest.mark.parametrize(("form", "inverted"), [(INK, True), (PICTURE, False)])
def test_where_the_network_knows_light_on_black_a_light_ground_is_inverted(form: str, inverted: bool) -> None:
    light = np.full((5, 4), 250, np.uint8)
    light[2, 2] = 3
    found = seen((5, 4), form, picture=Image.fromarray(light))
    np.testing.assert_array_equal(found, 255 - light if inverted else light)
