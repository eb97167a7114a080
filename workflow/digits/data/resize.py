"""Bring images to one size, and to grey or colour.

Bicubic, whose filter grows with the scale, so that an image made smaller has no aliases. Its weights are polynomials,
which every machine computes alike, and Pillow rounds them to whole numbers.
"""

import numpy as np
from PIL import Image

from digits.data.collection import Form, Size
from digits.data.decoding import MAX_PHOTO_PIXELS, MAX_PIXELS, read_shown

GAP = 3.0  # an image more than so many times too large is first averaged over whole pixels (Pillow's reducing_gap)


def fitted(picture: Image.Image, size: Size | None, fit: str = "pad", colour: bool = False) -> np.ndarray:
    """Return a picture as the network takes it: uint8 [height, width], or in colour [3, height, width].

    `pad`: the whole picture in the middle, the rest in the median colour of its border; `crop`: as much of its middle as
    has the right proportions; `stretch`: the whole of it, proportions changed.
    """
    mode = "RGB" if colour else "L"
    picture = picture if picture.mode == mode else picture.convert(mode)
    if size is not None and (picture.height, picture.width) != size:
        picture = _resized(picture, *size, fit)
    pixels = np.asarray(picture)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if colour else pixels


def read_fitted(name: str, content: bytes, form: Form) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode an image file, and return it as `fitted` does, and its own height and width; UserError names it."""
    picture, own = read_shown(name, content, MAX_PHOTO_PIXELS if form.size else MAX_PIXELS)
    return fitted(picture, *form), own


def _resized(picture: Image.Image, height: int, width: int, fit: str) -> Image.Image:
    across, down = width / picture.width, height / picture.height
    if fit == "pad":
        scale = min(across, down)
        inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        small = picture.resize(inner, Image.Resampling.BICUBIC, reducing_gap=GAP)
        canvas = Image.new(picture.mode, (width, height), _border(picture))
        canvas.paste(small, ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return canvas
    box = None
    if fit == "crop":
        scale = max(across, down)
        left, top = (picture.width - width / scale) / 2, (picture.height - height / scale) / 2
        box = (max(0.0, left), max(0.0, top), picture.width - max(0.0, left), picture.height - max(0.0, top))
    return picture.resize((width, height), Image.Resampling.BICUBIC, box, reducing_gap=GAP)


def _border(picture: Image.Image) -> int | tuple[int, ...]:
    """Return the median colour of a picture's outermost pixels, the lower of two middle ones."""
    width, height = picture.size
    sides = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    channels = len(picture.getbands())
    edge = np.concatenate([np.asarray(picture.crop(side)).reshape(-1, channels) for side in sides])
    middle = np.sort(edge, axis=0)[(len(edge) - 1) // 2].tolist()
    return tuple(middle) if channels > 1 else int(middle[0])
