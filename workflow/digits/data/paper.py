"""How bright the paper is where the light on it ends in a sharp edge, as a shadow's."""

import numpy as np
from PIL import Image
from scipy import ndimage

COARSE = 64  # pixels of the longer side of the small picture that the ink's kind is told by
WIDEST = 3  # a stroke is narrower than a third of the picture's shorter side; what is wider is paper in another light


def is_dark_ink(grey: np.ndarray) -> bool:
    """Return whether the ink on unevenly lit paper is darker than it: then what stands out from its surroundings is.

    Compared as ratios, in which both sides of a shadow's edge stand out alike.
    """
    coarse = np.log(np.asarray(Image.fromarray(grey).reduce(-(-max(grey.shape) // COARSE))).astype(float) + 1)
    apart = coarse - ndimage.gaussian_filter(coarse, COARSE / 8)
    return bool((apart**3).sum() <= 0)


def lit_paper(grey: np.ndarray) -> np.ndarray:
    """Return how bright the paper is at each pixel under darker ink, in light of any kind.

    A morphological closing: each pixel is as bright as the darkest square around it that is wider than any stroke. Of a
    square that lies partly outside, only what is inside counts.
    """
    width = min(grey.shape) // WIDEST + 1
    room = np.pad(ndimage.median_filter(grey, 3), width)
    paper: np.ndarray = ndimage.grey_closing(room, [width, width])[width:-width, width:-width]
    return paper
