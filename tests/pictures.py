"""Image files as bytes, good and hostile."""

import io
import zlib

from PIL import Image


def encoded(image: Image.Image, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def png(size: tuple[int, int] = (2, 2)) -> bytes:
    return encoded(Image.new("L", size))


def bomb() -> bytes:
    """A few bytes of PNG whose header states 60,000 × 60,000 pixels."""
    content = bytearray(png())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)
