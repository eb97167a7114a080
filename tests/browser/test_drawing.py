"""Drawing on the page: each stroke is read, by mouse and finger; from the keyboard there are images to choose."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from browsing import computed
from digits.data.tensors import load_split
from playwright.sync_api import Locator, Page, expect
from project import EXPLORER, TENSORS

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


def shares(page: Page, number: int = 0) -> list[float]:
    """What the page shows of a network's answer, in percent; nothing where it shows none."""
    texts = page.locator(".answer").nth(number).locator(".share").all_inner_texts()
    return [float(found[0]) for text in texts if (found := SHARES.match(text))]


def answers(page: Page, built: Path, image: np.ndarray) -> list[list[float]]:
    """What each network says of an image, in percent, by the page's own functions and the temperatures of the runs."""
    explorer = json.loads((built / EXPLORER).read_text())
    temperatures = {model["name"]: model["temperature"] for model in explorer["models"]}
    found: list[list[float]] = []
    for network in explorer["networks"]:
        (probabilities,) = computed(page, network, image[None])
        if network["sigmoids"]:
            found.append(
                page.evaluate(
                    """([plain, pixels]) => { const network = readNetwork(plain);
                   return [...meanScores(network, network.members[0], pixels, 28, 28)].map((s) => 100 / (1 + Math.exp(-s))); }""",
                    [network, image.ravel().tolist()],
                )
            )
        else:
            powers = probabilities ** (1 / (temperatures[network["model"]] or 1))
            found.append((100 * powers / powers.sum()).tolist())
    return found


def seen(page: Page) -> np.ndarray:
    """The image that the network sees."""
    pixels = page.locator("#seen").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 3)"
    )
    return np.array(pixels, np.uint8).reshape(28, 28)


@pytest.fixture
def status(page: Page) -> Locator:
    return page.locator("#drawing [role=status]")


def test_each_stroke_is_answered_by_every_network(built: Path, page: Page, status: Locator) -> None:
    expect(status).to_have_text("Nothing is drawn.")
    assert [shares(page, number) for number in range(2)] == [[], []]
    stroke(page, (0.5, 0.2), (0.5, 0.8))
    expect(status).to_contain_text("Your drawing: published says")
    expect(status).to_contain_text("; tiny-conv predicts")
    first_said = status.inner_text()
    image = seen(page)
    rows, columns = np.nonzero(image > 25)
    assert rows.max() - rows.min() == 19, "20 of 28 pixels"
    assert abs(rows.mean() - 14) <= 0.5 and abs(columns.mean() - 14) <= 0.5
    # What is shown is what the networks make of the image that is shown.
    shown = [shares(page, number) for number in range(2)]
    for found, expected in zip(shown, answers(page, built, image), strict=True):
        assert found == pytest.approx(expected, abs=0.51)
    stroke(page, (0.5, 0.2), (0.8, 0.5), (0.5, 0.8))
    expect(status).not_to_have_text(first_said)
    assert [shares(page, number) for number in range(2)] != shown
    page.get_by_role("button", name="Clear").click()
    expect(status).to_have_text("Nothing is drawn.")
    assert shares(page) == [] and not seen(page).any()
    stroke(page, (0.5, 0.5))
    expect(status, "a dot is a drawing").to_contain_text("Your drawing")


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([-1, -2, -0.1], "says “none of these”"),
        ([-1, 3, -1], "says yes to b (95.3\u202f%)"),
        ([1, 3, -1], "says yes to a (73.1\u202f%) and b (95.3\u202f%)"),
    ],
)
def test_sigmoids_say_yes_or_no_to_each_class(page: Page, scores: list[float], said: str) -> None:
    found = page.evaluate(
        "(scores) => inWords({classes: ['a', 'b', 'c']}, {sigmoids: true}, scores.map((s) => 1 / (1 + Math.exp(-s))))",
        scores,
    )
    assert found == said


def test_what_the_bars_are_is_said(built: Path, page: Page) -> None:
    sigmoids, probabilities = page.locator(".answer .small").all_inner_texts()
    none = json.loads((built / EXPLORER).read_text())["networks"][0]["none"]
    assert "yes from 50 %; these are not probabilities" in sigmoids and f"All are no for {none} of 200" in sigmoids
    assert "half precision, which changes" in sigmoids
    assert probabilities == "Probabilities, not calibrated."


def test_the_layers_and_the_parts_that_matter(page: Page) -> None:
    stroke(page, (0.5, 0.2), (0.5, 0.8))
    inside = page.locator(".inside")
    inside.locator("summary").click()
    expect(inside.locator("section"), "two convolutions").to_have_count(2)
    assert [strip.locator("button").count() for strip in inside.locator(".strip").all()] == [4, 8]
    inside.get_by_role("button", name="Filter 2 of convolution 2").click()
    expect(inside.locator(".large").nth(1)).to_contain_text(
        re.compile("Filter 2 of convolution 2: .* on filter [1-4] of")
    )
    assert inside.locator(".large canvas").count() == 2, "the map and its filter"
    inside.get_by_label("Network").select_option("published")
    expect(inside.locator("section p")).to_contain_text("Hidden layer:")
    assert inside.locator(".units canvas").count() == 8


