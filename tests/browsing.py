"""A browser for the tests of pages: Chromium, driven by Playwright, offline, with an eye on what a page must not do."""

import base64
import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import torch
from conftest import ROOT, skip
from digits.core.arrays import read_arrays
from digits.networks.dense import simple_net
from digits.networks.ensembles import mean_logits, split_members
from digits.report import to_html
from playwright.sync_api import Browser, Page, sync_playwright
from project import header

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


def page_of(folder: Path, title: str, part: str, explorer: dict[str, Any]) -> Path:
    """Write a page with nothing but a part, and the data that it answers with."""
    data = json.dumps(explorer).replace("<", "\\u003c")
    parts = (part, f'<script type="application/json" id="explorer">{data}</script>')
    outputs = [nbformat.v4.new_output("display_data", {"text/html": text}) for text in parts]
    notebook = nbformat.v4.new_notebook(metadata={"title": title})
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {title}"), nbformat.v4.new_code_cell(outputs=outputs)]
    (folder / "page.html").write_text(to_html(notebook, ROOT / "workflow" / "notebooks"))
    return folder / "page.html"


def computed(page: Page, network: dict[str, Any], images: np.ndarray) -> np.ndarray:
    """Return the probabilities, float64 [N, classes], that the page computes with a network's data for images.

    These are uint8 [N, height, width], or with channels as the last axis.
    """
    count, height, width = images.shape[:3]
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


def rounded_scores(run: Path, images: np.ndarray) -> np.ndarray:
    """The scores of a dense network, or of the members of an ensemble of them, with weights rounded to half precision."""
    arrays, training = read_arrays(run / "weights.safetensors")[0], header(run / "weights.safetensors")
    members = split_members(arrays, training["members"])
    x = torch.from_numpy(images).float().flatten(1) / 255
    found = []
    for member in members:
        params = [
            torch.from_numpy(member[name].copy())
            for name in sorted(member, key=lambda name: (name[1:], name[0] == "b"))
        ]
        found.append(simple_net(x, [p.half().float() if p.dim() == 2 else p for p in params]).numpy())
    return found[0] if len(found) == 1 else mean_logits(found)
