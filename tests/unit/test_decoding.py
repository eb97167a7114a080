"""Image files become the pixels that a viewer shows; what is damaged, or takes too much, is refused in one line."""

import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data.decoding import LONGEST_SIDE, read_picture
from pictures import bomb, encoded, png, read_grey
from PIL import Image

GREY = np.random.default_rng(0).integers(0, 256, (4, 3), np.uint8)
SEVERAL = np.kron(GREY, np.ones((16, 16), np.uint8))  # blocks that a JPEG keeps


def as_picture(name: str, content: bytes) -> np.ndarray:
    return np.asarray(read_picture(name, content).convert("L"))


READERS = pytest.mark.parametrize("read", [read_grey, as_picture])
Read = Callable[[str, bytes], np.ndarray]


@READERS
@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tiff", "ppm"])
def test_grey_stays_as_it_is(read: Read, kind: str) -> None:
    np.testing.assert_array_equal(read("a", encoded(Image.fromarray(GREY), kind)), GREY)


@READERS
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
def test_images_are_turned_as_their_camera_says(read: Read, kind: str) -> None:
    shown = np.stack([SEVERAL.T, SEVERAL.T[::-1], SEVERAL.T[::-1, ::-1], SEVERAL.T[:, ::-1]])
    for orientation, expected in zip((5, 6, 7, 8), (shown[0], shown[3], shown[2], shown[1]), strict=True):
        exif = Image.Exif()
        exif[0x112] = orientation
        found = read("a", encoded(Image.fromarray(SEVERAL), kind, exif=exif))
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 6, orientation


@READERS
def test_what_is_transparent_lies_on_paper(read: Read) -> None:
    """White, or black where all that is opaque is light: RGBA, a palette, and one value of grey."""
    for ink, paper in ((0, 255), (255, 0)):
        drawn = np.where(GREY > 127, ink, paper)
        alpha = np.where(GREY > 127, 255, 0).astype(np.uint8)
        image = Image.merge("LA", [Image.new("L", (3, 4), ink), Image.fromarray(alpha)])
        np.testing.assert_array_equal(read("a", encoded(image)), drawn)
        np.testing.assert_array_equal(read("a", encoded(image.convert("RGBA"), "tiff")), drawn)
        key = Image.fromarray(np.where(GREY > 127, ink, 99).astype(np.uint8))
        np.testing.assert_array_equal(read("a", encoded(key, transparency=99)), drawn)
        np.testing.assert_array_equal(read("a", encoded(key.convert("P"), "gif", transparency=99)), drawn)


@READERS
@pytest.mark.parametrize("kind", ["png", "tiff", "ppm"])
def test_16_bits_become_8(read: Read, kind: str) -> None:
    np.testing.assert_array_equal(read("a", encoded(Image.fromarray(GREY.astype(np.uint16) * 257), kind)), GREY)


def test_inks_and_palettes_become_grey() -> None:
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 3, 3), np.uint8))
    expected = np.asarray(colours.convert("L"))
    np.testing.assert_array_equal(read_grey("a", encoded(colours.convert("CMYK"), "tiff")), expected)
    np.testing.assert_array_equal(read_grey("a", encoded(colours.quantize(12))), expected)


