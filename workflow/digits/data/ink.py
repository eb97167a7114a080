"""Drawings in image files: what is drawn, told from the paper that it is on."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from digits.data.centring import FAINTEST
from digits.data.decoding import read_picture

NOISE = 4  # median deviations of the paper from itself, about 2.7 standard deviations


class Drawing(NamedTuple):
    """A picture, and what is drawn on it."""

    picture: Image.Image  # RGB, as it was given, upright and on paper
    ink: np.ndarray  # uint8 [height, width], 0 where there is none


def read_drawing(name: str, content: bytes) -> Drawing:
    """Decode an image file of something drawn or written: turned as its camera says, the ink told from the paper."""
    picture = read_picture(name, content)
    return Drawing(picture, find_ink(np.asarray(picture.convert("L"))))


def find_ink(grey: np.ndarray) -> np.ndarray:
    """Return how much ink is on each pixel, 0 to 255, whether dark on light or light on dark.

    The paper is the median of the border; the ink is what is darker or lighter than it, whichever differs more. What
    differs as little as the border itself does is paper, and the strongest ink becomes 255.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]).astype(int)
    paper = int(np.median(border))
    difference = grey.astype(int) - paper
    if difference.max() < -difference.min():
        difference = -difference
    difference = np.maximum(difference - NOISE * int(np.median(np.abs(border - paper))), 0)
    strongest = int(difference.max())
    if strongest <= FAINTEST:
        return np.zeros_like(grey)
    ink: np.ndarray = (255 * difference + strongest // 2) // strongest
    return ink.astype(np.uint8)
