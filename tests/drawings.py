"""Reading figures back: what a picture shows, and what an SVG says."""

import base64
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def drawn_images(picture: Path, figure: Figure, shape: tuple[int, int] = (28, 28)) -> list[np.ndarray]:
    """Read the greyscale images back from a PNG, 0 for white, where the figure that it was saved from has its axes."""
    figure.set_dpi(144)
    figure.canvas.draw()
    with Image.open(picture) as image:
        page = 255 - np.asarray(image.convert("L")).astype(int)
    images = []
    for axis in figure.axes:
        if axis.images:
            box = axis.get_window_extent()
            rows = len(page) - (box.y1 - (np.arange(shape[0]) + 0.5) / shape[0] * box.height)
            columns = box.x0 + (np.arange(shape[1]) + 0.5) / shape[1] * box.width
            images.append(page[np.ix_(rows.astype(int), columns.astype(int))])
    return images


def svg_images(picture: Path) -> list[np.ndarray]:
    """Return the images that an SVG holds, uint8 [height, width, 4]."""
    found = []
    for image in ElementTree.fromstring(picture.read_text()).iter("{http://www.w3.org/2000/svg}image"):
        data = image.attrib["{http://www.w3.org/1999/xlink}href"].partition(",")[2]
        found.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")))
    return found


def svg_texts(picture: Path) -> list[str]:
    """Return the texts of a well-formed SVG."""
    root = ElementTree.fromstring(picture.read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(root.attrib["width"].removesuffix("pt")) > 100
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def assert_plain(picture: Path) -> None:
    """A figure has the format of its name, and says neither when nor where it was made."""
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n" if picture.suffix == ".png" else b"<?xml")
    assert b"date>" not in content and b"tIME" not in content
    assert str(picture.parent).encode() not in content
