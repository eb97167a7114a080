"""Drawings in image files: the ink is found on any paper, and hostile or odd files are named."""

import numpy as np
import pytest
from digits.data.centring import centre
from digits.data.ink import find_ink, read_drawing, without_frame
from digits.data.sheet_lines import without_lines
from pictures import encoded
from PIL import Image, ImageDraw

STROKE = (30, 20, 50, 70)  # a bar from the left, the top, to the right, the bottom, inclusive


def bar(mode: str, paper: object, ink: object, size: tuple[int, int] = (90, 100)) -> Image.Image:
    image = Image.new(mode, size, paper)  # type: ignore[arg-type]  # a colour of any mode
    ImageDraw.Draw(image).rectangle(STROKE, fill=ink)  # type: ignore[arg-type]
    return image


EXPECTED = np.zeros((100, 90), np.uint8)
EXPECTED[20:71, 30:51] = 255
BLACK, WHITE, CLEAR, CLEAR_WHITE = (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0), (255, 255, 255, 0)


@pytest.mark.parametrize(
    ("mode", "paper", "ink"),
    [
        *(("L", 255, 0), ("L", 0, 255), ("L", 200, 90), ("L", 90, 200), ("1", 1, 0), ("1", 0, 1), ("P", 255, 0)),
        *(("RGB", "white", "navy"), ("RGB", "darkgreen", "white"), ("CMYK", CLEAR, BLACK), ("LA", (0, 0), (0, 255))),
        *(("RGBA", CLEAR, BLACK), ("RGBA", CLEAR_WHITE, BLACK), ("RGBA", CLEAR, WHITE), ("RGBA", CLEAR_WHITE, WHITE)),
        *(("RGBA", WHITE, BLACK), ("RGBA", BLACK, WHITE)),
    ],
)
def test_ink_of_any_colour_is_found_on_any_paper(mode: str, paper: object, ink: object) -> None:
    image = bar("L", paper, ink).convert("P") if mode == "P" else bar(mode, paper, ink)
    drawing = read_drawing("a", encoded(image, "tiff" if mode == "CMYK" else "png"))
    np.testing.assert_array_equal(drawing.ink, EXPECTED)
    assert drawing.picture.mode == "RGB"


def test_half_strength_is_half_the_ink() -> None:
    grey = np.full((20, 20), 240, np.uint8)
    grey[5:10, 5] = 40
    grey[5:10, 6] = 140
    ink = find_ink(grey)
    assert ink[5:10, 5].tolist() == [255] * 5 and ink[5:10, 6].tolist() == [128] * 5 and (ink > 0).sum() == 10


def test_the_noise_of_paper_is_no_ink() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(190, 4, (300, 300))
    blank = noise.clip(0, 255).astype(np.uint8)
    assert centre(find_ink(blank), 28) is None, "blank paper"
    noise[100:200, 140:160] -= 130
    ink = find_ink(noise.clip(0, 255).astype(np.uint8)) > 25
    assert ink[100:200, 140:160].all() and ink.sum() == 100 * 20


def test_a_camera_says_which_way_is_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown after a quarter turn clockwise
    image = bar("L", 255, 0)
    turned = encoded(image.rotate(90, expand=True), exif=exif)
    drawing = read_drawing("a", turned)
    assert drawing.picture.size == image.size
    np.testing.assert_array_equal(drawing.ink, EXPECTED)


