"""The mistakes of other data: suspected label errors, few or many classes, names that are long or hostile, one model, colours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import page_of
from conftest import call
from digits.core.arrays import label_type
from digits.data.tensors import Split
from digits.rendering.links import Source
from digits.rendering.mistakes_browser import browser_html
from digits.statistics.metrics import evaluate_logits
from digits.statistics.predictions import Predictions, save_predictions
from playwright.sync_api import Page, expect
from project import DATASHEET, TENSORS, write_data

from browser.conftest import Open

LONG = "a class with quite a long name, number"


def page_about(folder: Path, names: list[str], models: dict[str, Any], shape: tuple[int, ...], *more: object) -> Path:
    """Write a page with nothing but the mistakes of models, each with a temperature or None, on made-up images."""
    numbers = np.random.default_rng(0)
    labels = np.arange(12 * len(names)) % len(names)
    test = Split(
        numbers.integers(0, 256, (len(labels), *shape), np.uint8), labels.astype(label_type(len(names))), names
    )
    write_data(folder, test, test)
    lines: dict[str, list[object]] = {"--predictions": [], "--metrics": []}
    for model, temperature in models.items():
        logits = (np.eye(len(names))[labels] + numbers.normal(size=(len(labels), len(names)))).astype(np.float32)
        path = folder / f"{len(lines['--metrics'])}.safetensors"
        save_predictions(path, Predictions(logits, test.labels, np.ones(len(labels), bool)))
        counts = {"seed": 0, "parameters": 1, "epochs": 1, "train_size": 1, "training_flops": 1}
        measures = {"model": model, **counts, "processors": [], "validation_accuracy": None, "temperature": temperature}
        measures |= {"validation": None}
        measures |= {"test": evaluate_logits(logits, labels, names, temperature), "snapshots": []}
        path.with_suffix(".json").write_text(json.dumps(measures))
        lines["--predictions"].append(path)
        lines["--metrics"].append(path.with_suffix(".json"))
    runs = ("--runs", *lines["--metrics"], "--predictions", *lines["--predictions"])
    train, tested = (str(folder / path) for path in TENSORS)
    call("summarise", *runs, "--train", train, "--metrics", folder / "metrics.csv", "--summary", folder / "summary.csv")
    options = [word for option, paths in lines.items() for word in (option, *paths)]
    files = ("--test", tested, "--datasheet", folder / DATASHEET, "--summary", folder / "summary.csv")
    call("explore", *files, "--models", *models, *options, "--explorer", folder / "explorer.json", *more)
    explorer = json.loads((folder / "explorer.json").read_text())
    return page_of(folder, "Mistakes", browser_html(explorer, Source("confusion", ["explorer.json"], "")), explorer)


def texts(page: Page) -> list[str]:
    return page.locator("#mistakes .digits li").all_inner_texts()


def test_suspected_label_errors_can_be_chosen(open_page: Open, tmp_path: Path) -> None:
    path = page_about(tmp_path, ["a", "b", "c"], {"only": 1.5}, (28, 28), "--label-errors", json.dumps([*range(20)]))
    page = open_page(path)
    every = page.locator(".found").inner_text()
    page.get_by_label("Suspected label errors only").check()
    numbers = [int(text.split("no. ")[1].split()[0]) for text in texts(page)]
    assert 0 < len(numbers) < int(every.split("seed 0: ")[1].split()[0]) and max(numbers) < 20
    assert all("suspected label error" in text for text in texts(page))
    assert page.evaluate("location.hash") == "#mistakes?model=only&suspected=1"
    page.reload()
    expect(page.get_by_label("Suspected label errors only")).to_be_checked()


@pytest.mark.parametrize("width", [375, 768, 1440])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("kind", ["three", "forty"])
def test_nothing_overflows_whatever_the_classes(
    open_page: Open, tmp_path: Path, width: int, colours: str, kind: str
) -> None:
    names = (
        [f"{LONG} {number}" for number in range(40)] if kind == "forty" else ["x", "<b>y</b>", LONG.replace(" ", "-")]
    )
    models = {"a-model-whose-name-is-long-" * 3: None, "another": 2.0} if kind == "forty" else {"only": None}
    path = page_about(tmp_path, names, models, (30, 17))
    page = open_page(path, viewport={"width": width, "height": 800}, color_scheme=colours)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    page.locator(".map canvas").first.click()
    page.get_by_label("True label").select_option(names[1])
    assert texts(page) and all(text.startswith(names[1]) for text in texts(page)), "names are text"
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.locator("#mistakes b").count() == 0
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_two_classes_have_no_map_but_mistakes(open_page: Open, tmp_path: Path) -> None:
    page = open_page(page_about(tmp_path, ["a", "b"], {"only": None}, (28, 28)))
    assert page.locator(".map").count() == 0 and texts(page)


@pytest.mark.parametrize("room", [100, 1500])
def test_where_not_all_have_a_picture_it_says_how_many(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """With and without JavaScript alike."""
    monkeypatch.setattr("digits.explore.PICTURE", room)
    path = page_about(tmp_path, list("abcdefgh"), {"only": None}, (28, 28))
    with_scripts, without = open_page(path), open_page(path, java_script_enabled=False)
    found = with_scripts.locator(".found").inner_text()
    assert "of them with a picture in this page, the 24 most confident shown." in found
    assert without.locator(".found").inner_text() == found
    assert texts(without) == texts(with_scripts) and any("no picture" in text for text in texts(without))


def test_many_classes_have_their_most_frequent_mistakes_in_place_of_a_matrix(open_page: Open, tmp_path: Path) -> None:
    """Each kind is a class; more than 256 have labels of two bytes."""
    names = [f"kind {number}" for number in range(300)]
    path = page_about(tmp_path, names, {"only": None, "another": None}, (3, 8, 10))
    with_scripts, without = open_page(path), open_page(path, java_script_enabled=False)
    pairs = [page.locator("table.pairs tbody tr") for page in (with_scripts, without)]
    assert pairs[0].all_inner_texts() == pairs[1].all_inner_texts() and pairs[0].count() == 24
    truth, read, count = pairs[0].first.inner_text().split("\t")
    assert truth in names and read in names and truth != read and int(count) > 0
    pairs[0].first.get_by_role("button").click()
    assert len(texts(with_scripts)) == int(count)
    assert all(text.startswith(f"{truth} → {read}") for text in texts(with_scripts))
    assert pairs[0].first.get_by_role("button").get_attribute("aria-pressed") == "true"
    with_scripts.get_by_label("Model").select_option("another")
    expect(with_scripts.locator(".found")).to_contain_text("another, seed 0")
    assert with_scripts.locator(".map").count() == 0, "nobody could read it"
    found = Axe().run(with_scripts)
    assert found.violations_count == 0, found.generate_report()


def test_coloured_images_are_shown_in_colour_in_the_dark_too(open_page: Open, tmp_path: Path) -> None:
    page = open_page(page_about(tmp_path, ["a", "b", "c"], {"only": None}, (3, 16, 16)), color_scheme="dark")
    canvas = page.locator("#mistakes .digits canvas").first
    assert canvas.evaluate("c => getComputedStyle(c).filter") == "none"
    page.wait_for_function(
        """() => { const c = document.querySelector("#mistakes .digits canvas");
                   return c.getContext("2d").getImageData(0, 0, 1, 1).data[3] === 255; }"""
    )
    pixels = canvas.evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    found = np.array(pixels).reshape(-1, 4)[:, :3]
    assert (found.max(axis=1) - found.min(axis=1)).mean() > 20, "no greys"
