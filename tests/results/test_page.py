"""The real report in a browser: it asks for nothing, is no larger than it should be, and computes what PyTorch computed."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.special
from browsing import chromium, computed, opened, rounded_scores
from conftest import ROOT
from digits.data.tensors import load_split
from playwright.sync_api import Page
from safetensors.numpy import load_file

RESULTS = ROOT / "results"
EXPLORER = json.loads((RESULTS / "explorer.json").read_text())
NETWORKS = [(network["model"], network["seed"]) for network in EXPLORER["networks"]]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser, opened(browser, RESULTS / "report.html") as window:
        yield window


def test_it_is_at_most_4_mb() -> None:
    assert (RESULTS / "report.html").stat().st_size <= 4_000_000


@pytest.mark.parametrize("number", range(len(NETWORKS)), ids=[f"{model}-{seed}" for model, seed in NETWORKS])
def test_its_networks_compute_what_pytorch_computed(page: Page, number: int) -> None:
    model, seed = NETWORKS[number]
    run, network = RESULTS / "runs" / model / f"seed-{seed}", EXPLORER["networks"][number]
    images = load_split(RESULTS / "tensors" / "test.safetensors").images
    exact = load_file(run / "predictions.safetensors")["logits"]
    logits = exact
    if network["half"]:  # rounded, and the page says how many of all predictions that changes
        logits = rounded_scores(run, images)
        assert (logits.argmax(axis=1) != exact.argmax(axis=1)).sum() == network["changed"]
    expected = scipy.special.softmax(logits[::50].astype(float), axis=1)
    found = computed(page, network, images[::50])
    assert len(found) == 200
    difference = np.abs(found - expected).max()
    print(f"{model}, seed {seed}: largest difference of a probability {difference:.1e}")
    assert difference <= 1e-4


def test_a_stroke_is_answered_by_all_its_networks_within_100_ms(page: Page) -> None:
    """Of the default configuration; the centring is included. The first stroke may have to wait for the weights, too."""
    decoding, milliseconds = page.evaluate(
        """() => {
            const explorer = readExplorer();
            const [pad, size] = [document.getElementById("pad"), explorer.shape[0]];
            const context = pad.getContext("2d");
            context.fillRect(100, 40, 40, 200);
            context.fillRect(60, 120, 160, 30);
            let networks;
            const median = (count, work) => Array.from({ length: count }, () => {
                const start = performance.now();
                work();
                return performance.now() - start;
            }).sort((a, b) => a - b)[Math.floor(count / 2)];
            const decoding = median(5, () => (networks = explorer.networks.map(readNetwork)));
            const stroke = median(21, () => {
                const pixels = centre(inkOf(pad), pad.height, pad.width, size);
                for (const network of networks)
                    answer(network, pixels, size, size, explorer.classes.length, temperatureOf(explorer, network));
            });
            return [decoding, stroke];
        }"""
    )
    print(f"medians: decoding {decoding:.0f} ms, a stroke {milliseconds:.0f} ms")
    assert decoding + milliseconds < 100
