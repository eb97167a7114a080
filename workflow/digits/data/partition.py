"""Which images are for training and which for testing, where nobody has said so: their content decides, or their group.

An image is tested on if the hash of its pixels, a number from 0 to 1, is below the fraction wanted. So it stays where it is
when others are added, copies of it are on its side, and each class has about its fraction: of n images, give or take
√(n · fraction · (1 − fraction)). Only where a class would have none in one part does its image nearest the threshold move
there, with its copies; it may move back as soon as the class has another.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from digits.core.command import UserError

ROUNDS = 20  # in which images move, before it is given up that groups leave each class something in both parts


def digests(images: np.ndarray) -> list[bytes]:
    """Return the hash of each image's pixels."""
    return [hashlib.blake2b(image.data, digest_size=16).digest() for image in np.ascontiguousarray(images)]


def chosen_for_testing(
    keys: Sequence[bytes], labels: np.ndarray, classes: Sequence[str], fraction: float
) -> np.ndarray:
    """Return which images are to test with, bool [N]; those of one key stay together.

    `keys` are hashes, of pixels or groups. UserError names a class that has only one of them.
    """
    numbers = np.array([int.from_bytes(key[:8], "big") for key in keys], np.uint64)
    threshold = np.uint64(int(fraction * 2**64))
    distinct = {label: np.unique(numbers[labels == label]) for label in range(len(classes))}
    for label, own in distinct.items():
        if len(own) < 2:
            raise UserError(
                f"dataset.test_fraction: all images of class '{classes[label]}' are identical or of one group; a class needs "
                "two that are not, one for each part"
            )
    test = set(numbers[numbers < threshold].tolist())
    for _ in range(ROUNDS):
        moved = 0
        for own in distinct.values():
            inside = test.intersection(own.tolist())
            if not inside:
                test.add(int(own[0]))
            elif len(inside) == len(own):
                test.remove(int(own[-1]))
            moved += len(inside) in (0, len(own))
        if not moved:
            return np.array([number in test for number in numbers.tolist()])
    raise UserError(
        "dataset.test_fraction: with these groups, some class has no images in one part; choose smaller groups"
    )


def group_key(group: str) -> bytes:
    """Return the hash of a group's name."""
    return hashlib.blake2b(group.encode(), digest_size=16).digest()


def parted(images: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images to train on and those to test with, in their order. The former take the place of all in memory."""
    held, kept = images[test], np.flatnonzero(~test)
    for start in range(0, len(kept), 1024):
        block = kept[start : start + 1024]
        images[start : start + len(block)] = images[block]  # what is read lies no further back than what is written
    return images[: len(kept)], held
