"""What the tests of the report's page share: the small project's page, built once, and windows to open it in."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import chromium, opened
from playwright.sync_api import Browser, Page

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def report(built: Path) -> Path:
    """The small project's page. Not to be changed by a test."""
    return built / "results" / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. One a module: while it runs, so does an event loop, which other tests should not meet."""
    with chromium() as started:
        yield started


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open files, each in a fresh window with options of Playwright's new_context; each must behave as `opened` says."""
    with contextlib.ExitStack() as windows:
        yield lambda path, **options: windows.enter_context(opened(browser, path, **options))


@pytest.fixture
def page(report: Path, open_page: Open) -> Page:
    """The small project's page in a fresh window."""
    return open_page(report)
