"""What figures are drawn with: their bytes must not depend on the machine."""

from pathlib import Path

import matplotlib as mpl
from digits.lib import plotting
from matplotlib.font_manager import fontManager


def test_only_fonts_that_come_with_matplotlib_are_used() -> None:
    """Two machines may have two versions of one font, and a user's cache may list either."""
    assert plotting.fontManager is fontManager
    fonts = Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")
    assert {Path(font.fname) for font in fontManager.ttflist} == set(fonts)
