"""Drawings in image files: what is drawn, told from the paper that it is on, the light on it, and what is around it."""

from typing import NamedTuple

import numpy as np
from numpy.polynomial import polynomial
from PIL import Image
from scipy import ndimage

from digits.core.command import log
from digits.data.centring import FAINTEST
from digits.data.decoding import read_picture
from digits.data.paper import is_dark_ink, lit_paper
from digits.data.sheet_lines import without_lines

NOISE = 4  # median deviations of the paper from itself, about 2.7 standard deviations
COARSE = 64  # pixels of the longer side of the small picture that the light is measured on
EVEN, UNEVEN = 90, 12  # percent of the border that differ by no more from paper in one light
STEPS = 10  # of fitting the light, which comes to rest in five or so
DARKEST = 4  # where the light is less than a quarter of the usual, it is taken for a quarter
LARGE = 10  # a part at least a tenth as long as the picture is drawn; a shorter one may be a speck
LIGHTER = 1.4  # times as bright as ink is paper in a shadow, at least
RECIPROCAL = 4096  # over its brightness, light ink is dark, and half the light makes the same ratio
SPECK, FAINT = (
    8,
    96,
)  # beside a shadow, a part less than an eighth as long as the longest, or nowhere stronger, is no ink


class Drawing(NamedTuple):
    """A picture, and what is drawn on it."""

    picture: Image.Image  # RGB, as it was given, upright and on paper
    ink: np.ndarray  # uint8 [height, width], 0 where there is none


def read_drawing(name: str, content: bytes) -> Drawing:
    """Decode an image file of something drawn or written, and tell the ink from the paper and what is around it."""
    picture = read_picture(name, content)
    grey = np.asarray(picture.convert("L"))
    shaded = ink_in_shadow(grey)
    ink = find_ink(grey) if shaded is None else shaded
    unlined = without_lines(ink, FAINTEST)
    if unlined is not ink:
        log(f"{name}: lines across the sheet are left out")
    inner = without_frame(unlined)
    if inner is not unlined or shaded is not None:
        log(f"{name}: a frame around the drawing, or what touches the picture's border, is left out")
    elif border_of(ink).max() > 127:
        log(f"{name}: the drawing touches the picture's border; a frame or the edge of a desk would be taken for ink")
    return Drawing(picture, inner if shaded is None else without_specks(inner))


def find_ink(grey: np.ndarray) -> np.ndarray:
    """Return how much ink is on each pixel, 0 to 255, whether dark on light or light on dark.

    The ink is what is darker or lighter than the paper, whichever differs more; less light shows less difference. What
    differs as little as the paper itself does is paper, and the strongest ink becomes 255.
    """
    paper, noise = _paper(grey)
    difference, full = grey - paper, 255 - paper
    if difference.max() < -difference.min():
        difference, full = -difference, paper
    usual = int(np.median(full))
    difference = difference * usual // np.maximum(full, usual // DARKEST + 1)
    return _strengthened(difference - NOISE * noise)


def ink_in_shadow(grey: np.ndarray) -> np.ndarray | None:
    """Return how much ink is on each pixel of paper on which a shadow ends, or which ends itself; None where none does.

    Then the border is of several brightnesses, and all of them are lighter than the ink.
    """
    if np.percentile(np.abs(border_of(grey - _paper(grey)[0])), EVEN) <= UNEVEN:
        return None
    dark = grey if is_dark_ink(grey) else (RECIPROCAL / (grey + RECIPROCAL / 256)).astype(np.uint8)
    paper = lit_paper(dark).astype(int)
    difference = (paper - dark) * 255 // np.maximum(paper, 1)
    usual = int(np.median(difference))
    noise = int(np.median(np.abs(difference - usual)))
    ink = _strengthened(difference - usual - NOISE * noise)
    darkest = np.median(dark[ink > 127]) if ink.any() else 255
    return ink if border_of(paper).min() > LIGHTER * darkest else None


