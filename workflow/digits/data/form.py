"""In which form a data set's images come: it decides how figures and page show them, and how a user's own are read."""

import numpy as np

from digits.data.centring import BOX, FAINTEST, SIDE

CENTRED, INK, PICTURE = FORMS = ("centred", "ink", "picture")
LOOKED_AT = 1000  # images, evenly spaced
MOST = 0.9  # of them


def form_of(images: np.ndarray) -> str:
    """Return the form of images, uint8 [N, height, width] or, coloured, [N, 3, height, width].

    INK: something light on black, as in MNIST, and shown as dark ink on the page's ground. CENTRED: moreover, drawings in the
    form that `data.centring` gives them. PICTURE: all others, shown as they are.
    """
    if images.ndim == 4 or not len(images):
        return PICTURE
    some = images[np.linspace(0, len(images) - 1, min(len(images), LOOKED_AT)).astype(int)]
    border = np.concatenate([some[:, [0, -1]].ravel(), some[:, :, [0, -1]].ravel()])
    if np.median(border) > FAINTEST:
        return PICTURE
    return CENTRED if np.mean([_is_centred(image) for image in some]) >= MOST else INK


def _is_centred(image: np.ndarray) -> bool:
    height, width = image.shape
    rows, columns = (np.flatnonzero((image > FAINTEST).any(axis=axis)) for axis in (1, 0))
    if height != width or not len(rows):
        return False
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    centre = [np.average(np.arange(height), weights=image.sum(axis=axis, dtype=float)) for axis in (1, 0)]
    return bool(abs(longer - BOX * height / SIDE) <= 1 and np.abs(np.array(centre) - height / 2).max() <= 1)
