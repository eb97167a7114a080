"""Whatever classes, rungs and sources are called, the page shows it, and does nothing else with it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PLOTS, call
from digits.data.tensors import Split
from project import ABOUT, CONFIG, EXPERIMENT_RUNS, FIGURES, RUNS, arguments, write_data

from browser.conftest import Open

SIGNS = (
    *("<meta http-equiv=refresh content=0;url=https://example.org>", "<iframe srcdoc=x>", "# heading", "a|b", "*a*"),
    *("[a](javascript:alert(1))", "![x](https://example.org/x.png)", "</script><b>", "`code`", "$x^2$", "_b_", "&amp;"),
    *("{{ x }}", 'style="a: b"', "'", "nan", "1.5", "True", "a, b", "<!-- contents -->"),
)
SCRIPTS = (
    *("中文字符", "日本語のとても長いクラスの名前です", "العربية", "עברית", "देवनागरी", "ไทย", "한국어", "Ελληνικά"),
    *("😀", "\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "e\u0301e\u0301", "ABC"),
)
LONG = tuple(f"A class that has a name of sixty letters, and that is no. {number}" for number in range(60, 66))
NAMES = [*SIGNS, *SCRIPTS, *LONG, "x" * 60, "never tested"]
HTML = "<iframe srcdoc=x> **a** `b`"
FOREIGN = "meta[http-equiv=refresh], iframe, object, embed, base, form, link, script[src], main b"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with a page about 40 classes of such names; of the last there are no test images."""
    project = tmp_path_factory.mktemp("named")
    random = np.random.default_rng(0)
    splits = []
    for count, classes in ((500, len(NAMES)), (200, len(NAMES) - 1)):
        labels = np.arange(count, dtype=np.uint8) % classes
        images = random.integers(0, 60, (count, 28, 28), np.uint8) + 4 * labels[:, None, None]
        splits.append(Split(images, labels, NAMES))
    train, test = splits
    write_data(project, train, test, name=HTML)
    for run in dict.fromkeys([*RUNS, *EXPERIMENT_RUNS]):
        call("train", *arguments("train", project, project, run))
    for run in RUNS:
        call("evaluate", *arguments("evaluate", project, project, run))
    for name in ("summarise", "compare", "explain"):
        call(name, *arguments(name, project, project))
    ladder = [{**rung, "adds": HTML, "why": HTML} for rung in CONFIG["ladder"]]
    references = [{"model": "published", "epoch": 1, "accuracy": 0.5, "source": HTML}]
    report = {**CONFIG["report"], "disclosure": HTML}
    changed = {"ladder": ladder, "references": references, "report": report}
    changed["dataset"] = {
        **CONFIG["dataset"],
        "about": f"About: {HTML} [a](https://example.org)",
        "sources": ["https://a`<b>"],
    }
    about = json.dumps({**ABOUT, "configuration": {**CONFIG, **changed}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for name in (*PLOTS, "explore", "report"):
            call(name, *arguments(name, Path(), Path()), *(["--about", about] if name == "report" else []))
    return project


@pytest.mark.parametrize(("width", "colours"), [(375, "light"), (1440, "dark")])
def test_names_are_shown_as_they_are(named: Path, open_page: Open, width: int, colours: Any) -> None:
    """Nothing is asked for and no error logged: see `opened`."""
    page = open_page(named / "results" / "report.html", viewport={"width": width, "height": 900}, color_scheme=colours)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.locator("#experiment .guess button").click()
    page.locator(".examples button").first.click()
    assert page.url.partition("#")[0] == (named / "results" / "report.html").as_uri()
    assert page.locator(FOREIGN).count() == 0
    shown = {
        "by class": page.locator("#tab-by-class tbody th").all_inner_texts(),
        "matrix, rows": page.locator("table.confusion tbody th").all_inner_texts(),
        "matrix, columns": page.locator("table.confusion thead th").all_inner_texts()[1:],
        "choice": page.locator("select[name=true] option").all_inner_texts()[1:],
        "experiment": page.locator("#experiment thead th").all_inner_texts()[1:],
    }
    assert {where: texts for where, texts in shown.items() if texts != NAMES} == {}
    drawing = page.locator(".answer >> nth=0").locator("th").evaluate_all("all => all.map(e => e.textContent)")
    assert len(drawing) == 12 and set(drawing) <= set(NAMES), "the likeliest"
    text = page.locator("main").inner_text()
    card = text.partition("Model card of")[2]
    assert "it recognises <meta http-equiv" in card and "never tested" not in card.partition("Where it is")[0]
    assert text.count("<iframe srcdoc=x> a b") >= 2, "Markdown"
    assert text.count(HTML) >= 6, "what is no Markdown"
    assert "https://a`<b>" in text
    assert "nan\u202f%" not in text and "NaN" not in text and "undefined" not in text
    described = page.locator(".picture img").evaluate_all("all => all.map(e => e.alt)")
    assert all(any(name in alt for alt in described) for name in NAMES)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_label_of_a_figure_is_within_it(named: Path, open_page: Open) -> None:
    """Long names and 40 of them: none is cut off at the figure's edge, and none lies on the next one."""
    for path in FIGURES:
        if not path.endswith(".svg"):
            continue
        content = (named / path).read_text()
        (named / "figure.html").write_text(f"<meta charset=utf-8>{content[content.index('<svg') :]}")
        page = open_page(named / "figure.html", viewport={"width": 1000, "height": 900})
        outside = page.evaluate("""() => {
            const frame = document.querySelector("svg").getBoundingClientRect();
            return [...document.querySelectorAll("svg text")].filter((text) => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 3 || box.bottom > frame.bottom + 3;
            }).map((text) => text.textContent);
        }""")
        assert outside == [], path
