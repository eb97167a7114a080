"""What a model predicts as the page shows it, and which images the page wants pictures of."""

import numpy as np
import pytest
import scipy.special
from digits.rendering.answers import Answers, answers, wanted_images
from digits.statistics.predictions import Predictions


def given(read: list[int], share: list[float], labels: list[int], counted: list[bool] | None = None) -> Answers:
    return Answers(np.array(read), np.array(share), np.array(labels), np.array(counted or [True] * len(read)))


@pytest.mark.parametrize("temperature", [None, 4.0])
def test_the_share_is_that_of_the_prediction_calibrated_if_it_can_be(temperature: float | None) -> None:
    logits = np.array([[1, 9], [4, 2], [-np.inf, 1]], np.float32)
    found = answers(Predictions(logits, np.array([1, 1, 0], np.uint8), np.array([True] * 3)), temperature)
    assert found.read.tolist() == [1, 0, 1] and found.wrong().tolist() == [False, True, True]
    expected = scipy.special.expit(np.array([8, 2]) / (temperature or 1))
    assert found.share == pytest.approx([*expected, 1]), "a class without an output has no probability"


def test_worst_first_and_none_that_is_not_counted() -> None:
    found = given([0, 1, 1, 0, 0, 1], [0.6, 0.7, 0.9, 0.9, 0.8, 1], [0, 0, 0, 0, 1, 0], [True] * 5 + [False])
    assert found.worst_first().tolist() == [2, 4, 1, 0, 3]


def test_wanted_are_first_the_chosen_models_mistakes_then_the_cells_in_turn() -> None:
    poor = given([1, 1, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.9], [0, 0, 0, 1, 1, 0])
    best = given([0, 0, 1, 1, 1, 0], [0.9] * 6, [0, 0, 0, 1, 1, 0])
    # 2 is all that the chosen one misclassifies; then each cell's first, correct ones among them; then the others.
    assert wanted_images([poor, best], chosen=1, classes=2) == [2, 5, 0, 3, 4, 1]


def test_what_is_correct_comes_last_but_for_a_few_of_each_class() -> None:
    labels = [0] * 20
    right = given([0] * 20, [0.5 + number / 100 for number in range(20)], labels)
    wrong = given([1] * 20, [0.5 + number / 100 for number in range(20)], labels)
    wanted = wanted_images([right, wrong], chosen=0, classes=2)
    assert sorted(wanted) == list(range(20))
    assert wanted[:12:2] == list(range(6)), "the least confident correct ones"
    assert wanted[1:12:2] == list(range(19, 13, -1)), "the most confident mistakes, in turn with them"