def test_a_blank_patch_shows_which_parts_matter(page: Page) -> None:
    """A score that is the ink in one place, with a little against it in another, so that what matters is known."""
    found = page.evaluate(
        """() => {
            const pixels = new Uint8Array(784);
            pixels[10 * 28 + 5] = 200;
            pixels[20 * 28 + 22] = 100;
            const places = occlusion((image) => image[10 * 28 + 5] - image[20 * 28 + 22] / 2, pixels, [28, 28], [0]);
            for (;;) {
                const { value, done } = places.next();
                if (done) return { ...value, values: [...value.values], covered: value.most.covered[10 * 28 + 5] };
            }
        }"""
    )
    values = np.array(found["values"]).reshape(28, 28)
    assert values[10, 5] == values.max() == 200 and values[20, 22] == values.min() == -50
    assert not values[:, 14:].max() and not values[16:, :16].any(), "a patch has no effect where there is no ink"
    assert found["most"]["fall"] == 200 and found["whole"] == 150 and found["covered"] == 0
    assert found["most"]["top"] <= 10 < found["most"]["top"] + 6 and found["most"]["left"] <= 5


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_log_odds_are_those_of_what_is_shown(built: Path, page: Page, temperature: float | None) -> None:
    networks = json.loads((built / EXPLORER).read_text())["networks"]
    image = load_split(built / TENSORS[1]).images[0].ravel().tolist()
    for network in networks:
        shown, odds = page.evaluate(
            """([plain, pixels, temperature]) => { const network = readNetwork(plain);
               return [answer(network, pixels, 28, 28, 10, temperature), logOdds(network, pixels, 28, 28, 3, temperature)]; }""",
            [network, image, temperature],
        )
        assert shown[3] == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-6)


def test_the_part_that_matters_is_marked_on_the_drawing(page: Page) -> None:
    stroke(page, (0.5, 0.2), (0.5, 0.8))
    inside = page.locator(".inside")
    inside.locator("summary").click()
    caption = inside.locator("figcaption")
    expect(caption).to_contain_text(
        re.compile(r"blank patch of 6×6 pixels .* log-odds of \d \(−?[\d.]+ for"), timeout=20_000
    )
    expect(inside.locator(".scale")).to_have_text(re.compile(r"rises by [\d.]+, dashes\s*falls by [\d.]+"))
    strongest = inside.locator(".parts canvas").evaluate(
        """(c) => { const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
                    const most = (left, right) => { let m = 0; for (let y = 0; y < c.height; y++)
                      for (let x = left; x < right; x++) m = Math.max(m, data[4 * (y * c.width + x) + 3]); return m; };
                    return [c.width, most(0, 40), most(100, 124)]; }"""
    )
    assert strongest[:2] == [224, 0] and strongest[2] > 100, (
        "the line is in the middle, and only around it the patch matters"
    )


def test_of_many_classes_the_likeliest_are_listed(page: Page) -> None:
    def listed(shares: list[float]) -> list[int]:
        return sorted(page.evaluate("(shares) => [...likeliest(shares)]", shares))

    assert listed([0.0] * 40) == list(range(12)), "nothing is drawn"
    assert listed([number / 40 for number in range(40)]) == list(range(28, 40))
    assert listed([0.1] * 10) == list(range(10))


def test_a_slow_network_reads_at_the_end_of_a_stroke(page: Page, status: Locator) -> None:
    """So that the line follows the hand; a fast one reads all the time."""
    page.evaluate(
        """() => {
            const fast = answer;
            window.readings = 0;
            window.wait = 0;
            answer = (...given) => {
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
    stroke(page, (0.2, 0.2), (0.2, 0.8))  # is read slowly
    page.evaluate("readings = 0")
    said = status.inner_text()
    stroke(page, (0.6, 0.2), (0.6, 0.8))
    expect(status).not_to_have_text(said)
    assert page.evaluate("readings") == 2, "each network once"


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
    for example in explorer["examples"]:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(status).to_contain_text(f"Test image no. {example['number']}, which is {example['label']}: published")
        assert (seen(page) == images[example["number"]]).all()


def test_a_stroke_is_answered_in_time(page: Page) -> None:
    """By all networks, the centring included, so that a line follows the hand: 30 ms on a machine that is not busy."""
    stroke(page, (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
    milliseconds = page.evaluate(
        """() => {
            const explorer = readExplorer();
            const pad = document.getElementById("pad");
            const networks = explorer.networks.map(readNetwork);
            const times = [];
            for (let i = 0; i < 20; i++) {
                const start = performance.now();
                const pixels = centre(inkOf(pad), pad.height, pad.width, 28);
                for (const network of networks) answer(network, pixels, 28, 28, 10, 2);
                times.push(performance.now() - start);
            }
            return Math.min(...times);
        }"""
    )
    assert milliseconds < 30


def test_on_a_phone_pad_and_bars_are_in_one_screen(report: Path, open_page: Open) -> None:
    page = open_page(report, viewport={"width": 375, "height": 667})
    top = page.locator("#pad").evaluate("e => e.getBoundingClientRect().top + scrollY")
    bottom = page.locator(".answer table").evaluate_all(
        "all => Math.max(...all.map(e => e.getBoundingClientRect().bottom + scrollY))"
    )
    assert bottom - top < 667 - 44, "below the line of the contents"


def test_bars_and_ink_are_seen_where_the_system_chooses_the_colours(report: Path, open_page: Open) -> None:
    page = open_page(report, forced_colors="active")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bars = page.locator("table.bars .bar span")
    assert ground not in bars.evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor)")
    assert page.locator("#pad").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
