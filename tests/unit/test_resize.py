"""Images of any size become one size: what is kept, what the rest is filled with, and no aliases."""

import io

import numpy as np
import pytest
from digits.data.collection import FITS, Form
from digits.data.decoding import LONGEST_SIDE
from digits.data.resize import fitted, read_fitted
from pictures import encoded
from PIL import Image


def picture(width: int, height: int) -> Image.Image:
    """Red in the left third, green in the middle, blue on the right, in a white frame of a tenth of the height."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    frame = height // 10
    for number in range(3):
        start, end = (max(frame, width * n // 3) for n in (number, number + 1))
        pixels[frame:-frame, start : min(end, width - frame)] = 255 * np.eye(3, dtype=np.uint8)[number]
    return Image.fromarray(pixels)


def names(pixels: np.ndarray) -> str:
    """Name the colours along the middle of an image, each run once."""
    row = pixels[:, pixels.shape[1] // 2].T
    known = {(255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b", (255, 255, 255): "w"}
    found = [known.get(tuple(value), "") for value in row.tolist()]
    return "".join(name for name, before in zip(found, ["", *found], strict=False) if name and name != before)


@pytest.mark.parametrize("size", [(300, 100), (30, 10), (3000, 1000)], ids=str)
def test_each_fit_keeps_what_it_says(size: tuple[int, int]) -> None:
    found = {fit: fitted(picture(*size), (48, 48), fit, colour=True) for fit in FITS}
    assert all(image.shape == (3, 48, 48) and image.dtype == np.uint8 for image in found.values())
    assert "rgb" in names(found["pad"]) and "rgb" in names(found["stretch"]) and names(found["crop"]) == "g"
    assert (found["pad"][:, :15] == 255).all() and (found["pad"][:, 33:] == 255).all(), "in its border's colour"
    assert not (found["stretch"][:, 24] == 255).all(axis=0)[8:40].any()


def test_an_upright_picture_is_padded_at_its_sides() -> None:
    grey = fitted(Image.new("L", (10, 40), 77), (20, 20))
    assert grey.shape == (20, 20) and (grey == 77).all()
    framed = Image.new("L", (10, 40), 0)
    framed.paste(200, (1, 1, 9, 39))
    assert (fitted(framed, (20, 20))[:, :7] == 0).all()


def test_stripes_too_fine_to_see_become_grey() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    for fit in FITS:
        assert abs(fitted(Image.fromarray(stripes), (32, 32), fit).astype(int) - 127).max() <= 4


def test_what_has_the_size_is_as_it_was_and_grey_in_colour_has_three_equal_channels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8)
    np.testing.assert_array_equal(fitted(Image.fromarray(pixels), (9, 7)), pixels)
    np.testing.assert_array_equal(fitted(Image.fromarray(pixels), None, colour=True), [pixels] * 3)


def test_a_copy_in_another_format_has_the_same_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    photo = encoded(Image.fromarray(pixels).resize((2000, 1500)), "jpeg")
    copy = encoded(Image.open(io.BytesIO(photo)))
    found = [read_fitted(name, content, Form((16, 16), colour=True)) for name, content in (("a", photo), ("b", copy))]
    np.testing.assert_array_equal(found[0][0], found[1][0])


def test_a_large_photo_is_read_where_it_is_made_smaller_and_its_own_size_is_told() -> None:
    turned = Image.Exif()
    turned[0x112] = 6  # by 90°
    large = picture(5400, 3600)
    for options, own in (({}, (3600, 5400)), ({"exif": turned}, (5400, 3600))):
        content = encoded(large, "jpeg", **options)
        pixels, size = read_fitted("a.jpg", content, Form((60, 60), colour=True))
        assert size == own and max(size) > LONGEST_SIDE
        exact = fitted(
            large if own == (3600, 5400) else large.transpose(Image.Transpose.ROTATE_270), (60, 60), colour=True
        )
        assert abs(pixels.astype(int) - exact).mean() < 3
