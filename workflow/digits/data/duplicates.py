"""Images that are in a data set more than once, exactly or nearly."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from digits.data.centring import overlaps

SIDE = 16  # pixels of a thumbnail
NEAR = 5  # levels, 2 % of 255, that thumbnails of near duplicates differ by at most, as root mean square,
CONTRAST = (
    5  # and at most one in so many parts of the test image's own contrast: its standard deviation within channels
)
TRAIN_BLOCK, TEST_BLOCK = 8192, 512
MARGIN = 1.001  # on what is compared in rounded numbers, before whole ones decide


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Return the mean of each of 16×16 areas of images, uint8 [N, (3,) height, width]: int16 [N, (3 ·) 256], −128 to 127.

    All sums are of whole numbers below 2⁵³.
    """
    *_, height, width = images.shape
    down, across = overlaps(height, SIDE), overlaps(width, SIDE)
    most = height * width
    pixels = (3 if images.ndim == 4 else 1) * SIDE * SIDE
    small = np.empty((len(images), pixels), np.int16)
    for start in range(0, len(images), 1024):
        block = images[start : start + 1024].astype(np.float64)
        rows = (block.reshape(-1, width) @ across.T).reshape(-1, height, SIDE).transpose(0, 2, 1)
        sums = (rows.reshape(-1, height) @ down.T).reshape(-1, SIDE, SIDE).transpose(0, 2, 1).reshape(-1, pixels)
        small[start : start + 1024] = (2 * sums.astype(np.int64) + most) // (2 * most) - 128
    return small


def near_duplicates(train: np.ndarray, test: np.ndarray) -> list[tuple[int, int]]:
    """Return the numbers of test images that have a near duplicate among the training images, and of the nearest, the first.

    Takes thumbnails. The mean of a thumbnail, and then means of its quarters' quarters, can only be nearer than the pixels
    are: what they leave is compared pixel by pixel, in whole numbers below 2²⁴, which float32 has exactly.
    """
    pixels = train.shape[1]
    limit = pixels * NEAR * NEAR
    order, asked = train.sum(axis=1).argsort(kind="stable"), test.sum(axis=1).argsort(kind="stable")
    means = train[order].sum(axis=1)
    coarse = _coarse(train)[order]
    halves = (coarse * coarse).sum(axis=1) / 2
    best = np.full(len(test), np.inf)
    nearest = np.zeros(len(test), np.int64)
    for first in range(0, len(test), TEST_BLOCK):
        block = asked[first : first + TEST_BLOCK]
        own, sums = _coarse(test[block]), test[block].sum(axis=1)
        own_halves = (own * own).sum(axis=1) / 2 - np.float32(limit / 2 * MARGIN)
        low, high = np.searchsorted(means, [sums[0] - pixels * NEAR, sums[-1] + pixels * NEAR + 1])
        for start in range(low, high, TRAIN_BLOCK):
            end = min(start + TRAIN_BLOCK, high)
            maybe = own @ coarse[start:end].T - halves[start:end] >= own_halves[:, None]
            rows, columns = np.flatnonzero(maybe.any(axis=1)), np.flatnonzero(maybe.any(axis=0))
            if not len(rows):
                continue
            ours, theirs = np.sort(order[start:end][columns]), block[rows]
            distances = _distances(train[ours], test[theirs])
            places = distances.argmin(axis=1)
            found, numbers = distances[np.arange(len(rows)), places], ours[places]
            better = (found < best[theirs]) | ((found == best[theirs]) & (numbers < nearest[theirs]))
            best[theirs[better]], nearest[theirs[better]] = found[better], numbers[better]
    return [
        (int(number), int(nearest[number]))
        for number in np.flatnonzero(best <= np.minimum(limit, _contrast_limits(test)))
    ]


def _contrast_limits(small: np.ndarray) -> np.ndarray:
    """Return the squared distance that the contrast of each thumbnail allows, int64 [N]."""
    channels = small.reshape(len(small), -1, SIDE * SIDE).astype(np.int64)
    spread = SIDE * SIDE * (channels**2).sum(axis=2) - channels.sum(axis=2) ** 2
    limits: np.ndarray = spread.sum(axis=1) // (SIDE * SIDE * CONTRAST * CONTRAST)
    return limits


def _coarse(small: np.ndarray) -> np.ndarray:
    """Return means over 4×4 pixels of thumbnails, float32 [N, (3 ·) 16], scaled so that distances are those of the pixels."""
    means: np.ndarray = small.reshape(-1, 4, SIDE // 4, 4, SIDE // 4).sum(axis=(2, 4), dtype=np.float32) / 4
    return means.reshape(len(small), small.shape[1] // 16)


def _distances(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the squared distance of each of some thumbnails to each of others, float32 [tests, trains], exact where near."""
    a, b = train.astype(np.float32), test.astype(np.float32)
    products = b @ a.T
    distances: np.ndarray = ((b * b).sum(axis=1)[:, None] - products) + ((a * a).sum(axis=1) - products)
    return distances


def exact_duplicates(
    hashes: Mapping[str, Sequence[bytes]], labels: Mapping[str, np.ndarray], names: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Count images with the same pixels: copies within each part, test images that are training images, and other labels.

    Each count comes with the names of a pair.
    """
    seen: dict[str, dict[bytes, int]] = {}
    found: dict[str, dict[str, Any]] = {}
    for part, keys in hashes.items():
        first: dict[bytes, int] = {}
        pairs = [(first[key], number) for number, key in enumerate(keys) if first.setdefault(key, number) != number]
        found[part] = counted([(names[part][one], names[part][other]) for one, other in pairs])
        seen[part] = first
    across = [(seen["train"][key], number) for number, key in enumerate(hashes["test"]) if key in seen["train"]]
    found["across"] = counted([(names["train"][one], names["test"][other]) for one, other in across])
    known: dict[bytes, tuple[int, str]] = {}
    torn: dict[bytes, tuple[str, str]] = {}
    for part, keys in hashes.items():
        for key, label, name in zip(keys, labels[part].tolist(), names[part], strict=True):
            other, first_name = known.setdefault(key, (label, name))
            if other != label:
                torn.setdefault(key, (first_name, name))
    images = sum(key in torn for keys in hashes.values() for key in keys)
    found["contradictory"] = {"images": images, "example": list(next(iter(torn.values()))) if torn else None}
    return found


def counted(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return how many pairs there are, and the first."""
    return {"images": len(pairs), "example": list(pairs[0]) if pairs else None}
