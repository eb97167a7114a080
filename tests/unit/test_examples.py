"""Batches of images: bytes until they are taken, grey and coloured, of any number of classes."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from digits.core.arrays import label_type
from digits.data.examples import BATCH_VALUES, as_examples, at_once
from digits.data.tensors import Split
from small import COLOURED, SHAPE

CPU = torch.device("cpu")
CHOSEN = torch.tensor([4, 2, 7])


def random_split(shape: Sequence[int], classes: int = 10, count: int = 20) -> Split:
    rng = np.random.default_rng(0)
    labels = rng.permutation(max(classes, count))[:count] % classes
    images = rng.integers(256, size=(count, *shape), dtype=np.uint8)
    return Split(images, labels.astype(label_type(classes)), [str(number) for number in range(classes)])


@pytest.mark.parametrize("shape", [SHAPE, COLOURED])
def test_a_batch_has_the_chosen_pixels_scaled_to_1(shape: Sequence[int]) -> None:
    split = random_split(shape)
    data = as_examples(split, CHOSEN, range(10), CPU)
    x, y = data.batch(torch.tensor([2, 0]))
    assert x.dtype == torch.float32 and torch.equal(x, torch.from_numpy(split.images[[7, 4]]) / 255)
    assert y.int().argmax(1).tolist() == split.labels[[7, 4]].tolist() and torch.equal(y, data.y[[2, 0]])


def test_choosing_images_copies_none() -> None:
    split = random_split(SHAPE)
    assert np.shares_memory(as_examples(split, CHOSEN, range(10), CPU).images.numpy(), split.images)


@pytest.mark.parametrize("classes", [10, 256, 257, 1000])
def test_targets_of_any_number_of_classes(classes: int) -> None:
    split = random_split(SHAPE, classes)
    everything = as_examples(split, torch.arange(20), range(classes), CPU).y
    assert everything.shape == (20, classes) and everything.int().argmax(1).tolist() == split.labels.tolist()
    some = as_examples(split, torch.arange(20), sorted(split.labels[:5].tolist()), CPU).y
    assert some.any(1).tolist() == [label in split.labels[:5] for label in split.labels]


@pytest.mark.parametrize("shape", [SHAPE, (3, 200, 100)])
def test_batches_are_all_images_in_their_order_few_at_a_time_if_large(shape: Sequence[int]) -> None:
    split = random_split(shape, count=200)
    data = as_examples(split, torch.arange(200).flip(0), range(10), CPU)
    parts = list(data.batches())
    assert torch.equal(torch.cat([x for x, _ in parts]), torch.from_numpy(split.images[::-1].copy()) / 255)
    assert torch.equal(torch.cat([y for _, y in parts]), data.y)
    assert [x.numel() <= BATCH_VALUES for x, _ in parts] == [True] * math.ceil(200 / at_once(shape))


def test_the_largest_images_go_one_by_one() -> None:
    assert [at_once(shape) for shape in ((28, 28), (64, 64), (3, 5000, 5000))] == [1000, 256, 1]


@pytest.mark.parametrize("shape", [SHAPE, COLOURED, (3, 800, 600)])
def test_the_histogram_counts_the_chosen_pixels_of_each_colour(shape: Sequence[int]) -> None:
    split = random_split(shape)
    found = as_examples(split, CHOSEN, range(10), CPU).histogram()
    chosen = split.images[CHOSEN].reshape(3, -1, shape[-2] * shape[-1]).swapaxes(0, 1)
    expected = np.array([np.bincount(of_colour.ravel(), minlength=256) for of_colour in chosen])
    assert found.tolist() == (expected if len(shape) == 3 else expected[0]).tolist()
