"""What `digits.predict` makes of photos, and what it takes for strangers: the tables of docs/results.md, measured again."""

import re

import numpy as np
import pytest
import torch
from conftest import ROOT
from digits.data.own_images import drawn, several
from digits.data.tensors import Split, load_split
from digits.networks.ensembles import mean_logits
from digits.networks.network import Network, predict
from digits.networks.weights import load_networks
from digits.statistics.held_out import read_held_out, unlike
from pictures import encoded
from PIL import Image
from sheets import CASES, Sheet

RUN = ROOT / "results" / "runs" / "convnet" / "seed-0"
DOCUMENT = (ROOT / "docs" / "results.md").read_text()
PHOTOS, ROWS = 200, 60
SEED, FIRST = 1, 25  # other sheets and other digits than those that the code was written with


@pytest.fixture(scope="module")
def test() -> Split:
    return load_split(ROOT / "results" / "tensors" / "test.safetensors")


@pytest.fixture(scope="module")
def network() -> Network:
    torch.set_num_threads(1)
    return load_networks(RUN / "weights.safetensors")[0][0]


def seen(photo: np.ndarray, *, of_several: bool = False) -> list[np.ndarray]:
    images = (several if of_several else drawn)("a", encoded(Image.fromarray(photo), "bmp"), (28, 28))
    return [image.seen for image in images if image.seen is not None]


@pytest.mark.parametrize("case", CASES)
def test_photos_are_read_whatever_the_paper(case: str, test: Split, network: Network) -> None:
    draws, found = np.random.default_rng(SEED), []
    chosen = np.arange(FIRST, len(test.images), len(test.images) // PHOTOS)
    for number in chosen:
        sheet = Sheet([test.images[number]], draws)
        CASES[case](sheet)
        found += seen(sheet.photo())
    logits = predict(network, np.stack(found)).numpy()
    right = int((logits.argmax(axis=1) == test.labels[chosen]).sum())
    doubted = int(unlike(mean_logits([logits]), read_held_out(RUN / "validation.safetensors", 10)).sum())
    print(f"{case}: {right} of {PHOTOS} right, {doubted} unlike the training images")
    (said,) = re.findall(rf"\| {case} \| [^|]+ \| (\d+) \| (\d+) \|", DOCUMENT)
    assert (str(right), str(doubted)) == said
    assert right >= 0.97 * PHOTOS


def test_rows_of_digits_are_cut_apart_and_read(test: Split, network: Network) -> None:
    """Three to eight in falling light, a few of them closer than their images are wide."""
    draws, right, written, rows = np.random.default_rng(SEED), 0, 0, 0
    for _ in range(ROWS):
        chosen = draws.integers(0, len(test.images), int(draws.integers(3, 9)))
        sheet = Sheet(list(test.images[chosen]), draws, apart=float(draws.uniform(-0.15, 0.3)))
        sheet.falling_light()
        answers = predict(network, np.stack(seen(sheet.photo(), of_several=True))).numpy().argmax(axis=1)
        written += len(chosen)
        if len(answers) == len(chosen):
            found = int((answers == test.labels[chosen]).sum())
            right, rows = right + found, rows + (found == len(chosen))
    print(f"{right} of {written} digits in {ROWS} rows are right; {rows} rows wholly")
    assert f"{right} of {written} digits in {ROWS} rows" in DOCUMENT and f"{rows} rows wholly" in DOCUMENT
    assert right >= 0.97 * written


def test_few_test_images_are_taken_for_strangers(test: Split, network: Network) -> None:
    scores = mean_logits([predict(network, test.images).numpy()])
    share = unlike(scores, read_held_out(RUN / "validation.safetensors", 10)).mean()
    print(f"{share:.1%} of the test images are unlike the training images")
    assert f"{share:.1%}".replace("%", " %") + " of the test images" in DOCUMENT
    assert share < 0.02
