"""Figures on the page: to be read on any screen, in light and in dark, and whatever a class is called."""

import base64
import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from digits.data.form import INK
from digits.rendering.plotting import as_drawn, draw_pixels, save_figures
from drawings import svg_texts
from PIL import Image
from project import FIGURES

from browser.conftest import Open

SIZES = """all => all.map(image => {
    const svg = decodeURIComponent(image.currentSrc.split("utf-8,")[1]);
    const scale = image.getBoundingClientRect().width / parseFloat(/viewBox=.0 0 ([\\d.]+)/.exec(svg)[1]);
    const sizes = [...svg.matchAll(/font-size:([\\d.]+)px/g)].map(found => found[1] * scale);
    return [image.alt, Math.min(...sizes), image.getBoundingClientRect().right];
})"""


@pytest.mark.parametrize("width", [375, 600])
def test_no_text_of_a_figure_is_below_11_pixels_on_a_telephone(report: Path, open_page: Open, width: int) -> None:
    page = open_page(report, viewport={"width": width, "height": 800})
    figures = page.locator(".picture.svg img")
    figures.evaluate_all("all => all.forEach(image => image.scrollIntoView())")
    found = figures.evaluate_all(SIZES)
    assert len(found) >= 10
    assert [alt for alt, size, right in found if size < 11 or right > width] == []


@pytest.mark.parametrize(("colours", "grey"), [("light", 0), ("dark", 230)])
def test_pixels_are_dark_on_light_and_light_on_dark(tmp_path: Path, open_page: Open, colours: str, grey: int) -> None:
    figure, axis = plt.subplots(figsize=(2, 2))
    draw_pixels(axis, as_drawn(np.full((1, 2, 2), 255, np.uint8), INK)[0], INK)
    axis.set_title("<script>$x$ & 'y'")
    save_figures({tmp_path / "a.svg": figure}, {})
    assert "<script>$x$ & 'y'" in svg_texts(tmp_path / "a.svg")
    data = base64.b64encode((tmp_path / "a.svg").read_bytes()).decode()
    (tmp_path / "a.html").write_text(f'<img src="data:image/svg+xml;base64,{data}">')
    page = open_page(tmp_path / "a.html", color_scheme=colours)
    with Image.open(io.BytesIO(page.locator("img").screenshot(omit_background=True))) as shot:
        middle = shot.convert("RGB").getpixel((shot.width // 2, shot.height // 2))
    assert middle == pytest.approx((grey,) * 3, abs=6)


def test_no_figure_of_the_page_draws_its_text_as_outlines(built: Path) -> None:
    for path in FIGURES:
        if path.endswith(".svg"):
            assert svg_texts(built / path)
            assert not re.search(r"font-family: ?'DejaVu", (built / path).read_text()), "the reader's own font"
