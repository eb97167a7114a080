"""Drawing on the page: each stroke is read, by mouse and finger; from the keyboard there are images to choose."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from browsing import computed
from digits.data.tensors import load_split
from playwright.sync_api import Locator, Page, expect
from project import CONFIG, EXPLORER, TENSORS

from browser.conftest import Open

SHARES = re.compile(r"[\d.]+")


def on_the_pad(page: Page, *places: tuple[float, float]) -> list[tuple[float, float]]:
    """Return places in the window from places given as shares of the pad's sides."""
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]


def stroke(page: Page, *places: tuple[float, float]) -> None:
    """Draw a line with the mouse through places on the pad."""
    points = on_the_pad(page, *places)
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def shares(page: Page) -> list[float]:
    """The probabilities that the page shows, in percent; none where it shows none."""
    texts = page.locator("table.bars .share").all_inner_texts()
    return [float(found[0]) for text in texts if (found := SHARES.match(text))]


def seen(page: Page) -> np.ndarray:
    """The image that the network sees."""
    pixels = page.locator("#seen").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 3)"
    )
    return np.array(pixels, np.uint8).reshape(28, 28)


@pytest.fixture
def status(page: Page) -> Locator:
    return page.locator("#drawing [role=status]")


def test_each_stroke_changes_the_prediction(built: Path, page: Page, status: Locator) -> None:
    expect(status).to_have_text("Nothing is drawn.")
    assert shares(page) == []
    stroke(page, (0.5, 0.2), (0.5, 0.8))
    expect(status).to_contain_text("Your drawing: published predicts")
    first, first_said = shares(page), status.inner_text()
    assert len(first) == 10 and sum(first) == pytest.approx(100, abs=0.6)
    image = seen(page)
    rows, columns = np.nonzero(image > 25)
    assert rows.max() - rows.min() == 19, "20 of 28 pixels"
    assert abs(rows.mean() - 14) <= 0.5 and abs(columns.mean() - 14) <= 0.5
    # What is shown is what the network makes of the image that is shown.
    network = json.loads((built / EXPLORER).read_text())["networks"][0]
    assert first == pytest.approx(100 * computed(page, network, image[None])[0], abs=0.051)
    stroke(page, (0.5, 0.2), (0.8, 0.5), (0.5, 0.8))
    expect(status).not_to_have_text(first_said)
    assert shares(page) != first
    page.get_by_role("combobox", name="Network").select_option("tiny-conv")
    expect(status).to_contain_text("Your drawing: tiny-conv predicts")
    page.get_by_role("button", name="Clear").click()
    expect(status).to_have_text("Nothing is drawn.")
    assert shares(page) == [] and not seen(page).any()
    stroke(page, (0.5, 0.5))
    expect(status, "a dot is a drawing").to_contain_text("Your drawing")


def test_a_slow_network_reads_at_the_end_of_a_stroke(page: Page, status: Locator) -> None:
    """So that the line follows the hand; a fast one reads all the time."""
    page.evaluate(
        """() => {
            const fast = probabilities;
            window.readings = 0;
            window.wait = 0;
            probabilities = (...given) => {
                readings += 1;
                const start = performance.now();
                while (performance.now() - start < wait);
                return fast(...given);
            };
        }"""
    )
    stroke(page, (0.3, 0.2), (0.3, 0.8))
    expect(status).to_contain_text("Your drawing")
    assert page.evaluate("readings") > 1
    page.evaluate("wait = 150")
    page.get_by_role("combobox", name="Network").select_option("tiny-conv")  # which reads the drawing, too
    expect(status).to_contain_text("tiny-conv predicts")
    page.evaluate("readings = 0")
    said = status.inner_text()
    stroke(page, (0.6, 0.2), (0.6, 0.8))
    expect(status).not_to_have_text(said)
    assert page.evaluate("readings") == 1


def test_with_a_finger_the_page_stands_still(report: Path, open_page: Open) -> None:
    page = open_page(report, has_touch=True, is_mobile=True, viewport={"width": 375, "height": 700})
    points = on_the_pad(page, *((0.5, 0.2 + 0.07 * number) for number in range(9)))
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    for kind, (x, y) in zip(["touchStart", *["touchMove"] * 8], points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("#drawing [role=status]")).to_contain_text("Your drawing")
    rows, columns = np.nonzero(seen(page) > 25)
    assert rows.max() - rows.min() > 3 * (columns.max() - columns.min()), "an upright line, not a dot"
    assert page.evaluate("scrollY") == before


def test_images_of_the_test_set_are_read_as_they_are(built: Path, page: Page, status: Locator) -> None:
    images = load_split(built / TENSORS[1]).images
    explorer = json.loads((built / EXPLORER).read_text())
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Tab")  # the choice of a network
    for example in explorer["examples"]:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(status).to_contain_text(f"Test image no. {example['number']}, which is {example['label']}: published")
        assert (seen(page) == images[example["number"]]).all()
    page.get_by_role("combobox", name="Network").focus()
    page.keyboard.press("ArrowDown")
    expect(status).to_contain_text(f"{CONFIG['report']['networks'][1]} predicts")


def test_a_stroke_is_read_in_time(page: Page) -> None:
    """Both networks and the centring, so that a line follows the hand: 30 ms at most on a machine that is not busy."""
    stroke(page, (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
    seconds = page.evaluate(
        """() => {
            const explorer = readExplorer();
            const pad = document.getElementById("pad");
            return explorer.networks.map((plain) => {
                const network = readNetwork(plain);
                const times = [];
                for (let i = 0; i < 20; i++) {
                    const start = performance.now();
                    const pixels = centre(inkOf(pad), pad.height, pad.width, 28);
                    probabilities(network, pixels, 28, 28, 10);
                    times.push(performance.now() - start);
                }
                return Math.min(...times) / 1000;
            });
        }"""
    )
    assert max(seconds) < 0.03


def test_bars_and_ink_are_seen_where_the_system_chooses_the_colours(report: Path, open_page: Open) -> None:
    page = open_page(report, forced_colors="active")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bars = page.locator("table.bars .bar span")
    assert ground not in bars.evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor)")
    assert page.locator("#pad").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