@pytest.mark.parametrize(
    ("kind", "size", "mode"), [("jpeg", (5712, 4284), "L"), ("jpeg", (8064, 6048), "L"), ("png", (4960, 7016), "1")]
)
def test_a_large_photo_is_scaled_down(kind: str, size: tuple[int, int], mode: str) -> None:
    """Half dark, half light, of 24 and 48 megapixels, and a page of 600 dots an inch."""
    image = Image.new(mode, size, 1 if mode == "1" else 255)
    image.paste(0, (0, 0, size[0] // 2, size[1]))
    content = encoded(image, kind)
    found = as_picture("a", content)
    assert LONGEST_SIDE / 2 < max(found.shape) <= LONGEST_SIDE
    assert found.shape[0] / found.shape[1] == pytest.approx(size[1] / size[0], rel=0.01)
    assert found[:, : found.shape[1] // 2 - 9].max() < 9 and found[:, found.shape[1] // 2 + 9 :].min() > 246
    with pytest.raises(UserError, match="pixels, more than the 16,777,216 allowed"):
        read_grey("a", content)


def tiff(*tags: tuple[int, int]) -> bytes:
    """A TIFF's header and its tags, all of whole numbers."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags))
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4)


def run_lengths(width: int) -> bytes:
    """A BMP of one long line, all of it left out."""
    header = struct.pack("<IIIIiiHHIIiiII", 1082, 0, 1078, 40, width, 1, 1, 8, 1, 4, 0, 0, 0, 0)
    return b"BM" + header + bytes(1024) + b"\1\1\0\0"


def scans(count: int) -> bytes:
    """A progressive JPEG that begins with empty scans."""
    content = encoded(Image.new("L", (4000, 4000), 9), "jpeg", progressive=True)
    first = content.index(b"\xff\xda")
    return content[:first] + content[first : first + 10] * count + content[first:]


BOMBS = {
    "header": (bomb(), "60,000×60,000 pixels, more than the "),
    "tile": (
        tiff(
            (256, 9), (257, 9), (258, 8), (259, 8), (262, 1), (273, 8), (322, 30_000), (323, 30_000), (324, 8), (325, 9)
        ),
        "30,000×30,000 pixels, more than the ",
    ),
    "scans": (scans(1000), "a JPEG of 4,000×4,000 pixels in 1,0.+ scans, which would take too long"),
}


@READERS
@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_before_it_is_decoded(read: Read, case: str) -> None:
    content, message = BOMBS[case]
    assert len(content) < 1_000_000
    with pytest.raises(UserError, match=f"^a: {message}"):
        read("a", content)


def test_what_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"a: 40,000,000×1 pixels of this kind \(BMP, .\) take more than the 600,000,000 "
    ):
        read_picture("a", run_lengths(40_000_000))


@READERS
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.fromarray(np.float32(GREY)), "neither 8 nor 16 unsigned bits per channel"),
        (Image.fromarray(np.int32(GREY)), "neither 8 nor 16 unsigned bits per channel"),
        (Image.fromarray(np.uint16(GREY)), "but only the lowest 8 are used"),
        (Image.fromarray(np.uint16(GREY) * 16), "but only the lowest 12 are used"),
    ],
)
def test_other_depths_are_refused(read: Read, image: Image.Image, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read("a", encoded(image, "tiff"))


RAISED = (OverflowError, RecursionError, MemoryError, AttributeError, AssertionError, NotImplementedError, IndexError)


@READERS
@pytest.mark.parametrize("raised", [*RAISED, struct.error, zlib.error, Image.DecompressionBombError])
def test_whatever_pillow_raises_is_one_short_line(
    read: Read, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised("bad \x1b[31m\0\ntag " + "x" * 9999)

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(UserError) as error:
        read("a", png())
    said = str(error.value)
    assert said.startswith(r"a: a damaged image (bad \x1b[31m\x00\ntag xxx")
    assert said.isprintable() and len(said) < 200


@READERS
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as the command does
def test_mutated_files_are_read_or_refused_in_one_line(read: Read) -> None:
    draws = random.Random(0)
    image = Image.fromarray(GREY)
    files = [encoded(image, kind) for kind in ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm")]
    refused = 0
    for number in range(350):
        content = bytearray(files[number % len(files)])
        for _ in range(draws.choice((1, 2, 4, 8))):
            content[draws.randrange(min(len(content), 200))] = draws.choice((0, 1, 127, 255, draws.randrange(256)))
        try:
            read("a", bytes(content))
        except UserError as error:
            refused += 1
            assert str(error).isprintable() and len(str(error)) < 300
    assert refused > 100
