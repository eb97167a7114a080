"""Drawings in image files: what is drawn, told from the paper that it is on."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from digits.core.command import log
from digits.data.centring import FAINTEST
from digits.data.decoding import opened

NOISE = 4  # median deviations of the paper from itself, about 2.7 standard deviations


class Drawing(NamedTuple):
    """A picture, and what is drawn on it."""

    picture: Image.Image  # RGB, as it was given, upright and on paper
    ink: np.ndarray  # uint8 [height, width], 0 where there is none


def read_drawing(name: str, content: bytes) -> Drawing:
    """Decode an image file of something drawn or written: turned as its camera says, the ink told from the paper."""
    with opened(name, content) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            log(f"{name}: {frames} pictures in one file; the first is taken")
        picture = _on_paper(ImageOps.exif_transpose(image))
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


def _on_paper(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white, or on black where all that is opaque is light."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    opaque = np.asarray(image.convert("L"))[np.asarray(image.getchannel("A")) > 127]
    paper = "black" if opaque.size and opaque.min() > 127 else "white"
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")
