"""Image files, decoded with care."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

from digits.core.command import UserError

# Those that Pillow decodes itself: it would hand EPS, a program rather than pixels, to Ghostscript.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
MAX_PIXELS = 4096 * 4096  # of one image; a bomb's header states more
MAX_FILE_BYTES = 64 * 2**20  # of one image file
# What Pillow raises at damage.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error, zlib.error)
DEEP_MODES = ("I", "F")  # Pillow's modes of more than 8 bits a channel (I;16 and the like begin so)


def check_size(name: str, size: int) -> None:
    """Stop where a file is too large for an image."""
    if size > MAX_FILE_BYTES:
        raise UserError(f"{name}: {size:,} bytes, more than the {MAX_FILE_BYTES:,} allowed for one image")


@contextlib.contextmanager
def opened(name: str, content: bytes) -> Iterator[Image.Image]:
    """Open an image file for this block; UserError names it where it is none, or damaged, or more than is allowed."""
    Image.MAX_IMAGE_PIXELS = None  # our own check below, before any pixel is decoded
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(
                    f"{name}: {image.width:,}×{image.height:,} pixels, more than the {MAX_PIXELS:,} allowed; "
                    "a decompression bomb, or an image to scale down first"
                )
            if image.mode.startswith(DEEP_MODES):
                raise UserError(
                    f"{name}: more than 8 bits a pixel (Pillow's mode {image.mode}); convert it to 8 bits first"
                )
            yield image
    except UnidentifiedImageError as error:
        raise UserError(
            f"{name}: not an image of a kind that is read ({', '.join(FORMATS)}); remove it, or save it as one of them"
        ) from error
    except DAMAGE as error:
        raise UserError(f"{name}: a damaged image ({error}); remove it or replace it") from error


def read_grey(name: str, content: bytes) -> np.ndarray:
    """Decode an image file as it is, to greyscale uint8 [height, width]."""
    with opened(name, content) as image:
        return np.asarray(image if image.mode == "L" else image.convert("L"))
