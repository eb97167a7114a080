"""A user's images for networks that take colour: as they are, in the network's size."""

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data.own_images import as_is
from digits.rendering.prediction_page import Prediction, section
from pictures import encoded
from PIL import Image

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)


def test_colour_is_taken_as_it_is() -> None:
    (image,) = as_is("a", encoded(Image.fromarray(PIXELS)), (3, 5, 4))
    assert image.seen is not None
    np.testing.assert_array_equal(image.seen, PIXELS.transpose(2, 0, 1))
    shown = section([Prediction("a", "", image.seen, probabilities=np.array([0.2, 0.8]))], ["x", "y"])
    assert "4×5 pixels" in shown


def test_another_size_is_refused() -> None:
    with pytest.raises(UserError, match=r"a: 4×5 pixels, but the network takes 5×5; bring it to that size first$"):
        as_is("a", encoded(Image.fromarray(PIXELS)), (3, 5, 5))
