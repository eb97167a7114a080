"""Which test images are shown behind the numbers of confusion matrices."""

import numpy as np
from digits.rendering.cells import Cells, images_to_show, reading
from digits.statistics.predictions import Predictions


def test_images_are_sorted_into_cells_mistakes_from_the_surest_right_ones_from_the_least_sure() -> None:
    logits = np.array([[1, 0], [3, 0], [0, 2], [0, 4], [2, 0], [0, 9]], np.float32)
    labels = np.array([0, 0, 0, 0, 1, 1], np.uint8)
    counted = np.array([True] * 5 + [False])
    found = reading(Predictions(logits, labels, counted))
    assert found.cells == {(0, 0): [0, 1], (0, 1): [3, 2], (1, 0): [4]}
    assert found.confusion.tolist() == [[2, 2], [1, 0]]
    assert np.allclose(found.probabilities[4], [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))])
    found = reading(Predictions(np.array([[1, -np.inf, 1]], np.float32), np.array([2], np.uint8), np.array([True])))
    assert found.probabilities.tolist() == [[0.5, 0, 0.5]], "a class without an output has no probability"


CELLS: dict[str, Cells] = {
    "poor": {(0, 0): [50, 51, 52, 53, 54, 55, 56, 57], (0, 1): [1, 2, 3, 4, 5, 6, 7]},
    "best": {(0, 0): list(range(20, 40)), (0, 1): [3, 8, 9, 10, 11, 12, 13]},
}


def test_with_room_all_mistakes_of_the_chosen_model_and_six_of_every_other_cell() -> None:
    cells, images = images_to_show(CELLS, "best", 900)
    assert cells == {
        "poor": {cell: numbers[:6] for cell, numbers in CELLS["poor"].items()},
        "best": {(0, 0): list(range(20, 26)), (0, 1): CELLS["best"][0, 1]},
    }
    assert images == sorted({number for part in cells.values() for behind in part.values() for number in behind})


def test_with_little_room_every_cell_has_its_first_and_the_chosen_model_more() -> None:
    cells, images = images_to_show(CELLS, "best", 10)
    assert cells == {"poor": {(0, 0): [50], (0, 1): [1]}, "best": {(0, 0): [20], (0, 1): [3, 8, 9, 10, 11, 12, 13]}}
    assert len(images) == 10


def test_an_image_that_is_there_already_takes_no_room() -> None:
    cells, images = images_to_show({"a": {(0, 1): [3]}, "b": {(0, 1): [3], (0, 2): [4]}}, "a", 1)
    assert cells == {"a": {(0, 1): [3]}, "b": {(0, 1): [3]}} and images == [3]
