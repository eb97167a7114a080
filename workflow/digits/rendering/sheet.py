"""What the page holds as base64. Images share one picture: cheaper than a file for each, and decoded by the browser when first needed.

Lossless WebP of 8 greys takes about 75 bytes for an MNIST image, a PNG of 16 greys 100; both lose nothing that one sees.
Pictures are lossy WebP.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from digits.data.form import PICTURE
from digits.rendering.form import last_axis

GREYS = 8
QUALITY = 80  # of pictures
SIDE = 16_000  # pixels; WebP allows 16,383


def image_sheet(images: np.ndarray, wanted: Sequence[int], limit: int, form: str) -> dict[str, Any]:
    """Tile the first of the wanted images, of a form, into a picture of at most `limit` bytes, as many as fit; at least one."""
    height, width = images.shape[-2:]
    columns = max(1, min(40, SIDE // width))
    count = min(len(wanted), columns * max(1, SIDE // height))
    while True:
        numbers = sorted(wanted[:count])
        picture = _webp(last_axis(images[numbers]), columns, form)
        if len(picture) <= limit or count <= 1:
            return {"numbers": numbers, "columns": columns, "picture": base64.b64encode(picture).decode()}
        count = max(1, min(count - 1, count * limit // len(picture)))


def images_of(sheet: dict[str, Any], shape: tuple[int, int], numbers: Sequence[int], form: str) -> dict[int, str]:
    """Return those of the images that a sheet holds, by their numbers, each as an address that holds it."""
    mode, kind, how = ("RGB", "webp", {"quality": QUALITY}) if form == PICTURE else ("L", "png", {"optimize": True})
    whole = Image.open(io.BytesIO(base64.b64decode(sheet["picture"]))).convert(mode)
    places = {number: place for place, number in enumerate(sheet["numbers"])}
    height, width = shape
    found = {}
    for number in numbers:
        if number in places:
            row, column = divmod(places[number], sheet["columns"])
            corner = (column * width, row * height)
            file = io.BytesIO()
            whole.crop((*corner, corner[0] + width, corner[1] + height)).save(file, kind, **how)
            found[number] = f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
    return found


def decode(text: str, kind: str) -> np.ndarray:
    """Return the array, of one dimension, whose bytes are in base64; kind as in `networks.export.encode`."""
    return np.frombuffer(base64.b64decode(text), kind)


def _webp(images: np.ndarray, columns: int, form: str) -> bytes:
    """Tile images, [N, height, width, …], in rows: pictures as they are, others dark on light."""
    count, height, width, *rest = images.shape
    rows = -(-count // columns)
    grid = np.zeros((rows * columns, height, width, *rest), np.uint8)
    grid[:count] = images
    tiles = grid.reshape(rows, columns, height, width, *rest).swapaxes(1, 2)
    whole = tiles.reshape(rows * height, columns * width, *rest)
    file = io.BytesIO()
    if form == PICTURE:
        Image.fromarray(whole).save(file, "WEBP", quality=QUALITY, method=4)
    else:
        levels = np.array([255 - round(255 * level / (GREYS - 1)) for level in range(GREYS)], np.uint8)
        Image.fromarray(levels[(whole.astype(int) * (GREYS - 1) + 127) // 255]).save(
            file, "WEBP", lossless=True, method=4
        )
    return file.getvalue()
