"""Images that are there twice: exact copies by their pixels, near ones by thumbnails, the same as by comparing all pairs."""

import numpy as np
import pytest
from digits.data.duplicates import NEAR, exact_duplicates, near_duplicates, thumbnails

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(32, 48), (3, 32, 48)])
def test_a_thumbnail_has_the_means_of_areas(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 256, (3, *shape), np.uint8)
    grey = images.mean(axis=1) if len(shape) == 3 else images
    expected = grey.reshape(3, 16, 2, 16, 3).mean(axis=(2, 4)).reshape(3, 256) - 128
    assert abs(thumbnails(images) - expected).max() <= 0.5 + 1e-9
    assert (thumbnails(np.full((1, 3, 7, 5), 255, np.uint8)) == 127).all(), "a side below 16, or no multiple of it"


def textures(count: int) -> np.ndarray:
    """Smooth images of all brightnesses, so that many are alike."""
    base = RNG.integers(0, 40, (count, 4, 4)) + RNG.integers(0, 200, (count, 1, 1))
    return np.kron(base, np.ones((4, 4))).astype(np.uint8)


def test_near_duplicates_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digits.data.duplicates.TRAIN_BLOCK", 97)
    monkeypatch.setattr("digits.data.duplicates.TEST_BLOCK", 31)
    train, test = textures(3000), textures(400)
    test[:100] = np.clip(train[:100] + RNG.normal(0, 4, (100, 16, 16)), 0, 255)
    a, b = thumbnails(train).astype(int), thumbnails(test).astype(int)
    distances = ((b[:, None] - a) ** 2).sum(axis=2)
    expected = [(i, row.argmin()) for i, row in enumerate(distances) if row.min() <= 256 * NEAR**2]
    assert 50 < len(expected) < 350
    assert near_duplicates(thumbnails(train), thumbnails(test)) == expected


def test_the_largest_distance_is_exact() -> None:
    black, white = (thumbnails(np.full((2, 16, 16), value, np.uint8)) for value in (0, 255))
    assert near_duplicates(black, white) == []
    assert near_duplicates(white, white) == [(0, 0), (1, 0)]


def test_exact_duplicates_are_counted_within_and_across_parts_and_under_other_labels() -> None:
    hashes = {"train": [b"1", b"2", b"2", b"2", b"3"], "test": [b"3", b"4", b"5", b"5"]}
    labels = {"train": np.array([0, 0, 0, 1, 0]), "test": np.array([0, 1, 1, 1])}
    names = {part: [f"{part} {number}" for number in range(len(keys))] for part, keys in hashes.items()}
    assert exact_duplicates(hashes, labels, names) == {
        "train": {"images": 2, "example": ["train 1", "train 2"]},
        "test": {"images": 1, "example": ["test 2", "test 3"]},
        "across": {"images": 1, "example": ["train 4", "test 0"]},
        "contradictory": {"images": 3, "example": ["train 1", "train 3"]},
    }
