"""What figures are drawn with: their bytes must not depend on the machine, and an SVG adapts to a dark page."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from digits.rendering.plotting import image_grid, save_figures
from matplotlib.font_manager import fontManager
from PIL import Image


def test_only_fonts_that_come_with_matplotlib_are_used() -> None:
    """Two machines may have two versions of one font, and a user's cache may list either."""
    fonts = Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")
    assert {Path(font.fname) for font in fontManager.ttflist} == set(fonts)


@pytest.mark.parametrize(("colour", "mode"), [("black", "L"), ("#b2182b", "P")])
def test_a_picture_has_as_few_colours_as_it_needs(tmp_path: Path, colour: str, mode: str) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    figure = image_grid([pixels], 1, ["title"])
    figure.axes[0].title.set_color(colour)
    save_figures({tmp_path / "a.png": figure}, {})
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode
