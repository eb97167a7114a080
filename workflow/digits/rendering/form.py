"""How images of a form are shown, and how many kinds of them."""

from collections.abc import Sequence

import numpy as np

from digits.data.form import CENTRED

MANY = 40  # classes; of more, figures and tables show some


def called(classes: Sequence[str], form: str) -> str:
    """Return what the classes are called: digits, if they are the ten of them, drawn."""
    return "digits" if list(classes) == [*"0123456789"] and form == CENTRED else "classes"


def last_axis(images: np.ndarray) -> np.ndarray:
    """Return images with the channels of coloured ones as their last axis, as browsers and picture files have them."""
    return np.moveaxis(images, 1, -1) if images.ndim == 4 else images
