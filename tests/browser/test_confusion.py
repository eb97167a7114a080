"""The confusion matrix: another model's counts, the images behind a number, by mouse, by keyboard, and without JavaScript."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from digits.data.tensors import load_split
from PIL import Image
from playwright.sync_api import Page, expect
from project import CONFIG, EXPLORER, FIRST_RUNS, TABLES, TENSORS, metrics, rows
from safetensors.numpy import load_file


@pytest.fixture
def chosen(built: Path) -> str:
    return next(row["model"] for row in rows(built / TABLES["summary"]) if row["chosen"] == "True")


def counts(page: Page) -> list[list[int]]:
    lines = page.locator("table.confusion tbody tr").all()
    return [[int(text.replace(",", "")) for text in line.locator("td").all_inner_texts()] for line in lines]


def measured(built: Path, model: str) -> list[list[int]]:
    return list(metrics(built, FIRST_RUNS[model])["test"]["confusion"])


def test_it_shows_the_chosen_model_and_then_any_other(built: Path, page: Page, chosen: str) -> None:
    assert counts(page) == measured(built, chosen)
    for model in CONFIG["models"]:
        page.locator("#confusion").get_by_label("Model").select_option(model)
        assert counts(page) == measured(built, model)
        expect(page.locator("table.confusion caption")).to_contain_text(f"Predictions of {model}:")


def test_a_number_opens_the_images_behind_it(built: Path, page: Page) -> None:
    model, test = "published", load_split(built / TENSORS[1])
    page.locator("#confusion").get_by_label("Model").select_option(model)
    logits = load_file(built / FIRST_RUNS[model] / "predictions.safetensors")["logits"].astype(float)
    shares = scipy.special.softmax(logits, axis=1)
    read = logits.argmax(axis=1)
    explorer = json.loads((built / EXPLORER).read_text())
    (cells,) = [entry["cells"] for entry in explorer["models"] if entry["name"] == model]
    wrong = next(cell for cell in cells if cell[0] != cell[1] and len(cell[2]) > 1)
    true, seen = wrong[:2]
    page.locator("table.confusion tbody tr").nth(true).locator("td").nth(seen).get_by_role("button").click()

    behind = page.locator(".behind")
    expect(behind).to_contain_text(f"{true} classified as {seen} by published")
    items = behind.locator("li").all()
    numbers = np.flatnonzero((test.labels == true) & (read == seen))
    surest = numbers[np.argsort(-shares[numbers, seen], kind="stable")]
    assert len(items) == min(6, len(numbers))
    for item, number in zip(items, surest, strict=False):
        lines = item.locator("span").all_inner_texts()
        assert lines[0] == f"no. {number}, true label {true}"
        assert lines[1] == f"{seen}: {100 * round(shares[number, seen], 3):.1f}\u202f%"
        shown = item.locator("canvas").evaluate("(canvas) => canvas.toDataURL()").partition(",")[2]
        grey = 255 - np.asarray(Image.open(io.BytesIO(base64.b64decode(shown))).convert("L")).astype(int)
        assert np.abs(grey - test.images[number]).max() <= 9, "16 greys"


def test_from_the_keyboard(page: Page) -> None:
    """One press of Tab leads into the table, arrows lead through it, Enter opens and Tab leads out of it."""
    page.locator("#confusion").get_by_label("Model").focus()
    page.keyboard.press("Tab")  # the table's box, which scrolls
    page.keyboard.press("Tab")
    places = []
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"):
        places.append(focused(page))
        page.keyboard.press(key)
    assert None not in places and len({tuple(place or ()) for place in places}) > 1
    page.keyboard.press("Enter")
    expect(page.locator(".behind li").first).to_be_visible()
    place = focused(page)
    page.keyboard.press("Tab")
    assert focused(page) is None
    page.keyboard.press("Shift+Tab")
    assert focused(page) == place


def focused(page: Page) -> list[int] | None:
    """Row and column of the number that has the focus; None where something else has it."""
    found: list[int] | None = page.evaluate(
        """() => {
            const cell = document.activeElement.closest("table.confusion td");
            return cell && [cell.parentElement.rowIndex, cell.cellIndex];
        }"""
    )
    return found