def test_the_first_of_several_pictures_is_taken(capfd: pytest.CaptureFixture[str]) -> None:
    frames = [bar("L", 255, 0), Image.new("L", (90, 100), 7)]
    content = encoded(frames[0], "gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_drawing("a.gif", content).ink, EXPECTED)
    assert capfd.readouterr().err == "a.gif: several pictures in one file; only the first is used\n"


ACROSS, DOWN = np.meshgrid(np.linspace(0, 1, 90), np.linspace(0, 1, 100))
LIGHT = {
    "to the right": 1 - 0.5 * ACROSS,
    "upwards": 0.4 + 0.6 * DOWN,
    "to a corner": 1 - 0.3 * (ACROSS + DOWN),
    "to all sides": 1 - 0.9 * ((ACROSS - 0.5) ** 2 + (DOWN - 0.5) ** 2),
}


@pytest.mark.parametrize("where", LIGHT)
@pytest.mark.parametrize("dark_on_light", [True, False])
def test_light_that_falls_off_is_no_ink(where: str, dark_on_light: bool) -> None:
    lit = np.asarray(bar("L", 235, 60)) * LIGHT[where]
    ink = find_ink((lit if dark_on_light else 255 - lit).astype(np.uint8))
    np.testing.assert_array_equal(ink > 25, EXPECTED > 25)
    assert ink[EXPECTED > 0].min() > 200, "as strong in the shade"


def framed(box: tuple[int, int, int, int], width: int) -> Image.Image:
    image = bar("L", 235, 60)
    ImageDraw.Draw(image).rectangle(box, outline=0, width=width)
    return image


def beside_a_desk(box: tuple[int, int, int, int]) -> Image.Image:
    image = bar("L", 235, 60)
    ImageDraw.Draw(image).rectangle(box, fill=90)
    return image


AROUND = {
    "a frame": framed((0, 0, 89, 99), 3),
    "a broad frame": framed((0, 0, 89, 99), 8),
    "a box": framed((8, 8, 80, 92), 2),
    "a desk": beside_a_desk((0, 0, 10, 99)),
    "a corner": beside_a_desk((60, 90, 89, 99)),
}


@pytest.mark.parametrize("case", AROUND)
def test_what_is_around_a_drawing_is_left_out_with_a_word(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    np.testing.assert_array_equal(read_drawing("a", encoded(AROUND[case])).ink, EXPECTED)
    said = capfd.readouterr().err
    assert said == "a: a frame around the drawing, or what touches the picture's border, is left out\n"


SHADOW = np.where(ACROSS + 0.3 * DOWN > 0.6, 0.5, 1)  # its edge runs through the bar


@pytest.mark.parametrize("dark_on_light", [True, False])
def test_a_shadow_with_a_sharp_edge_is_no_ink(dark_on_light: bool) -> None:
    image = bar("L", 235, 40) if dark_on_light else bar("L", 90, 250)
    ink = read_drawing("a", encoded(Image.fromarray((np.asarray(image) * SHADOW).astype(np.uint8)))).ink
    np.testing.assert_array_equal(ink > 60, EXPECTED > 0)


def lined(*, upright: bool, fall: int) -> np.ndarray:
    """Three lines, 2 pixels thick, of which the bar covers a part of at least one."""
    image = bar("L", 235, 60)
    for at in (40, 60, 85):
        ends = (at, 0, at + fall, 99) if upright else (0, at, 89, at + fall)
        ImageDraw.Draw(image).line(ends, fill=150, width=2)
    ImageDraw.Draw(image).rectangle(STROKE, fill=60)
    return np.asarray(image)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("fall", [0, 3, -3])
def test_lines_across_the_sheet_are_no_ink(upright: bool, fall: int, capfd: pytest.CaptureFixture[str]) -> None:
    ink = read_drawing("a", encoded(Image.fromarray(lined(upright=upright, fall=fall)))).ink
    np.testing.assert_array_equal(ink > 100, EXPECTED > 0)
    assert capfd.readouterr().err == "a: lines across the sheet are left out\n"


def test_a_stroke_is_no_line() -> None:
    ink = np.zeros((100, 90), np.uint8)
    ink[50:60] = ink[20:80, 40:50] = 255
    assert without_lines(ink, 25) is ink


def test_a_drawing_that_touches_the_border_stays_with_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    image = bar("L", 255, 0).crop((30, 0, 90, 100))
    np.testing.assert_array_equal(read_drawing("a", encoded(image)).ink, EXPECTED[:, 30:])
    assert capfd.readouterr().err.startswith("a: the drawing touches the picture's border; ")


def test_loops_and_specks_are_no_frames() -> None:
    eight = Image.new("L", (60, 90))
    for top in (5, 40):
        ImageDraw.Draw(eight).ellipse((15, top, 45, top + 40), outline=255, width=5)
    eight.putpixel((30, 25), 255)
    eight.putpixel((0, 70), 255)
    ink = np.asarray(eight)
    assert without_frame(ink) is ink
