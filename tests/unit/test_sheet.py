"""Many small images in one picture."""

import base64
import io

import numpy as np
import pytest
from digits.data.form import INK, PICTURE
from digits.rendering.sheet import image_sheet, images_of
from PIL import Image

NOISE = np.random.default_rng(0).integers(0, 256, (100, 9, 7), np.uint8)


def test_images_come_back_as_they_were_but_for_a_few_greys() -> None:
    sheet = image_sheet(NOISE, [5, 90, 41], 10_000, INK)
    assert sheet["numbers"] == [5, 41, 90]
    found = images_of(sheet, (9, 7), [90, 5, 6], INK)
    assert sorted(found) == [5, 90], "6 was not wanted"
    for number, text in found.items():
        grey = 255 - np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2])))).astype(int)
        assert grey.shape == (9, 7) and np.abs(grey - NOISE[number]).max() <= 19


@pytest.mark.parametrize("limit", [2000, 1000, 1])
def test_as_many_as_fit_are_there_the_first_of_those_wanted(limit: int) -> None:
    wanted = list(range(99, -1, -1))
    sheet = image_sheet(NOISE, wanted, limit, INK)
    count = len(sheet["numbers"])
    assert sheet["numbers"] == sorted(wanted[:count]) and 1 <= count < 100
    assert count == 1 or len(base64.b64decode(sheet["picture"])) <= limit
    assert len(base64.b64decode(image_sheet(NOISE, wanted[: count + 20], 10**6, INK)["picture"])) > limit


def test_a_picture_is_no_larger_than_webp_allows() -> None:
    wide = image_sheet(np.zeros((3, 2, 9000), np.uint8), [0, 1, 2], 10**6, INK)
    assert wide["columns"] == 1 and wide["numbers"] == [0, 1, 2]
    tall = image_sheet(np.zeros((100, 9000, 2), np.uint8), list(range(100)), 10**6, INK)
    assert len(tall["numbers"]) == 40


@pytest.mark.parametrize("coloured", [True, False])
def test_pictures_come_back_in_colour_or_grey_as_they_are(coloured: bool) -> None:
    images = np.full((20, 16, 16), 40, np.uint8)
    images[:, 4:12] = np.linspace(60, 230, 20).astype(np.uint8)[:, None, None]
    expected = np.stack([images, images // 2, 255 - images], axis=1) if coloured else images
    sheet = image_sheet(expected, range(20), 100_000, PICTURE)
    for number, address in images_of(sheet, (16, 16), range(20), PICTURE).items():
        found = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))).astype(int)
        wanted = np.moveaxis(expected[number], 0, -1) if coloured else expected[number][..., None]
        assert np.abs(found - wanted).mean() < 20
