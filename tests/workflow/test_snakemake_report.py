"""`snakemake --report`: every figure and table with caption, category and label, in one file that opens offline."""

import base64
import json
from pathlib import Path

import pytest
from browsing import chromium, opened
from conftest import snakemake
from project import COMPARISONS, FIGURES, TABLES

from workflow.conftest import Project

SHOWN = {*FIGURES, *TABLES.values(), *COMPARISONS.values(), "results/search.csv", "results/figures/search.svg"}


@pytest.fixture(scope="module")
def page(build: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snakemake's report on the small data set."""
    path = tmp_path_factory.mktemp("report") / "snakemake-report.html"
    result = snakemake(build.folder, "--configfile", build.config, "--report", path)
    assert result.status == 0, result.output
    return path


def test_it_holds_every_figure_and_table_as_it_is(build: Project, page: Path) -> None:
    text = page.read_text()
    _, _, data = text[text.index('<script id="results">') :].partition("var results = ")
    results, _ = json.JSONDecoder().raw_decode(data)
    assert set(results) == SHOWN
    labels = set()
    for path, entry in results.items():
        assert base64.b64decode(entry["data_uri"].split(";base64,")[1]) == (build.folder / path).read_bytes()
        assert len(entry["caption"]) > 40, path
        ((kind, label),) = entry["labels"].items()
        assert kind == ("table" if path.endswith(".csv") else "figure")
        labels.add((kind, label))
    assert len(labels) == len(SHOWN), "no two are called the same"


def test_it_opens_offline_and_lists_them(page: Path) -> None:
    listed = {
        "Data": ["class counts", "class means", "samples"],
        "Results": ["accuracies", "confusion", "curves", "first layers", "ladder", "mistakes", "searches"],
        "Tables": ["all models", "all runs", "comparisons by seed", "searches", "the ladder"],
    }
    for category, labels in listed.items():
        with chromium() as browser, opened(browser, page, viewport={"width": 1280, "height": 900}) as window:
            window.get_by_text(category, exact=True).last.click()  # the first "Results" is a heading
            window.get_by_text(labels[0], exact=True).wait_for()
            text = window.inner_text("body")
            assert [line.strip() for line in text.splitlines() if line.strip() in labels] == labels
