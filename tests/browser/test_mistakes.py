"""The mistakes: chosen by model, labels and table, sent by address, shown as images and on a map; by mouse and keyboard."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digits.data.tensors import load_split
from digits.explore import UNCOUNTED
from digits.rendering.sheet import decode
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from project import CONFIG, EXPLORER, FIRST_RUNS, TABLES, TENSORS, metrics, rows

from browser.conftest import Open


@pytest.fixture
def chosen(built: Path) -> str:
    return next(row["model"] for row in rows(built / TABLES["summary"]) if row["chosen"] == "True")


@pytest.fixture
def mistakes(page: Page) -> Locator:
    return page.locator("#mistakes")


@pytest.fixture(scope="module")
def explorer(built: Path) -> dict[str, Any]:
    return dict(json.loads((built / EXPLORER).read_text()))


def expected(explorer: dict[str, Any], model: str, true: int = -1, read: int = -1) -> list[int]:
    """The numbers of a model's mistakes in the page's order."""
    found = next(entry for entry in explorer["models"] if entry["name"] == model)
    labels, answer = decode(explorer["labels"], "u1"), decode(found["read"], "u1")
    shares = decode(found["shares"], "<u2").astype(int)
    wanted = (
        (labels != answer) & (shares != UNCOUNTED) & ((true < 0) | (labels == true)) & ((read < 0) | (answer == read))
    )
    numbers = np.flatnonzero(wanted)
    return [int(number) for number in numbers[np.lexsort((numbers, -shares[numbers]))]]


def shown(mistakes: Locator) -> list[int]:
    texts = mistakes.locator(".digits li").all_inner_texts()
    return [int(text.split("no. ")[1].split()[0]) for text in texts]


def show_all(mistakes: Locator) -> None:
    more = mistakes.get_by_role("button", name="Show more")
    while more.is_visible():
        more.click()


def counts(page: Page) -> list[list[int]]:
    lines = page.locator("table.confusion tbody tr").all()
    return [[int(text.replace(",", "")) for text in line.locator("td").all_inner_texts()] for line in lines]


def cell(page: Page, true: int, read: int) -> Locator:
    return page.locator("table.confusion tbody tr").nth(true).locator("td").nth(read).get_by_role("button")


def address(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def test_all_follows_the_model(
    built: Path, page: Page, mistakes: Locator, explorer: dict[str, Any], chosen: str
) -> None:
    """Nothing keeps the name, the numbers or the images of the model before."""
    assert page.locator("#Mistakes").inner_text() == "Mistakes"
    for model in (chosen, *CONFIG["models"]):
        mistakes.get_by_label("Model").select_option(model)
        assert counts(page) == metrics(built, FIRST_RUNS[model])["test"]["confusion"]
        all_of_it = expected(explorer, model)
        expect(mistakes.locator(".found")).to_contain_text(f"{model}, seed 0: {len(all_of_it)} mistakes")
        for title in mistakes.locator(".model").all():
            assert title.inner_text() == f"{model}, seed 0"
        assert shown(mistakes) == all_of_it[:24]
        show_all(mistakes)
        assert shown(mistakes) == all_of_it


def test_without_scripts_there_are_the_chosen_models_worst(
    report: Path, open_page: Open, explorer: dict[str, Any], chosen: str
) -> None:
    with_scripts, without = open_page(report), open_page(report, java_script_enabled=False)
    worst, same = (page.locator("#mistakes .digits").all_inner_texts() for page in (without, with_scripts))
    assert worst == same and shown(without.locator("#mistakes")) == expected(explorer, chosen)[:24]
    found, same_found = (page.locator("#mistakes .found").inner_text() for page in (without, with_scripts))
    assert found == same_found
    first = without.locator("#mistakes .digits img").first
    assert str(first.get_attribute("alt")).startswith(f"Test image no. {expected(explorer, chosen)[0]}: ")
    assert first.evaluate("image => image.naturalWidth") == 28


def test_labels_and_the_table_choose_and_say_so_together(
    page: Page, mistakes: Locator, explorer: dict[str, Any]
) -> None:
    mistakes.get_by_label("Model").select_option("published")
    mistakes.get_by_label("True label").select_option("4")
    show_all(mistakes)
    assert shown(mistakes) == expected(explorer, "published", true=4)
    read = int(mistakes.locator(".digits li").first.inner_text().split("→ ")[1].split()[0])
    cell(page, 4, read).click()
    assert mistakes.locator("[name=read]").input_value() == str(read)
    show_all(mistakes)
    assert shown(mistakes) == expected(explorer, "published", true=4, read=read)
    expect(mistakes.locator(".found")).to_contain_text(f"(true label 4, prediction {read})")
    assert cell(page, 4, read).get_attribute("aria-pressed") == "true"
    cell(page, 4, read).click()
    assert len(shown(mistakes)) == 24, "a second click takes the choice back"
    mistakes.locator("[name=read]").select_option(str(read))
    mistakes.get_by_role("button", name="Show all mistakes").click()
    assert mistakes.locator("[name=read]").input_value() == ""


def test_a_number_of_the_diagonal_shows_correct_predictions_the_least_confident_first(
    page: Page, mistakes: Locator
) -> None:
    mistakes.get_by_label("Model").select_option("linear")
    values = counts(page)
    digit = max(range(10), key=lambda number: values[number][number])
    cell(page, digit, digit).click()
    expect(mistakes.locator(".found")).to_contain_text(f"{values[digit][digit]} correct predictions")
    texts = mistakes.locator(".digits li").all_inner_texts()
    shares = [float(text.split("\n")[1].split("\u202f")[0]) for text in texts]
    assert all(text.startswith(f"{digit}, correct") for text in texts) and shares == sorted(shares)


def test_each_is_shown_with_its_image_and_calibrated_probability(
    built: Path, page: Page, mistakes: Locator, explorer: dict[str, Any]
) -> None:
    test = load_split(built / TENSORS[1])
    mistakes.get_by_label("Model").select_option("linear")
    number = expected(explorer, "linear")[0]
    model = explorer["models"][0]
    share = decode(model["shares"], "<u2")[number] / 100
    first = mistakes.locator(".digits li").first
    read = decode(model["read"], "u1")[number]
    assert first.locator("span").all_inner_texts() == [
        f"{test.labels[number]} → {read}",
        f"{share:.2f}\u202f%",
        f"no. {number}",
    ]
    canvas = first.locator("canvas")
    page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(14, 14, 1, 1).data[3]", arg=canvas.element_handle()
    )
    picture = canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    grey = 255 - np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")).astype(int)
    assert np.abs(grey - test.images[number]).max() <= 19, "8 greys"


def test_percentages_are_named_for_what_they_are(page: Page, mistakes: Locator) -> None:
    note = mistakes.locator(".note")
    mistakes.get_by_label("Model").select_option("linear")
    expect(note).to_contain_text("softmax of its scores, calibrated on held-out images (temperature ")
    mistakes.get_by_label("Model").select_option("published")
    expect(note).to_contain_text("softmax of its scores, not calibrated")
    mistakes.get_by_label("Model").select_option("tiny-conv")
    expect(note).to_have_text(
        "Percentages are the probability of the prediction, not calibrated: this run has no temperature."
    )


def test_the_address_holds_the_choice(report: Path, page: Page, mistakes: Locator, open_page: Open) -> None:
    mistakes.get_by_label("Model").select_option("published")
    mistakes.get_by_label("True label").select_option("4")
    assert address(page) == "#mistakes?model=published&true=4"
    sent = open_page(report)
    sent.goto("about:blank")
    sent.goto(report.resolve().as_uri() + address(page))
    theirs = sent.locator("#mistakes")
    expect(theirs.get_by_label("True label")).to_have_value("4")
    assert shown(theirs) == shown(mistakes)
    expect(theirs.get_by_label("Model")).to_be_in_viewport()
    sent.evaluate("location.hash = '#mistakes?model=%3Cb%3E&true=nothing&read=9'")
    expect(theirs.locator("[name=read]")).to_have_value("9")
    expect(theirs.get_by_label("True label")).to_have_value("")


def test_the_map_shows_the_image_that_one_points_at(page: Page, mistakes: Locator, explorer: dict[str, Any]) -> None:
    mistakes.get_by_label("Model").select_option("linear")
    canvas, point = page.locator(".map canvas").first, page.locator(".map .point")
    canvas.scroll_into_view_if_needed()
    number = expected(explorer, "linear")[0]
    x, y = page.evaluate(
        """([number, places]) => {
            const canvas = document.querySelector(".map canvas");
            const box = frame(canvas, JSON.parse(document.getElementById("explorer").textContent));
            return [0, 1].map((i) => [box.x, box.y][i] + box.radius * ((2 * places[i]) / 255 - 1));
        }""",
        [number, decode(explorer["models"][0]["places"], "u1").reshape(-1, 2)[number].tolist()],
    )
    canvas.hover(position={"x": x, "y": y})
    expect(point).to_contain_text(f"no. {number}")
    expect(point).to_contain_text("→")
    mistakes.get_by_label("Model").select_option("published")
    expect(point).to_have_text("Point at the map, or tap it, to see an image.")


def test_what_is_chosen_stands_out_on_the_map(page: Page, mistakes: Locator) -> None:
    canvas = page.locator(".map canvas").first
    canvas.scroll_into_view_if_needed()

    def inked() -> int:
        """Count the pixels in the darkest colour: names and chosen mistakes."""
        found: int = canvas.evaluate(
            """canvas => {
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && data[i] < 60) count += 1;
                return count;
            }"""
        )
        return found

    mistakes.get_by_label("Model").select_option("linear")
    name = str(canvas.get_attribute("aria-label"))
    assert name.startswith("Map of the test images by the scores of linear, seed 0: ") and "; most often" in name
    every = inked()
    mistakes.get_by_label("True label").select_option("4")
    assert 0 < inked() < every
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("matchMedia('(prefers-color-scheme: dark)').matches")
    assert inked() == 0, "light on dark"


def changed(built: Path, folder: Path, explorer: dict[str, Any]) -> Path:
    """Write the page about other data."""
    page = (built / "results/report.html").read_text()
    before = json.dumps(json.loads((built / EXPLORER).read_text()), separators=(",", ":")).replace("<", "\\u003c")
    assert before in page
    after = json.dumps(explorer, separators=(",", ":")).replace("<", "\\u003c")
    (folder / "page.html").write_text(page.replace(before, after))
    return folder / "page.html"


def test_what_has_no_picture_says_so(built: Path, open_page: Open, tmp_path: Path, explorer: dict[str, Any]) -> None:
    numbers = explorer["images"]["numbers"]
    few = {**explorer["images"], "numbers": numbers[:10]}
    page = open_page(changed(built, tmp_path, {**explorer, "images": few}))
    mistakes = page.locator("#mistakes")
    mistakes.get_by_label("Model").select_option("published")
    all_of_it = expected(explorer, "published")
    pictured = [number for number in all_of_it if number < 10]
    expect(mistakes.locator(".found")).to_contain_text(f"{len(pictured)} of them with a picture in this page")
    assert shown(mistakes)[: len(pictured)] == pictured
    assert mistakes.locator("canvas").count() == 1 + len(pictured)
    assert mistakes.locator(".digits .absent").count() == 24 - len(pictured)


def test_from_the_keyboard(page: Page, mistakes: Locator) -> None:
    """One press of Tab leads into the table, arrows lead through it, Enter chooses and Tab leads out of it."""
    mistakes.get_by_role("button", name="Show all mistakes").focus()
    page.keyboard.press("Tab")
    places = []
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"):
        places.append(focused(page))
        page.keyboard.press(key)
    assert None not in places and len({tuple(place or ()) for place in places}) > 1
    place = focused(page)
    page.keyboard.press("Enter")
    assert focused(page) == place and "true=" in address(page)
    page.keyboard.press("Tab")
    assert focused(page) is None
    page.keyboard.press("Shift+Tab")
    assert focused(page) == place


def test_the_tables_box_is_a_stop_only_while_it_scrolls(page: Page) -> None:
    box = page.locator("#mistakes .table")
    expect(box).not_to_have_attribute("tabindex", "0")
    page.set_viewport_size({"width": 240, "height": 800})
    expect(box).to_have_attribute("tabindex", "0")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_images_are_as_dark_as_the_page(report: Path, open_page: Open, colours: str) -> None:
    """White cards would glare on a dark page."""
    page = open_page(report, color_scheme=colours)
    page.wait_for_timeout(200)
    picture = Image.open(io.BytesIO(page.locator("#mistakes .digits canvas").first.screenshot())).convert("L")
    assert (np.median(np.asarray(picture)) < 50) == (colours == "dark")


def focused(page: Page) -> list[int] | None:
    """Row and column of the number that has the focus; None where something else has it."""
    found: list[int] | None = page.evaluate(
        """() => {
            const cell = document.activeElement.closest("table.confusion td");
            return cell && [cell.parentElement.rowIndex, cell.cellIndex];
        }"""
    )
    return found
