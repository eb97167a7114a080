"""A browser for the tests of pages: Chromium, driven by Playwright, offline, with an eye on what a page must not do."""

import base64
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from conftest import skip
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OFF = ("gpu", "quic", "background-networking", "component-update", "sync")
ARGUMENTS = ["--no-first-run", *(f"--disable-{name}" for name in OFF)]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        skip("no browser found; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """Open a file in a fresh window; at the end AssertionError if it asked for anything else or an error was logged.

    `options` are those of Playwright's new_context: java_script_enabled, color_scheme, viewport, has_touch, …
    """
    address = path.resolve().as_uri()
    faults: list[str] = []
    context = browser.new_context(offline=True, **options)
    try:
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", lambda line: faults.append(f"console: {line.text}") if line.type == "error" else None)

        def watch(url: str) -> None:
            if url.partition("#")[0] != address and not url.startswith(("data:", "blob:")):
                faults.append(f"request: {url}")

        context.on("request", lambda request: watch(request.url))
        page.goto(address, timeout=60_000)  # a page of megabytes takes long where the cores are busy
        yield page
    finally:
        context.close()
    assert not faults, "\n".join(faults)


def computed(page: Page, network: dict[str, Any], images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float64 [N, classes], that the page computes for uint8 images with a network's data."""
    count, height, width = images.shape
    found = page.evaluate(
        """([plain, images, height, width]) => {
            const explorer = JSON.parse(document.getElementById("explorer").textContent);
            const network = readNetwork(plain);
            return images.map((text) => {
                const pixels = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                return probabilities(network, pixels, height, width, explorer.classes.length);
            });
        }""",
        [network, [base64.b64encode(image.tobytes()).decode() for image in images], height, width],
    )
    assert len(found) == count
    return np.array(found)
