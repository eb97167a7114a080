"""Images divided by content: each stays where it is, copies and groups stay together, no class lacks a part."""

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data.partition import chosen_for_testing, digests, group_key, parted

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3000, 4, 4), np.uint8)
LABELS = np.repeat([0, 1, 2], [2000, 970, 30])
NAMES = ["a", "b", "c"]


def test_each_class_has_about_its_fraction() -> None:
    test = chosen_for_testing(digests(IMAGES), LABELS, NAMES, 0.2)
    for label in range(3):
        count = int(np.sum(label == LABELS))
        assert abs(test[label == LABELS].sum() - 0.2 * count) < 4 * np.sqrt(0.2 * 0.8 * count)


def test_an_image_stays_where_it_is_when_others_are_added_or_reordered() -> None:
    few = RNG.permutation(3000)[:1500]
    before = chosen_for_testing(digests(IMAGES[few]), LABELS[few], NAMES, 0.3)
    assert (chosen_for_testing(digests(IMAGES), LABELS, NAMES, 0.3)[few] == before).all()


def test_copies_are_on_one_side_whatever_their_class() -> None:
    both = np.concatenate([IMAGES[:500], IMAGES[:500]])
    labels = np.concatenate([np.zeros(500, int), np.ones(500, int)])
    test = chosen_for_testing(digests(both), labels, NAMES[:2], 0.5)
    assert (test[:500] == test[500:]).all() and 0 < test.sum() < 1000


@pytest.mark.parametrize("fraction", [1e-9, 1 - 1e-9])
def test_every_class_has_something_in_each_part(fraction: float) -> None:
    labels = np.arange(200) // 2
    test = chosen_for_testing(digests(IMAGES[:200]), labels, list(map(str, range(100))), fraction)
    assert (np.bincount(labels, weights=test) == 1).all()


def test_groups_stay_together_and_a_class_of_one_group_is_named() -> None:
    writers = [f"writer {n % 12}" for n in range(3000)]
    keys = [group_key(name) for name in writers]
    test = chosen_for_testing(keys, LABELS, NAMES, 0.25)
    assert {name for name, of in zip(writers, test, strict=True) if of}.isdisjoint(
        name for name, of in zip(writers, test, strict=True) if not of
    )
    with pytest.raises(
        UserError, match=r"dataset\.test_fraction: all images of class 'c' are identical or of one group; "
    ):
        chosen_for_testing(keys[:2970] + [group_key("alone")] * 30, LABELS, NAMES, 0.25)


def test_groups_that_leave_a_class_without_a_part_are_refused() -> None:
    """Of three groups, each class has another two: whichever is tested on alone, some class has none in one part."""
    keys = [group_key(name) for name in ("x", "y", "y", "z", "z", "x")]
    with pytest.raises(UserError, match="with these groups, some class has no images in one part"):
        chosen_for_testing(keys, np.array([0, 0, 1, 1, 2, 2]), NAMES, 0.2)


@pytest.mark.parametrize("shape", [(3000, 2, 2), (3000, 3, 2, 2)])
def test_images_are_parted_in_their_order(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 256, shape, np.uint8)
    test = RNG.random(3000) < 0.3
    expected = images[~test].copy(), images[test].copy()
    for part, right in zip(parted(images, test), expected, strict=True):
        np.testing.assert_array_equal(part, right)
