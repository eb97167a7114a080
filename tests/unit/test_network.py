"""What every network has: pixels as the recipe wants them, predictions in batches, names for what it learned."""

import numpy as np
import pytest
import torch
from digits.core.command import UserError
from digits.core.seeding import generator_for
from digits.networks.network import build_network, predict, widen
from digits.networks.weights import learned, restore
from small import convolutional, network, recipe


def test_normalised_pixels_have_mean_0_and_standard_deviation_1() -> None:
    normalised, plain = network(recipe(pixels="normalised")), network(recipe())
    x = torch.rand(30, 4, 5)
    normalised.measure_pixels(x)
    torch.testing.assert_close(normalised(x), plain((x - x.mean()) / x.std(correction=0)))
    assert set(learned(normalised)) == {"pixel_mean", "pixel_std", "w1", "b1", "w2", "b2"}


def test_a_trained_network_answers_with_the_mean_over_five_looks() -> None:
    one, five = (network(recipe(test_time_shift=far)) for far in (0, 1))
    x = torch.rand(3, 4, 5)
    assert torch.equal(five(x), one(x)) and torch.equal(one.answer(x), one(x))
    up, down, left, right = (torch.zeros(3, 4, 5) for _ in range(4))
    up[:, :-1], down[:, 1:], left[:, :, :-1], right[:, :, 1:] = x[:, 1:], x[:, :-1], x[:, :, 1:], x[:, :, :-1]
    torch.testing.assert_close(five.answer(x), (one(x) + one(up) + one(down) + one(left) + one(right)) / 5)


def test_the_crop_is_cut_off_after_moving() -> None:
    cropped, shifted = (
        build_network(recipe(crop=1, test_time_shift=far), (4, 5), 5, generator_for("a")) for far in (0, 1)
    )
    inside = torch.zeros(1, 4, 5)
    inside[0, 0, 2] = 1  # at the border: seen where the image is moved down
    assert torch.equal(cropped.answer(inside), cropped(torch.zeros(1, 4, 5)))
    assert not torch.equal(shifted.answer(inside), cropped(inside))


def test_a_shift_that_leaves_nothing_is_refused() -> None:
    network(recipe(test_time_shift=3))
    with pytest.raises(UserError) as caught:
        network(recipe(test_time_shift=4))
    assert str(caught.value) == (
        "recipe.test_time_shift: 4 moves all of an image of 4×5 pixels away; choose a smaller one"
    )


def test_a_crop_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        build_network(recipe(crop=2), (4, 5), 5, generator_for("a"))
    assert str(caught.value) == "recipe.crop: 2 leaves nothing of images of 4×5 pixels"


@pytest.mark.parametrize("count", [0, 1, 1501])
def test_predictions_are_the_networks_scores_of_bytes(count: int) -> None:
    net = network(convolutional(dropout=0.5, test_time_shift=1)).train()
    images = np.random.default_rng(0).integers(256, size=(count, 4, 5), dtype=np.uint8)
    scores = predict(net, images)
    assert scores.shape == (count, 5) and not scores.requires_grad
    torch.testing.assert_close(scores, net.eval().answer(torch.from_numpy(images) / 255).detach())


def test_classes_without_an_output_cannot_be_chosen() -> None:
    wide = widen(torch.tensor([[1.0, 2.0], [3.0, -4.0]]), [1, 3], 4)
    assert wide.tolist() == [[-torch.inf, 1, -torch.inf, 2], [-torch.inf, 3, -torch.inf, -4]]


def test_a_network_takes_what_another_has_learned() -> None:
    one, other = network(convolutional()), build_network(convolutional(), (4, 5), 5, generator_for("b"))
    x = torch.rand(10, 4, 5)
    one.train()(x)  # other batch norms
    assert not torch.equal(one.eval()(x), other.eval()(x))
    restore(other, learned(one), "one")
    assert torch.equal(one(x), other(x))
