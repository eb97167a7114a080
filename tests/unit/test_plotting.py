"""What figures are drawn with: their bytes must not depend on the machine, and an SVG adapts to a dark page."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import python
from digits.data.form import INK
from digits.rendering.plotting import image_grid, save_figures, short
from drawings import svg_texts
from matplotlib.font_manager import fontManager
from PIL import Image

FAMILY = "\U0001f469\u200d\U0001f467\u200d\U0001f466"  # one sign of three


def test_only_fonts_that_come_with_matplotlib_are_used() -> None:
    """Two machines may have two versions of one font, and a user's cache may list either."""
    fonts = Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")
    assert {Path(font.fname) for font in fontManager.ttflist} == set(fonts)


@pytest.mark.parametrize(("colour", "mode"), [("black", "L"), ("#b2182b", "P")])
def test_a_picture_has_as_few_colours_as_it_needs(tmp_path: Path, colour: str, mode: str) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    figure = image_grid(pixels[None], INK, 1, ["title"])
    figure.axes[0].title.set_color(colour)
    save_figures({tmp_path / "a.png": figure}, {})
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *(("cat", "cat"), ("a class of birds 60", "a cl…60"), ("a class of birds 61", "a cl…61")),
        *(("中文字", "中文字"), ("日本語のとても長い名", "日本…名"), ("한국어클래스", "한국…스")),
        *(("e\u0301" * 8, "e\u0301" * 8), ("e\u0301" * 9, "e\u0301" * 4 + "…" + "e\u0301" * 3)),
        (f"{FAMILY} a family", f"{FAMILY} a…ily"),
    ],
)
def test_a_long_name_is_shortened_in_its_middle_between_whole_signs(name: str, shown: str) -> None:
    assert short(name, 8) == shown


def test_signs_that_no_font_of_ours_has_raise_no_warning(tmp_path: Path) -> None:
    name = f"中文 हिन्दी {FAMILY} $x^2$"
    code = """
import sys
from pathlib import Path
from digits.rendering.plotting import plt, save_figures
for path in sys.argv[2:]:
    figure, axis = plt.subplots()
    axis.set_title(sys.argv[1])
    save_figures({Path(path): figure}, {})
"""
    result = python(code, name, tmp_path / "a.svg", tmp_path / "a.png")
    assert (result.status, result.output) == (0, "")
    assert svg_texts(tmp_path / "a.svg")[-1] == name


def test_an_svg_keeps_a_name_that_looks_like_a_part_of_it(tmp_path: Path) -> None:
    name = """style="a: b; c: d" d="M 1 2" transform="rotate(-0 1.234)" <defs> ; font-family: 'DejaVu Sans' <metadata></metadata>"""
    figure, axis = plt.subplots()
    axis.set_title(name)
    save_figures({tmp_path / "a.svg": figure}, {})
    assert svg_texts(tmp_path / "a.svg")[-1] == name
