"""The map of images by what a network says to them."""

import math

import numpy as np
import pytest
import scipy.special
from digits.rendering.class_map import circle_order, places, softened


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_probabilities_are_softened_to_half_of_the_entropy_whatever_the_scale_of_the_scores(scale: float) -> None:
    logits = np.random.default_rng(0).normal(size=(200, 5))
    found = softened((scale * logits).astype(np.float32))
    assert scipy.special.entr(found).sum(axis=1).mean() == pytest.approx(math.log(5) / 2)
    assert (found.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_a_class_without_an_output_pulls_nothing() -> None:
    logits = np.array([[2, -np.inf, 0, 1], [0, -np.inf, 3, 1]], np.float32)
    found = softened(logits)
    assert not found[:, 1].any()
    assert scipy.special.entr(found).sum(axis=1).mean() == pytest.approx(math.log(3) / 2), "of three outputs"


def test_scores_that_say_nothing_lie_in_the_middle() -> None:
    found = softened(np.zeros((3, 4), np.float32))
    assert np.abs(places(found, [0, 1, 2, 3]).astype(int) - 127.5).max() <= 0.5


def test_classes_that_share_images_stand_beside_each_other() -> None:
    pairs = [(0, 3), (3, 1), (1, 4), (4, 2), (2, 5)]
    probabilities = np.zeros((len(pairs), 6))
    for row, pair in zip(probabilities, pairs, strict=True):
        row[list(pair)] = 0.5
    order = circle_order(probabilities)
    assert order in ([0, 3, 1, 4, 2, 5], [0, 5, 2, 4, 1, 3])


def test_a_certain_image_lies_at_its_class_the_first_at_the_top() -> None:
    found = places(np.eye(4), [0, 2, 1, 3])
    assert found == pytest.approx(np.array([[127.5, 0], [127.5, 255], [255, 127.5], [0, 127.5]]), abs=0.5)
