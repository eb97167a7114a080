"""The page that `digits.predict` writes: no barrier, on a telephone as at a desk, by day and by night."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import call
from digits.data.tensors import load_split
from PIL import Image
from project import RUNS, TENSORS

from browser.conftest import Open


@pytest.fixture(scope="module")
def predictions(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about three images."""
    folder = tmp_path_factory.mktemp("predictions")
    files = [folder / f"an image with a long name, number {number}.png" for number in range(3)]
    for file, image in zip(files, load_split(measured / TENSORS[1]).images, strict=False):
        Image.fromarray(255 - image.repeat(20, axis=0).repeat(20, axis=1)).save(file)
    written = ("--table", folder / "p.csv", "--page", folder / "p.html")
    call("predict", "--weights", measured / RUNS[0] / "weights.safetensors", "--images", *files, *written)
    return folder / "p.html"


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_barrier_is_found(predictions: Path, open_page: Open, width: int, colours: str) -> None:
    page = open_page(predictions, viewport={"width": width, "height": 900}, color_scheme=colours)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.locator("section").count() == 3
