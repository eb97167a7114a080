"""The page's networks and ensembles compute what PyTorch's do."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from browsing import computed
from digits.combine import join_weights
from digits.data.tensors import load_split
from digits.networks.export import portable_network
from playwright.sync_api import Page
from project import CONFIG, EXPLORER, FIRST_RUNS, TENSORS
from safetensors.numpy import load_file, save_file

NETWORKS = CONFIG["report"]["networks"]


def predicted(run: Path) -> np.ndarray:
    """Return the probabilities that `digits.evaluate` computed for the test images."""
    logits = load_file(run / "predictions.safetensors")["logits"]
    probabilities: np.ndarray = scipy.special.softmax(logits.astype(float), axis=1)
    return probabilities


@pytest.mark.parametrize("model", NETWORKS)
def test_the_page_computes_what_pytorch_computes(built: Path, page: Page, model: str) -> None:
    network = json.loads((built / EXPLORER).read_text())["networks"][NETWORKS.index(model)]
    expected = predicted(built / FIRST_RUNS[model])
    found = computed(page, network, load_split(built / TENSORS[1]).images)
    assert len(found) == 200
    assert np.abs(found - expected).max() <= 1e-4
    assert len(set(expected.argmax(axis=1))) > 1, "a network that always says the same would prove little"


@pytest.mark.parametrize("model", NETWORKS)
def test_an_ensemble_averages_the_probabilities_of_its_members(
    built: Path, page: Page, tmp_path: Path, model: str
) -> None:
    runs = [built / f"results/runs/{model}/seed-{seed}" for seed in CONFIG["seeds"]]
    tensors, header = join_weights([run / "weights.safetensors" for run in runs])
    save_file(tensors, tmp_path / "weights", metadata={"training": json.dumps(header)})
    test = load_split(built / TENSORS[1])
    found = computed(page, portable_network(tmp_path / "weights", test.classes, (28, 28)), test.images)
    members = [predicted(run) for run in runs]
    assert np.abs(members[0] - members[1]).max() > 0.01
    np.testing.assert_allclose(found, (members[0] + members[1]) / 2, atol=1e-4)
