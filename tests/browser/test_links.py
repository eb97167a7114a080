"""Under tables: the file behind it, a permanent link, how to cite; links into folded boxes; boxes that scroll."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect
from project import TABLES

from browser.conftest import Open


def test_the_csv_of_a_table_is_the_file_behind_it(built: Path, page: Page) -> None:
    for name, path in TABLES.items():
        link = page.locator(f"#tab-{name} + .links a[data-file]")
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == f"{name}.csv"
        assert Path(download.value.path()).read_bytes() == (built / path).read_bytes()


def saved(page: Page, link: str) -> str:
    with page.expect_download() as download:
        page.locator(link).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["class-counts", "class-means", "curves", "calibration", "first-layers", "loss-slopes"]
)
def test_the_numbers_of_a_figure_are_those_beside_it(built: Path, page: Page, name: str) -> None:
    numbers = built / f"results/figures/{name}.csv"
    assert saved(page, f"#fig-{name} .links a[download$='.csv']") == numbers.read_text(encoding="utf-8")


def test_a_table_without_a_file_of_its_own_is_saved_as_it_stands(page: Page) -> None:
    first, *rows = saved(page, "#tab-by-class + .links a[data-file]").splitlines()
    assert first == "class,test images,precision,recall,F1"
    assert [row.split(",")[0] for row in rows] == list("0123456789")


def test_the_matrix_that_is_saved_is_that_of_the_model_shown(page: Page) -> None:
    link = "#tab-confusion + .links a[data-file]"
    before = saved(page, link)
    page.locator("#mistakes").get_by_label("Model").select_option("published")
    assert saved(page, link).splitlines()[0] == before.splitlines()[0]
    assert saved(page, link) != before


def test_every_link_below_a_table_leads_to_it(page: Page) -> None:
    anchors = page.locator(".links a[href^='#']").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert {"#tab-summary", "#tab-metrics", "#tab-experiment"} <= set(anchors)
    assert len(set(anchors)) == len(anchors)
    assert all(page.locator(anchor).count() == 1 for anchor in anchors)


def test_it_says_how_to_cite_a_table(page: Page) -> None:
    below = page.locator("#tab-summary + .links")
    below.get_by_text("Cite").click()
    expect(below).to_contain_text("The digits contributors (2026). Digits: MNIST from scratch")
    expect(below).to_contain_text("Table “summary” (results/summary.csv).")


def test_without_scripts_no_file_is_offered(report: Path, open_page: Open) -> None:
    page = open_page(report, java_script_enabled=False)
    assert page.locator(".links a[data-file]").filter(visible=True).count() == 0
    assert page.locator(".links a[href^='#tab-']").filter(visible=True).count() > 3


@pytest.mark.parametrize("heading", ["Checksums", "Configuration", "Commands", "Versions"])
def test_a_link_to_a_folded_box_opens_it(page: Page, heading: str) -> None:
    box = page.locator(f"details:near(#{heading})").first
    page.evaluate("(id) => { location.hash = id; }", heading)
    expect(page.locator(f"#{heading} >> xpath=following::details[1]")).to_have_attribute("open", "")
    assert box.count() == 1
    assert unquote(page.evaluate("location.hash")) == f"#{heading}"


@pytest.mark.parametrize(("width", "scrolls"), [(375, True), (1440, False)])
def test_a_box_is_a_stop_of_the_tab_key_only_while_it_scrolls(
    report: Path, open_page: Open, width: int, scrolls: bool
) -> None:
    page = open_page(report, viewport={"width": width, "height": 900})
    box = page.locator("#tab-summary")
    page.wait_for_function(
        "document.querySelector('#tab-summary').tabIndex === ($1)".replace("$1", "0" if scrolls else "-1")
    )
    assert box.evaluate("e => e.scrollWidth > e.clientWidth") == scrolls


@pytest.mark.parametrize("width", [375, 768, 1440])
def test_a_caption_is_as_wide_as_its_box_at_most_however_wide_the_table(
    report: Path, open_page: Open, width: int
) -> None:
    page = open_page(report, viewport={"width": width, "height": 900})
    widths = page.locator(".table:visible table:has(caption)").evaluate_all(
        """tables => tables.map((table) => {
            table.style.width = "3000px";
            return [table.caption.offsetWidth, table.parentElement.clientWidth]; })"""
    )
    assert widths and all(caption <= box for caption, box in widths), widths


def test_on_a_phone_the_accuracy_is_in_sight_and_the_model_stays(report: Path, open_page: Open) -> None:
    page = open_page(report, viewport={"width": 375, "height": 900})
    table = page.locator("#tab-summary")
    assert table.get_by_role("columnheader").nth(1).inner_text().startswith("test")
    edges = table.locator("tbody tr >> nth=0 >> td >> nth=0").bounding_box()
    assert edges is not None and edges["x"] + edges["width"] < 375
    table.evaluate("e => e.scrollTo(300, 0)")
    heading = table.locator("tbody th").first.bounding_box()
    assert heading is not None and heading["x"] >= 0


def test_headings_of_columns_do_not_run_together(page: Page) -> None:
    gaps = page.locator("table.sortable thead tr").evaluate_all(
        """rows => rows.flatMap(row => [...row.cells].slice(1).map((cell, i) => {
            const left = cell.querySelector("button").getBoundingClientRect().left;
            return left - row.cells[i].querySelector("button").getBoundingClientRect().right; }))"""
    )
    assert min(gaps) >= 6


def test_paper_has_the_titles_of_what_is_folded_and_no_links(page: Page) -> None:
    page.emulate_media(media="print")
    expect(page.get_by_text("All settings")).to_be_visible()
    expect(page.get_by_text("learning_rate: 50").first).to_be_hidden()
    expect(page.locator(".links").first).to_be_hidden()
