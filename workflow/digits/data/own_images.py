"""A user's own image files: found by name or pattern, and read in the form that a network takes."""

import glob
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from digits.core.command import DISK_ADVICE, UserError, one_line
from digits.data.centring import centre
from digits.data.collection import FITS
from digits.data.cutting import cut
from digits.data.decoding import MAX_PHOTO_PIXELS, check_size, read_shown
from digits.data.form import CENTRED, INK
from digits.data.ink import border_of, read_drawing
from digits.data.resize import fitted

Shape = tuple[int, ...]  # of an image: (height, width), or (3, height, width) in colour
COLOURED = 3  # sides of a coloured one's shape
BRIGHT = 128  # the edge of an image on a light ground
NOTHING = "nothing is drawn on it; remove it, or draw darker or lighter than the paper"
FRAME = "#0072b2"  # around each of several


class OwnImage(NamedTuple):
    """What one file holds, or what is wrong with it."""

    name: str
    problem: str = ""  # which then is all
    picture: Image.Image | None = None  # as it was given
    seen: np.ndarray | None = None  # uint8 [height, width] or [3, height, width], as the network takes it
    box: tuple[int, int, int, int] | None = None  # left, top, width and height of one of several in the picture
    note: str = ""  # why to doubt what was read


Reader = Callable[[str, bytes, Shape], list[OwnImage]]


def matching(text: str) -> list[Path]:
    """Return the files that a text names or has patterns of; nothing in it is run.

    It is read as a shell reads words, or, where that does not name files (an apostrophe that is no quote), as words
    between spaces, or as one name.
    """
    try:
        quoted = shlex.split(text)
    except ValueError:  # a quote that does not end
        quoted = text.split()
    for words in (quoted, text.split(), [text]):
        found = [_files(word) for word in words]
        if all(found):
            return [Path(name) for names in found for name in names]
    return [Path(word) for word in quoted]


def _files(word: str) -> list[str]:
    word = os.path.expanduser(word)  # noqa: PTH111 (Path.expanduser fails where there is no such user)
    return [word] if os.path.lexists(word) else sorted(glob.glob(word))  # noqa: PTH207 (Path.glob takes no absolute pattern)


def read_own_image(path: Path, shape: Shape, read: Reader) -> list[OwnImage]:
    """Read one file for a network that takes images of this shape, or say what is wrong with it."""
    name = one_line(str(path))
    try:
        return read(name, _content(name, path), shape)
    except UserError as error:
        return [OwnImage(name, problem=str(error).removeprefix(f"{name}: "))]
    except OSError as error:
        return [OwnImage(name, problem=DISK_ADVICE.get(error.errno or 0) or one_line(str(error)))]


def _content(name: str, path: Path) -> bytes:
    if path.is_dir():
        raise UserError(f"{name}: this is a folder, not a file; name its files, such as {name}/*.png")
    if path.exists() and not path.is_file():
        raise UserError(f"{name}: neither a file nor a folder")  # a named pipe would be waited for
    with path.open("rb") as file:
        check_size(name, os.fstat(file.fileno()).st_size)
        return file.read()


def as_is(name: str, content: bytes, shape: Shape, form: str = CENTRED, fit: str = FITS[0]) -> list[OwnImage]:
    """Take a file's pixels as convert does: brought to the network's size, if its images are no drawings in MNIST's form.

    Where it knows light on black, one on a light ground is inverted. UserError where a drawing has another size.
    """
    coloured, size = len(shape) == COLOURED, (shape[-2], shape[-1])
    picture, own = read_shown(name, content, MAX_PHOTO_PIXELS)
    if form == CENTRED and not coloured and own != size:
        raise UserError(
            f"{name}: {own[1]}×{own[0]} pixels, but the network takes {size[1]}×{size[0]}; "
            "bring it to that size first, or leave out --as-is for something drawn or written"
        )
    pixels = fitted(picture, size, fit, coloured)
    if form == INK and np.median(border_of(pixels)) > BRIGHT:
        pixels = 255 - pixels
    return [OwnImage(name, "", picture, pixels)]


def drawn(name: str, content: bytes, shape: Shape) -> list[OwnImage]:
    """Bring what is drawn into the form of MNIST's images; UserError where there is nothing."""
    side = _side(name, shape)
    drawing = read_drawing(name, content)
    seen = centre(drawing.ink, side)
    if seen is None:
        raise UserError(f"{name}: {NOTHING}")
    return [OwnImage(name, "", drawing.picture, seen)]


def several(name: str, content: bytes, shape: Shape) -> list[OwnImage]:
    """Cut what is drawn apart, and bring each piece into the form of MNIST's images; UserError where there is nothing."""
    side = _side(name, shape)
    drawing = read_drawing(name, content)
    pieces = [(piece, seen) for piece in cut(drawing.ink) if (seen := centre(piece.ink, side)) is not None]
    if not pieces:
        raise UserError(f"{name}: {NOTHING}")
    draw, width = ImageDraw.Draw(drawing.picture), 1 + max(drawing.picture.size) // 200
    for (left, top, across, down), *_ in (piece for piece, _ in pieces):
        draw.rectangle((left - width, top - width, left + across + width, top + down + width), None, FRAME, width)
    return [
        OwnImage(name, "", drawing.picture, seen, piece.box, "several that touch?" if piece.touching else "")
        for piece, seen in pieces
    ]


def _side(name: str, shape: Shape) -> int:
    height, width = shape
    if height != width:
        raise UserError(
            f"{name}: a drawing is put into the middle of a square, but the network takes {width}×{height} pixels; "
            "use --as-is"
        )
    return height
