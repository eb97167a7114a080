"""Image files, decoded with care: the pixels that a viewer shows, for training data and for drawings alike.

Turned as the camera says, palettes and inks as colours, 16 bits as 8, and what is transparent laid on paper.
"""

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from digits.core.command import UserError, log, one_line

# Those that Pillow decodes itself: it would hand EPS, a program rather than pixels, to Ghostscript.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
JPEGS = ("JPEG", "MPO")  # MPO: several in one file, as some phones make them
MAX_FILE_BYTES = 64 * 2**20  # of one image file
MAX_PIXELS = 4096 * 4096  # of an image taken as it is; a bomb's header states more
MAX_PHOTO_PIXELS = 200_000_000  # of one that is scaled down: the largest cameras'
LONGEST_SIDE = 2048  # pixels it is scaled down to
MAX_DECODER_BYTES = 600_000_000  # of memory, while one image is decoded
MAX_SCANNED_PIXELS = 2**31  # a progressive JPEG's scans times its pixels: ten scans as a rule, a bomb has thousands
# What Pillow and the libraries behind it raise at damage.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError),
    *(AssertionError, RuntimeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)
REASON = 120  # characters of what they say, at most
# Where a file says that its pixels are not what is shown (a TIFF's camera is obeyed by Pillow itself).
SHOWN_OTHERWISE = ("transparency", "exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
BITS, PHOTOMETRIC, TILE = 258, 262, (322, 323)  # a TIFF's tags: bits a channel, whether 0 is white, a tile's sides

# Pillow warns of what it passes over in a damaged file, in its words and the file's: a file is read, or refused in ours.
warnings.filterwarnings("ignore", module=r"PIL\.")


def check_size(name: str, size: int) -> None:
    """Stop where a file is too large for an image."""
    if size > MAX_FILE_BYTES:
        raise UserError(f"{name}: {size:,} bytes, more than the {MAX_FILE_BYTES:,} allowed for one image")


def read_shown(name: str, content: bytes, most: int = MAX_PIXELS) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an image file to L or RGB, and return its own height and width; UserError names it where that fails.

    It comes whole, with the pixels that a copy in another format has; but if `most` allows more than MAX_PIXELS, and it has
    more, scaled down as read_picture does.
    """
    with _opened(name, content, most) as image:
        width, height = image.size
        large = width * height > MAX_PIXELS
        if large:
            _draft(image)
        image.load()
        plain = image.mode == "L" and image.info.keys().isdisjoint(SHOWN_OTHERWISE)  # 70,000 files: with no detour
        shown = image if plain and not large else _as_shown(name, image, _factor(image) if large else 1)
        turned = (shown.width > shown.height) != (width > height)
        return shown, (width, height) if turned else (height, width)


def read_picture(name: str, content: bytes) -> Image.Image:
    """Decode an image file, scaled down to LONGEST_SIDE if it is larger, to RGB; UserError names it where that fails."""
    with _opened(name, content, MAX_PHOTO_PIXELS) as image:
        if getattr(image, "is_animated", False):
            log(f"{name}: several pictures in one file; only the first is used")
        _draft(image)
        return _as_shown(name, image, _factor(image)).convert("RGB")


def holds_several(content: bytes) -> bool:
    """Whether an image file that was read, a GIF, TIFF or WebP, holds more than one picture."""
    if not content.startswith((b"GIF8", b"II", b"MM", b"RIFF")):
        return False
    with contextlib.suppress(*DAMAGE), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        image.seek(1)
        return True
    return False


def _draft(image: Image.Image) -> None:
    """Have a JPEG that is too large decoded at half, a quarter or an eighth of its size at once."""
    if (factor := _factor(image)) > 1:
        image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))


@contextlib.contextmanager
def _opened(name: str, content: bytes, most: int) -> Iterator[Image.Image]:
    """Open an image file for this block; UserError names it where it is none, or damaged, or more than is allowed."""
    if not content:
        raise UserError(f"{name}: empty; remove it or replace it")
    Image.MAX_IMAGE_PIXELS = None  # our own check below, before any pixel is decoded
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_cost(name, image, content, most)
            yield image
    except UnidentifiedImageError as error:
        raise UserError(
            f"{name}: not an image in a supported format ({', '.join(FORMATS)}); remove it, or save it in one of them"
        ) from error
    except DAMAGE as error:
        raise UserError(f"{name}: a damaged image ({_reason(error)}); remove it or replace it") from error


def _reason(error: BaseException) -> str:
    """Return what an error says, which may quote the file, as a short line."""
    said = one_line(str(error)) or type(error).__name__
    return said if len(said) <= REASON else f"{said[: REASON - 1]}…"


def _check_cost(name: str, image: Image.Image, content: bytes, most: int) -> None:
    """Stop before an image is decoded that would take too many pixels, too much memory or too long."""
    width, height = image.size
    if image.format == "TIFF":  # whose tiles are decoded whole, however small the image
        width, height = (max(size, image.tag_v2.get(tag, 0)) for size, tag in zip(image.size, TILE, strict=True))  # type: ignore[attr-defined]
    pixels = width * height
    if pixels > most:
        raise UserError(
            f"{name}: {width:,}×{height:,} pixels, more than the {most:,} allowed; "
            "a decompression bomb, or an image to scale down first"
        )
    if pixels * _bytes_a_pixel(image) > MAX_DECODER_BYTES:
        raise UserError(
            f"{name}: {width:,}×{height:,} pixels of this kind ({image.format}, {image.mode}) take more than "
            f"the {MAX_DECODER_BYTES:,} bytes of memory allowed; scale it down first"
        )
    scans = content.count(b"\xff\xda") if image.format in JPEGS else 1
    if pixels * scans > MAX_SCANNED_PIXELS:
        raise UserError(
            f"{name}: a JPEG of {width:,}×{height:,} pixels in {scans:,} scans, which would take too long; "
            "a decompression bomb, or an image to save again"
        )


def _bytes_a_pixel(image: Image.Image) -> float:
    """Return how much memory an image takes at most while it is decoded and scaled down, in bytes a pixel."""
    if image.format in JPEGS:  # a progressive one's coefficients, 2 bytes each; its pixels are few, see `draft`
        samples = [(across, down) for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
        most = max(across for across, _ in samples) * max(down for _, down in samples)
        return float(2 * sum(across * down for across, down in samples) / most)
    if image.format == "WEBP":
        return 16  # two canvases, a copy, and the image
    if image.format == "BMP" and image.info.get("compression"):
        return 32  # it is the time: Pillow decodes run lengths in Python
    # Pillow keeps a pixel of more than one byte in four; beside the image there are one or two conversions of it.
    return {"1": 2, "L": 2, "P": 8, "RGB": 8, "RGBA": 8, "CMYK": 8}.get(image.mode, 12)


def _factor(image: Image.Image) -> int:
    """Return how many times smaller an image is to become."""
    return -(-max(image.size) // LONGEST_SIDE)


def _as_shown(name: str, image: Image.Image, factor: int) -> Image.Image:
    """Return an image as a viewer shows it, L or RGB, so many times smaller."""
    if image.mode.startswith(("I", "F")):
        image = _of_8_bits(name, image)
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
    elif image.mode != "RGB":
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    image = ImageOps.exif_transpose(image.reduce(factor) if factor > 1 else image)
    return _on_paper(image) if image.mode == "RGBA" else image


def _of_8_bits(name: str, image: Image.Image) -> Image.Image:
    """Scale an image of 16 bits a pixel, 0 to 65535, to 8; UserError where it is of another depth, or of fewer bits."""
    tags = getattr(image, "tag_v2", {})
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF") or tags.get(BITS, (16,)) != (16,):
        raise UserError(f"{name}: neither 8 nor 16 unsigned bits per channel; convert it to 8 bits first")
    image = image.convert("I")
    bits = int(image.getextrema()[1]).bit_length()  # type: ignore[arg-type]  # one channel has one pair
    if 0 < bits <= 12:  # as some cameras and scanners have them: it would be all but black
        raise UserError(f"{name}: 16 bits per pixel, but only the lowest {bits} are used; convert it to 8 bits first")
    if "transparency" in image.info:  # the value that is transparent
        image.info["transparency"] //= 257
    grey = image.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    return ImageOps.invert(grey) if tags.get(PHOTOMETRIC) == 0 else grey


def _on_paper(image: Image.Image) -> Image.Image:
    """Lay a transparent image, RGBA, on white, or on black where all that is opaque is light."""
    opaque = np.asarray(image.convert("L"))[np.asarray(image.getchannel("A")) > 127]
    paper = "black" if opaque.size and opaque.min() > 127 else "white"
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")
