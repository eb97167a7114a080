"""The page's networks compute what PyTorch's do."""

from pathlib import Path

import numpy as np
import pytest
import scipy.special
from browsing import computed
from digits.data.tensors import load_split
from playwright.sync_api import Page
from project import CONFIG, FIRST_RUNS, TENSORS
from safetensors.numpy import load_file

NETWORKS = CONFIG["report"]["networks"]


@pytest.mark.parametrize("model", NETWORKS)
def test_the_page_computes_what_pytorch_computes(built: Path, page: Page, model: str) -> None:
    images = load_split(built / TENSORS[1]).images
    logits = load_file(built / FIRST_RUNS[model] / "predictions.safetensors")["logits"]
    expected = scipy.special.softmax(logits.astype(float), axis=1)
    found = computed(page, NETWORKS.index(model), images)
    assert len(found) == 200
    assert np.abs(found - expected).max() <= 1e-4
    assert len(set(expected.argmax(axis=1))) > 1, "a network that always says the same would prove little"
