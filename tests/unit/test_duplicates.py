"""Images that are there twice: exact copies by their pixels, near ones by thumbnails, the same as by comparing all pairs."""

import numpy as np
import pytest
from digits.data.duplicates import CONTRAST, NEAR, exact_duplicates, near_duplicates, thumbnails

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(32, 48), (3, 32, 48)])
def test_a_thumbnail_has_the_means_of_areas(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 256, (3, *shape), np.uint8)
    expected = images.reshape(3, -1, 16, 2, 16, 3).mean(axis=(3, 5)).reshape(3, -1) - 128
    assert abs(thumbnails(images) - expected).max() <= 0.5 + 1e-9
    assert (thumbnails(np.full((1, 3, 7, 5), 255, np.uint8)) == 127).all(), "a side below 16, or no multiple of it"


def textures(count: int, channels: int) -> np.ndarray:
    """Smooth images of all brightnesses, so that many are alike, and of all contrasts."""
    base = RNG.integers(0, RNG.integers(5, 90, (count, 1, 1, 1)), (count, channels, 4, 4))
    shifted = base + RNG.integers(0, 165, (count, 1, 1, 1))
    images: np.ndarray = np.kron(shifted, np.ones((4, 4))).astype(np.uint8).squeeze()
    return images


@pytest.mark.parametrize("channels", [1, 3])
def test_near_duplicates_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    monkeypatch.setattr("digits.data.duplicates.TRAIN_BLOCK", 97)
    monkeypatch.setattr("digits.data.duplicates.TEST_BLOCK", 31)
    train, test = textures(3000 // channels, channels), textures(400, channels)
    test[:100] = np.clip(train[:100] + RNG.normal(0, 2, test[:100].shape), 0, 255)
    a, b = thumbnails(train).astype(int), thumbnails(test).astype(int)
    distances = ((b[:, None] - a) ** 2).mean(axis=2)
    contrasts = b.reshape(400, channels, 256).var(axis=2).mean(axis=1)
    near = [(i, row.argmin()) for i, row in enumerate(distances) if row.min() <= NEAR**2]
    expected = [(i, other) for i, other in near if CONTRAST**2 * distances[i, other] <= contrasts[i]]
    assert 50 < len(expected) < len(near) < 350
    assert near_duplicates(thumbnails(train), thumbnails(test)) == expected


def test_the_largest_distance_is_exact() -> None:
    black, white = (thumbnails(np.full((2, 16, 16), value, np.uint8)) for value in (0, 255))
    assert near_duplicates(black, white) == []
    assert near_duplicates(white, white) == [(0, 0), (1, 0)]


def scene(thing: tuple[int, int, int], ground: tuple[int, int, int], top: int, noise: int = 0) -> np.ndarray:
    """A thing on a ground, coloured."""
    image = np.empty((1, 3, 64, 64), np.uint8)
    image[0] = np.reshape(ground, (3, 1, 1))
    image[0, :, top : top + 30, 20:44] = np.reshape(thing, (3, 1, 1))
    noisy: np.ndarray = np.clip(image + RNG.integers(-noise, noise + 1, image.shape), 0, 255).astype(np.uint8)
    return noisy


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (scene((150, 100, 60), (60, 140, 50), 17, noise=9), True),  # the same photo, saved anew
        (scene((108, 109, 107), (60, 140, 50), 17), False),  # as bright, but grey
        (scene((150, 100, 60), (60, 140, 50), 25), False),  # the same thing elsewhere
    ],
)
def test_what_is_alike_in_brightness_alone_is_no_near_duplicate(other: np.ndarray, near: bool) -> None:
    hand = scene((150, 100, 60), (60, 140, 50), 17)
    assert bool(near_duplicates(thumbnails(hand), thumbnails(other))) is near


@pytest.mark.parametrize(("top", "near"), [(17, True), (27, False)])
def test_faint_images_are_compared_by_their_own_contrast(top: int, near: bool) -> None:
    """All of whose differences are below NEAR levels."""
    faint, other = (scene((96, 96, 96), (100, 100, 100), place)[:, 0] for place in (17, top))
    assert bool(near_duplicates(thumbnails(faint), thumbnails(other))) is near


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
