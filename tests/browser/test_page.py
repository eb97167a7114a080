"""The report's page as a whole: found one's way in, on any width, in the dark, on paper, by keyboard, and by all.

That its numbers are those of the tables is in tests/rules/test_report.py.
"""

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import call
from digits.data.tensors import load_split
from PIL import Image
from playwright.sync_api import Page, expect
from project import RUNS, TENSORS
from pypdf import PdfReader

from browser.conftest import Open

WIDTHS = {"telephone": 375, "tablet": 768, "desk": 1440}
# What Tab leads to, where it can be seen. Of a group of radio buttons it is the chosen one.
USABLE = "a[href], button:enabled, summary, select:enabled, input:enabled:not([type=radio]:not(:checked)), [tabindex]"


def wide(name: str) -> dict[str, Any]:
    return {"viewport": {"width": WIDTHS[name], "height": 900}}


def unfold(page: Page) -> None:
    """Open all that can be opened."""
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")


def letters(text: str) -> str:
    """Leave out the spaces, which a line's end takes, and undo the ligatures of print."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def headings(page: Page, level: str) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(f"main {level}").all_inner_texts()]


@pytest.mark.parametrize("name", WIDTHS)
def test_the_contents_lead_to_every_section(report: Path, open_page: Open, name: str) -> None:
    page = open_page(report, **wide(name))
    contents = page.locator("nav").filter(visible=True)
    assert contents.count() == 1, "one list, whichever suits the width"
    links = contents.locator("a[href^='#']")
    targets = [str(links.nth(number).get_attribute("href"))[1:] for number in range(links.count())]
    sections = page.locator("main h2, main h3").evaluate_all("all => all.map(e => e.id)")
    assert targets == sections and len(set(targets)) == len(targets) > 20
    for number, target in enumerate(targets):
        link = links.nth(number)
        if not link.is_visible():
            contents.locator("summary").first.click()
        link.click()
        page.wait_for_function(
            """id => { const top = document.getElementById(id).getBoundingClientRect().top;
                       const end = document.scrollingElement;
                       const last = end.scrollTop + innerHeight >= end.scrollHeight - 2;
                       return top > -2 && top < innerHeight * (last ? 1 : 0.5); }""",
            arg=target,
        )
    if name == "desk":
        page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
        expect(links.first).to_be_in_viewport()


@pytest.fixture(scope="module")
def predictions(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `digits.predict` about three images."""
    folder = tmp_path_factory.mktemp("predictions")
    files = [folder / f"an image with a long name, number {number}.png" for number in range(3)]
    for file, image in zip(files, load_split(measured / TENSORS[1]).images, strict=False):
        Image.fromarray(255 - image.repeat(20, axis=0).repeat(20, axis=1)).save(file)
    written = ("--table", folder / "p.csv", "--page", folder / "p.html")
    call("predict", "--weights", measured / RUNS[0] / "weights.safetensors", "--images", *files, *written)
    return folder / "p.html"


@pytest.mark.parametrize("which", ["report", "predictions"])
@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_barrier(request: pytest.FixtureRequest, open_page: Open, which: str, name: str, colours: str) -> None:
    """Of axe-core's rules: contrast, names, order of headings and so on. No width makes a page scroll sideways."""
    page = open_page(request.getfixturevalue(which), **wide(name), color_scheme=colours)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert brightness < 50 if colours == "dark" else brightness > 230
    for _ in range(2):
        assert page.evaluate("document.scrollingElement.scrollWidth") <= WIDTHS[name]
        unfold(page)
    found = Axe().run(page)
    assert len(found.response["passes"]) > 15, "it ran"
    assert found.violations_count == 0, found.generate_report()


def test_on_paper_it_is_all_there(page: Page) -> None:
    pages = PdfReader(io.BytesIO(page.pdf(format="A4"))).pages
    assert 4 <= len(pages) <= 30
    text = letters("".join(sheet.extract_text() for sheet in pages))
    assert letters("Draw one yourself") not in text
    for heading in headings(page, "h1") + headings(page, "h2"):
        assert letters(heading) in text or heading == "Draw one yourself"
    assert all(sheet.extract_text().strip() or sheet.images for sheet in pages), "no empty sheet"
    useless = ("nav a >> nth=0", "#drawing", ".on-screen", ".choice >> nth=0", ".map")  # on paper nobody can click
    assert all(page.locator(part).is_visible() for part in useless)
    page.emulate_media(media="print")
    assert not any(page.locator(part).is_visible() for part in useless)


def test_without_scripts_it_says_the_same(report: Path, open_page: Open) -> None:
    with_scripts, without = open_page(report), open_page(report, java_script_enabled=False)
    for level in ("h1", "h2"):
        assert headings(without, level) == headings(with_scripts, level)
        assert headings(without, level)
    for image in without.locator("main img").all():
        image.scroll_into_view_if_needed()
        assert image.is_visible() or image.evaluate("e => e.closest('details') != null")
    shown, all_shown = (page.locator("main table").filter(visible=True).count() for page in (without, with_scripts))
    assert shown == all_shown - 2, "all but the drawing's, one for each network"
    counts, all_counts = (page.locator("table.confusion td").all_inner_texts() for page in (without, with_scripts))
    assert counts == all_counts and len(counts) >= 100
    assert without.locator("main button").filter(visible=True).count() == without.locator("table button").count() == 0
    expect(without.locator("#confusion select")).to_be_hidden()
    expect(without.locator("noscript p")).to_contain_text("Drawing needs JavaScript")
    empty = without.locator("main h2").evaluate_all(
        """all => all.filter(h => { let n = h.nextElementSibling, text = '';
             while (n && n.tagName != 'H2') { text += n.textContent; n = n.nextElementSibling; }
             return text.trim().length < 40 && h.parentElement.textContent.trim().length < 80; }).map(h => h.id)"""
    )
    assert empty == [], "every section has something to read"


def test_every_picture_is_described(page: Page) -> None:
    pictures = page.locator("img").evaluate_all("all => all.map(e => [e.alt.trim(), e.naturalWidth])")
    assert len(pictures) >= 8
    for alternative, width in pictures:
        assert width > 0
        assert len(alternative.split()) >= 6 and not re.search(r"\.(svg|png)\b", alternative), alternative
    assert len({alternative for alternative, _ in pictures}) == len(pictures), "no two by the same text"
    unnamed = "canvas:not([aria-label], [aria-hidden=true], button[aria-label] *)"  # what is in a button has its name
    assert page.locator(unnamed).count() == 0


def test_tab_leads_through_all_that_can_be_used_and_shows_where_it_is(page: Page) -> None:
    page.evaluate(
        """selector => { window.expected = [...document.querySelectorAll(selector)].filter(
            e => e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length); }""",
        USABLE,
    )
    expected = page.evaluate("expected.length")
    assert expected >= 8
    reached: list[int] = []
    for _ in range(expected + 50):
        page.keyboard.press("Tab")
        found = page.evaluate("""() => {
            const e = document.activeElement;
            if (e === document.body) return null;
            const style = getComputedStyle(e), box = e.getBoundingClientRect();
            return {number: expected.indexOf(e), html: e.outerHTML.slice(0, 100),
                    marked: style.outlineStyle != 'none' && style.outlineWidth != '0px' || style.boxShadow != 'none',
                    inView: box.bottom > 0 && box.top < innerHeight};
        }""")
        if found is None:
            break
        assert found["marked"] and found["inView"], found["html"]
        if found["number"] >= 0:  # else a box that scrolls, which Chromium lets the keyboard into by itself
            reached.append(found["number"])
    assert reached == list(range(expected))
