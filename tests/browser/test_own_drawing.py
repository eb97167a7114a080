"""Drawing on the page about other data: few or many classes, long or hostile names, other sizes of images, one network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import page_of
from digits.networks.export import encode
from digits.rendering.explorer import drawing_html
from playwright.sync_api import expect

from browser.conftest import Open

LONG = [f"a class with quite a long name, number {number}" for number in range(40)]
HOSTILE = ["x", "<img src=x onerror=alert(1)>", "a-name-that-nothing-breaks-" * 3]


def network(name: str, size: int, classes: int, sigmoids: bool) -> dict[str, Any]:
    """A made-up network of one hidden layer, as `digits.networks.export` describes it."""
    numbers = np.random.default_rng(0)
    layers = [
        {
            "kind": "dense",
            "inputs": inputs,
            "outputs": outputs,
            "weights": encode(numbers.normal(size=(inputs, outputs)) / 4, "<f4"),
            "biases": encode(np.zeros(outputs), "<f4"),
        }
        for inputs, outputs in ((size * size, 9), (9, classes))
    ]
    return {
        "model": name,
        "seed": 0,
        "outputs": list(range(classes)),
        "crop": 0,
        "shift": 0,
        "sigmoids": sigmoids,
        "half": False,
        "changed": 0,
        "none": None,
        "members": [{"mean": 0.0, "std": 1.0, "layers": layers}],
    }


def page_about(folder: Path, names: list[str], size: int, sigmoids: bool) -> Path:
    """Write a page with nothing but a drawing and one network."""
    image = encode(np.tri(size) * 200, "u1")
    explorer = {
        "classes": names,
        "shape": [size, size],
        "labels": encode(np.zeros(1), "u1"),
        "models": [{"name": "only", "seed": 0, "temperature": None}],
        "networks": [network("only", size, len(names), sigmoids)],
        "examples": [{"number": 0, "label": len(names) - 1, "pixels": image}],
    }
    return page_of(folder, "Drawing", drawing_html(explorer), explorer)


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(
    ("names", "size", "sigmoids"), [(LONG, 12, False), (HOSTILE, 64, True), (["a", "b"], 5, False)]
)
def test_one_network_for_other_images(
    open_page: Open, tmp_path: Path, width: int, colours: str, names: list[str], size: int, sigmoids: bool
) -> None:
    path = page_about(tmp_path, names, size, sigmoids)
    page = open_page(path, viewport={"width": width, "height": 800}, color_scheme=colours)
    listed = page.locator(".answer tr:visible")
    expect(listed).to_have_count(min(len(names), 12))
    page.get_by_role("button", name="Test image no. 0").click()
    expect(page.get_by_role("status")).to_contain_text(f"which is {names[-1]}: only ")
    expect(listed).to_have_count(min(len(names), 12))
    page.locator(".inside summary").click()
    expect(page.locator(".parts figcaption")).to_contain_text("Which parts matter", timeout=20_000)
    assert page.locator(".units canvas").count() == 8
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
