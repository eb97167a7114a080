"""`snakemake --report`: every figure and table with caption, category and label, in one file that opens offline."""

import base64
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, opened
from conftest import ROOT, snakemake
from project import COMPARISONS, EXPERIMENT_FIGURES, EXPLANATION, FIGURES, MISTAKES, TABLES, outputs

from workflow.conftest import Project

# The experiment is not built here, and forms for small screens are the page's.
OTHERS = {*(path for path in EXPERIMENT_FIGURES.values() if path.endswith(".svg")), *EXPLANATION.values()}
ALL = {*FIGURES, *TABLES.values(), *COMPARISONS.values(), MISTAKES, *outputs("search").values()}
SHOWN = {path for path in ALL - OTHERS if "/narrow/" not in path}


@pytest.fixture(scope="module")
def page(build: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snakemake's report on the small data set, written without a network."""
    path = tmp_path_factory.mktemp("report") / "snakemake-report.html"

    def refuse(*_: object) -> None:
        raise OSError("no network in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        result = snakemake(build.folder, "--configfile", build.config, "--report", path)
    assert result.status == 0, result.output
    return path


@pytest.fixture(scope="module")
def results(page: Path) -> dict[str, Any]:
    """What the report holds, by the files' names."""
    _, _, data = page.read_text().partition('<script id="results">')
    found, _ = json.JSONDecoder().raw_decode(data.partition("var results = ")[2])
    return dict(found)


def test_it_holds_every_figure_and_table_as_it_is(build: Project, results: dict[str, Any]) -> None:
    assert set(results) == SHOWN
    labels = set()
    for path, entry in results.items():
        assert base64.b64decode(entry["data_uri"].split(";base64,")[1]) == (build.folder / path).read_bytes()
        assert len(entry["caption"]) > 40, path
        ((kind, label),) = entry["labels"].items()
        assert kind == ("table" if path.endswith(".csv") else "figure")
        labels.add((kind, label))
    assert len(labels) == len(SHOWN), "no two are called the same"


def test_it_has_each_caption_and_names_no_other_site(page: Path) -> None:
    text = page.read_text()
    captions = sorted((ROOT / "workflow" / "report").glob("*.rst"))
    assert len(captions) == len(SHOWN | OTHERS)
    for caption in captions:
        if caption.stem.removesuffix("-table") in ("learning", "experiment", "loss-slopes"):
            continue
        assert caption.read_text().strip().split(".")[0] in text, caption.name
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?(?:https?:)?//", text)


def test_it_opens_offline_and_lists_them(page: Path, results: dict[str, Any]) -> None:
    labels = sorted(label for entry in results.values() for label in entry["labels"].values())
    listed = []
    with chromium() as browser:
        for category in ("Data", "Results", "How it was made", "Tables"):
            with opened(browser, page, viewport={"width": 1280, "height": 900}) as window:
                window.get_by_text(category, exact=True).last.click()  # the first "Results" is a heading
                window.locator("table").wait_for()
                listed += [line for line in map(str.strip, window.inner_text("body").splitlines()) if line in labels]
    assert sorted(listed) == labels
