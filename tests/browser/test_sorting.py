"""Tables that sort by any column, with the mouse and the keyboard."""

import pytest
from digits.rendering.page import sort_key
from playwright.sync_api import Locator, Page, expect


@pytest.fixture
def runs(page: Page) -> Locator:
    return page.locator("table", has=page.locator("caption", has_text="Every run on the test images"))


def column(table: Locator, number: int) -> list[str]:
    return [row.locator("th, td").nth(number).inner_text() for row in table.locator("tbody tr").all()]


def test_numbers_rise_then_fall_then_stand_as_before(runs: Locator) -> None:
    heading = runs.get_by_role("columnheader", name="test accuracy")
    before = column(runs, 2)
    values = [sort_key(text) or 0 for text in before]
    assert values != sorted(values)
    for state, expected in (("ascending", sorted(values)), ("descending", sorted(values, reverse=True))):
        heading.get_by_role("button").click()
        expect(heading).to_have_attribute("aria-sort", state)
        assert [sort_key(text) for text in column(runs, 2)] == expected
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert column(runs, 2) == before


def test_texts_sort_too_and_one_column_at_a_time(runs: Locator) -> None:
    models = column(runs, 0)
    runs.get_by_role("button", name="test accuracy").click()
    runs.get_by_role("button", name="model").click()
    assert column(runs, 0) == sorted(models)
    assert runs.locator("[aria-sort]").count() == 1


def test_what_has_no_number_is_last_either_way(page: Page) -> None:
    table = page.locator("table", has=page.locator("caption", has_text="All models: means"))
    heading = table.get_by_role("button", name="validation accuracy")
    for _ in range(2):
        heading.click()
        shown = column(table, 5)
        assert shown.count("—") == 2 and shown[0] != "—"


def test_from_the_keyboard(page: Page, runs: Locator) -> None:
    runs.get_by_role("button", name="model").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(runs.get_by_role("columnheader", name="test accuracy")).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Space")
    expect(runs.get_by_role("columnheader", name="test accuracy")).to_have_attribute("aria-sort", "descending")
