"""Bring a drawing into the form of MNIST's images, as its authors did: scaled into a box, then centred by its mass.

LeCun et al. 1998, "Gradient-based learning applied to document recognition", section III.A: a digit keeps its
proportions and fits 20×20 of 28×28 pixels. The report's page does the same in its own language. Every sum here is of
whole numbers below 2⁵³, so that it is exact in whatever order it is made, and both give the same bytes.
"""

import numpy as np

FAINTEST = 25  # 10 % of 255: what is fainter is paper
BOX, SIDE = 20, 28  # the drawing's longer side, in an image of this side


def centre(ink: np.ndarray, size: int) -> np.ndarray | None:
    """Return a drawing, grey [height, width] from 0 (no ink) to 255, as uint8 [size, size]; None where nothing is drawn.

    The smallest box with all ink is scaled by averaging over areas, and put where its centre of mass is that of MNIST's images.
    """
    rows, columns = (np.flatnonzero((ink > FAINTEST).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, _rounded(BOX * size * side, SIDE * max(box.shape))) for side in box.shape)
    down, across = overlaps(box.shape[0], height), overlaps(box.shape[1], width)
    sums = (down @ box @ across.T).astype(np.int64)  # a scaled pixel is its sum over box.size
    top, left = _offset(sums.sum(axis=1), size), _offset(sums.sum(axis=0), size)
    image = np.zeros((size, size), np.uint8)
    image[top : top + height, left : left + width] = (2 * sums + box.size) // (2 * box.size)
    return image


def _rounded(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest whole number, half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def overlaps(pixels: int, scaled: int) -> np.ndarray:
    """Return how much of each pixel lies in each scaled one, [scaled, pixels], on a line of pixels · scaled units."""
    starts, scaled_starts = np.arange(pixels) * scaled, np.arange(scaled)[:, None] * pixels
    both = np.minimum(starts + scaled, scaled_starts + pixels) - np.maximum(starts, scaled_starts)
    overlaps: np.ndarray = np.maximum(both, 0).astype(float)
    return overlaps


def _offset(profile: np.ndarray, size: int) -> int:
    """Return where to put a line of masses: their centre nearest to pixel size / 2, counted from 0; all of them within.

    That is half a pixel beyond the image's middle, and where the centres of MNIST's own images are (14 ± 0.5).
    """
    mass, moment = int(profile.sum()), int(profile @ np.arange(len(profile)))
    return min(max(_rounded(size * mass - 2 * moment, 2 * mass), 0), size - len(profile))
