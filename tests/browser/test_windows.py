"""The windows that the other tests here look through: what a page must not do makes them fail."""

from pathlib import Path

import pytest
from browsing import opened
from playwright.sync_api import Browser


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<img src="http://127.0.0.1:9/a.png">', "request: http://127.0.0.1:9/a.png"),
        ('<img src="beside.png">', "request: file:.*/beside.png"),
        ("<script>throw new Error('broken')</script>", "error: .*broken"),
        ("<script>console.error('odd')</script>", "console: odd"),
        (
            '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'"><script>1</script>',
            "console: .*Content Security Policy",
        ),
    ],
)
def test_a_page_that_misbehaves_is_a_fault(browser: Browser, tmp_path: Path, body: str, fault: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!DOCTYPE html><title>A page</title>{body}")
    with pytest.raises(AssertionError, match=fault), opened(browser, path) as page:
        page.wait_for_timeout(100)