def _paper(grey: np.ndarray) -> tuple[np.ndarray, int]:
    """Return how bright the paper is, and how much it differs from that by itself.

    It is the median of the border, or as bright as the light that falls on it where that explains the picture far better.
    """
    border = border_of(grey).astype(int)
    paper: np.ndarray = np.full(grey.shape, int(np.median(border)))
    light = _light(grey)
    if 2 * np.median(np.abs(grey - light)) < np.median(np.abs(grey - paper)):
        return light, int(np.median(np.abs(grey - light)))
    return paper, int(np.median(np.abs(border - paper[0, 0])))


def without_frame(ink: np.ndarray) -> np.ndarray:
    """Return the ink without a frame and without what reaches the picture's border, or itself where that is all there is.

    Parts touch each other at sides or corners. A frame is the longest part, where a large one lies in what it encloses.
    """
    parts, _ = ndimage.label(ink > FAINTEST, np.ones((3, 3)))
    inner = _only(ink, parts, ~np.isin(parts, border_of(parts)))
    parts[inner == 0] = 0
    lengths = _lengths(parts)
    if len(lengths) < 2:
        return inner
    holes, _ = ndimage.label(parts != np.argmax(lengths) + 1)
    return _only(inner, parts, ~np.isin(holes, [0, *np.unique(border_of(holes))]))


def _only(ink: np.ndarray, parts: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the ink that is chosen, at full strength; all of it where that, or what it leaves out, is but specks."""
    if min(_length(parts * chosen), _length(parts * ~chosen)) * LARGE < max(ink.shape):
        return ink
    return _strengthened(np.where(chosen & (parts > 0), ink, 0).astype(int))


def without_specks(ink: np.ndarray) -> np.ndarray:
    """Return the ink without parts that are far shorter than the longest, or faint throughout."""
    parts, _ = ndimage.label(ink > FAINTEST, np.ones((3, 3)))
    lengths = np.array([0, *_lengths(parts)])
    strongest = ndimage.maximum(ink, parts, np.arange(len(lengths)))
    kept = (lengths * SPECK > lengths.max()) & (strongest > FAINT)
    return _strengthened(np.where(kept[parts], ink, 0).astype(int))


def _length(parts: np.ndarray) -> int:
    """Return the longer side of the longest part."""
    return max(_lengths(parts), default=0)


def _lengths(parts: np.ndarray) -> list[int]:
    """Return the longer side of each part's box, by its number from 1; 0 where there is none."""
    return [max(side.stop - side.start for side in box) if box else 0 for box in ndimage.find_objects(parts)]


def border_of(image: np.ndarray) -> np.ndarray:
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _light(grey: np.ndarray) -> np.ndarray:
    """Return how bright the paper is at each pixel: the surface of second degree that is nearest to half of the pixels.

    Least trimmed squares (Rousseeuw 1984): fitted again and again to that half of the pixels that it was nearest to,
    which leaves out what is drawn; begun with the half nearest to the median.
    """
    coarse = np.asarray(Image.fromarray(grey).reduce(-(-max(grey.shape) // COARSE))).astype(float)
    powers = polynomial.polyvander2d(*_middles(coarse), [2, 2]).reshape(coarse.size, -1)
    values = coarse.ravel()
    distance = np.abs(values - np.median(values))
    for _ in range(STEPS):
        near = distance <= np.median(distance)
        factors = np.linalg.lstsq(powers[near], values[near], rcond=None)[0]
        distance = np.abs(values - powers @ factors)
    y, x = _middles(grey)
    light: np.ndarray = polynomial.polyval2d(y, x, factors.reshape(3, 3)).round().clip(0, 255).astype(int)
    return light


def _middles(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far down and across each pixel's middle is, 0 to 1."""
    down, across = ((np.arange(side) + 0.5) / side for side in image.shape)
    rows, columns = np.meshgrid(down, across, indexing="ij")
    return rows, columns


def _strengthened(difference: np.ndarray) -> np.ndarray:
    """Return the ink, uint8, of which the strongest becomes 255; none where all is too faint."""
    strongest = int(difference.max())
    if strongest <= FAINTEST:
        return np.zeros(difference.shape, np.uint8)
    ink: np.ndarray = (255 * np.maximum(difference, 0) + strongest // 2) // strongest
    return ink.astype(np.uint8)
