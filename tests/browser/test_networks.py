"""The page's networks, and ensembles of them, compute what PyTorch's do."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from browsing import computed, rounded_scores
from conftest import Ran
from digits.data.tensors import load_split
from project import EXPLORER, PAIR_RUNS, RUNS, TENSORS
from safetensors.numpy import load_file

from browser.conftest import Open


def test_they_compute_the_same(ran: Ran, monkeypatch: pytest.MonkeyPatch, project: Path, open_page: Open) -> None:
    """On a page that has every run's network and every ensemble of two of them."""
    monkeypatch.chdir(project)
    tried = [*RUNS, *PAIR_RUNS]
    ran("explore", Path(), Path(), "--weights", *(f"{run}/weights.safetensors" for run in tried))
    ran("report", Path(), Path())
    page, images = open_page(project / "results" / "report.html"), load_split(project / TENSORS[1]).images
    networks = json.loads((project / EXPLORER).read_text())["networks"]
    assert [network["model"] for network in networks] == [run.split("/")[2] for run in tried]
    found = {run: computed(page, network, images) for run, network in zip(tried, networks, strict=True)}
    for run, network in zip(tried, networks, strict=True):
        logits = (
            rounded_scores(project / run, images)
            if network["half"]
            else load_file(project / run / "predictions.safetensors")["logits"]
        )
        expected = scipy.special.softmax(logits.astype(float), axis=1)
        assert found[run].shape == (200, 10) and np.abs(found[run] - expected).max() <= 1e-4
        assert len(set(expected.argmax(axis=1))) > 1, "a network that always says the same would prove little"
    for pair, first, second in zip(PAIR_RUNS, RUNS[::2], RUNS[1::2], strict=True):
        assert np.abs(found[pair] - (found[first] + found[second]) / 2).max() <= 1e-6
