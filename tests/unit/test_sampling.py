"""Which images an epoch goes through: all once, or the hardest and some others."""

from typing import Any

import pytest
import torch
from digits.core.seeding import generator_for
from digits.training.sampling import Sampler
from small import convolutional, recipe

HARD = {"warmup_epochs": 2, "warmup_fraction": 0.5, "fraction": 0.2}


def sampler(count: int = 50, make: Any = recipe, **changes: Any) -> Sampler:
    return Sampler(make(epochs=4, **changes), count, generator_for("order"))


def test_an_epoch_has_every_image_once_in_a_new_order() -> None:
    ours = sampler()
    first, second = ours.order(1), ours.order(2)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert first.tolist() != second.tolist()
    ours.note(first, torch.rand(50))
    assert ours.losses is None and not any(ours.needs_losses(epoch) for epoch in range(1, 5))


def test_half_of_a_hard_epoch_are_the_hardest_and_the_others_are_random() -> None:
    ours = sampler(hard_examples=HARD)
    assert [ours.size(epoch) for epoch in range(1, 5)] == [25, 25, 10, 10]
    assert [ours.needs_losses(epoch) for epoch in range(1, 5)] == [False, False, True, False]
    assert len(set(ours.order(1).tolist())) == 25
    ours.losses = torch.arange(50.0).roll(7)  # 0 to 6 have the largest: 43 to 49; then come 49, 48, …
    chosen = [set(ours.order(3).tolist()) for _ in range(100)]
    assert all(len(images) == 10 for images in chosen)
    assert set.intersection(*chosen) == {6, 5, 4, 3, 2}
    assert set.union(*chosen) == set(range(50)), "every other image has its turn"
    all_seen = sampler(hard_examples={**HARD, "warmup_fraction": 1})
    assert all_seen.size(1) == 50 and not any(all_seen.needs_losses(epoch) for epoch in range(1, 5))


def test_losses_are_each_images_latest() -> None:
    ours = sampler(count=5, hard_examples=HARD)
    ours.note(torch.tensor([3, 1]), torch.tensor([0.3, 0.1]))
    assert ours.losses is not None
    assert ours.losses.tolist() == pytest.approx([torch.inf, 0.1, torch.inf, 0.3, torch.inf])
    ours.note(torch.tensor([1, 0, 4]), torch.tensor([0.2, 0.5]))  # 4 was left over
    assert ours.losses.tolist() == pytest.approx([0.5, 0.2, torch.inf, 0.3, torch.inf])


@pytest.mark.parametrize("batch_size", [2, 7, 8, 49, 50])
@pytest.mark.parametrize("make", [recipe, convolutional])
@pytest.mark.parametrize("hard", [None, HARD, {**HARD, "fraction": 0.02}, {**HARD, "fraction": 0.34}])
def test_the_steps_are_counted_as_the_order_is_cut(make: Any, batch_size: int, hard: Any) -> None:
    ours = sampler(make=make, batch_size=batch_size, hard_examples=hard)
    ours.losses = torch.rand(50)
    for epoch in range(1, 5):
        order = ours.order(epoch)
        batches = list(ours.split(order))
        assert len(order) == ours.size(epoch) and len(batches) == ours.batches(epoch)
        used = torch.cat(batches)
        assert torch.equal(used, order[: len(used)])
        if make is recipe:
            assert len(used) == len(order)
        elif len(order) > 1:
            assert min(map(len, batches)) > 1, "batch norm needs two images"
            assert len(order) - len(used) == (len(order) % batch_size == 1)
