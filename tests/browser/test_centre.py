"""The page brings a drawing into the form of MNIST's images with the same bytes as `digits.data.centring`."""

import base64
from pathlib import Path

import numpy as np
import pytest
from digits.data.centring import centre
from digits.data.tensors import load_split
from PIL import Image, ImageDraw
from playwright.sync_api import Page
from project import TENSORS


def centred(page: Page, ink: np.ndarray, size: int) -> np.ndarray | None:
    """Centre a drawing in the page."""
    found = page.evaluate(
        """([text, height, width, size]) => {
            const ink = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const image = centre(ink, height, width, size);
            return image && [...image];
        }""",
        [base64.b64encode(ink.tobytes()).decode(), *ink.shape, size],
    )
    return None if found is None else np.array(found, np.uint8).reshape(size, size)


def drawn(seed: int) -> np.ndarray:
    """Strokes of a random thickness through random places, some of them thin, long or at the border."""
    random = np.random.default_rng(seed)
    height, width = random.integers(20, 300, 2).tolist()
    image = Image.new("L", (width, height))
    places = random.uniform(-0.1, 1.1, (random.integers(2, 6), 2)) * (width, height)
    ImageDraw.Draw(image).line([tuple(place) for place in places.tolist()], int(random.integers(26, 256)), 1 + seed)
    return np.asarray(image)


@pytest.fixture
def drawings(built: Path) -> list[np.ndarray]:
    """20 drawings: strokes, digits enlarged and uneven grey, and the simplest shapes."""
    digits = load_split(built / TENSORS[1]).images[:5]
    return [
        *map(drawn, range(8)),
        *(np.asarray(Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)) for digit in digits),
        *(np.random.default_rng(seed).integers(0, 256, (61 + seed, 97), np.uint8) for seed in range(3)),
        np.pad(np.full((1, 1), 200, np.uint8), 50),  # a dot
        np.pad(np.full((1, 200), 255, np.uint8), 9),  # a line without width
        np.full((280, 280), 255, np.uint8),
        np.tile(np.array([[0, 255], [255, 0]], np.uint8), (20, 20)),  # every scaled pixel lies between two greys
    ]


@pytest.mark.parametrize("size", [28, 31])
def test_the_same_bytes_for_20_drawings(page: Page, drawings: list[np.ndarray], size: int) -> None:
    assert len(drawings) == 20
    for number, ink in enumerate(drawings):
        expected, found = centre(ink, size), centred(page, ink, size)
        assert expected is not None and found is not None and (expected == found).all(), number


def test_what_is_too_faint_is_no_drawing(page: Page) -> None:
    for faintest in (0, 25):
        ink = np.full((280, 280), faintest, np.uint8)
        assert centre(ink, 28) is None and centred(page, ink, 28) is None
    assert centred(page, np.full((9, 9), 26, np.uint8), 28) is not None
