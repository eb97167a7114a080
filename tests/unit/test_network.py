"""What every network has: pixels as the recipe wants them, predictions in batches, names for what it learned."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from digits.core.command import UserError
from digits.core.seeding import generator_for
from digits.data.examples import as_examples
from digits.data.tensors import load_split
from digits.networks.network import build_network, joined, predict, widen
from digits.networks.weights import learned, restore
from digits.settings.recipes import Recipe
from small import COLOURED, SHAPE, convolutional, examples, network, pixels, recipe

SHAPES = pytest.mark.parametrize("shape", [SHAPE, COLOURED])


@SHAPES
def test_normalised_pixels_have_mean_0_and_standard_deviation_1(shape: Sequence[int]) -> None:
    """Coloured ones in each colour."""
    normalised, plain = network(recipe(pixels="normalised"), shape), network(recipe(), shape)
    data = examples(shape=shape)
    x, axes = pixels(data), (0, 1, 2) if len(shape) == 2 else (0, 2, 3)
    normalised.measure_pixels(data.histogram())
    std, mean = torch.std_mean(x, axes, correction=0, keepdim=True)
    torch.testing.assert_close(normalised(x), plain((x - mean) / std))
    assert set(learned(normalised)) == {"pixel_mean", "pixel_std", "w1", "b1", "w2", "b2"}
    assert normalised.pixel_mean.shape == normalised.pixel_std.shape == (() if len(shape) == 2 else (3, 1, 1))


def test_mean_and_standard_deviation_are_exact(tensors: Path) -> None:
    """To the last bit those of the pixels scaled one by one, in float64."""
    data = as_examples(load_split(tensors / "train.safetensors"), torch.arange(100), range(10), torch.device("cpu"))
    net, x = network(recipe(pixels="normalised")), pixels(data).double()
    net.measure_pixels(data.histogram())
    assert (net.pixel_mean, net.pixel_std) == (x.mean().float(), x.std(correction=0).float())


def test_a_colour_that_never_varies_is_no_division_by_0() -> None:
    data = examples(shape=COLOURED)
    data.images[:, 1] = 77
    net = network(recipe(pixels="normalised"), COLOURED)
    net.measure_pixels(data.histogram())
    assert net.pixel_std[1] == 1 and net(pixels(data)).isfinite().all()


@SHAPES
def test_a_trained_network_averages_five_views(shape: Sequence[int]) -> None:
    one, five = (network(recipe(test_time_shift=far), shape) for far in (0, 1))
    x = torch.rand(3, *shape)
    assert torch.equal(five(x), one(x)) and torch.equal(one.answer(x), one(x))
    up, down, left, right = (torch.zeros(3, *shape) for _ in range(4))
    up[..., :-1, :], down[..., 1:, :], left[..., :-1], right[..., 1:] = (
        x[..., 1:, :],
        x[..., :-1, :],
        x[..., 1:],
        x[..., :-1],
    )
    torch.testing.assert_close(five.answer(x), (one(x) + one(up) + one(down) + one(left) + one(right)) / 5)


@pytest.mark.parametrize("make", [recipe, convolutional])
@SHAPES
def test_the_crop_cuts_each_side_after_moving(make: Callable[..., Recipe], shape: Sequence[int]) -> None:
    inner = network(make(), shape).eval()
    recipes = [make(crop=1, test_time_shift=far) for far in (0, 1)]
    larger = (*shape[:-2], 6, 7)
    cropped, shifted = (network(settings, larger).eval() for settings in recipes)
    x = torch.rand(3, *larger)
    assert torch.equal(cropped(x), inner(x[..., 1:-1, 1:-1]))
    places = ((1, 1), (2, 1), (0, 1), (1, 2), (1, 0))
    total = sum(inner(x[..., top : top + 4, left : left + 5]) for top, left in places)
    torch.testing.assert_close(shifted.answer(x), total / 5)


@pytest.mark.parametrize(("key", "fits"), [("test_time_shift", 3), ("crop", 1)])
@SHAPES
def test_a_shift_or_crop_that_leaves_nothing_is_refused(key: str, fits: int, shape: Sequence[int]) -> None:
    network(recipe(**{key: fits}), shape)
    with pytest.raises(UserError, match=rf"^recipe\.{key}: {fits + 1} .* images? of 4×5 pixels"):
        network(recipe(**{key: fits + 1}), shape)


@pytest.mark.parametrize("count", [0, 1, 1501])
@SHAPES
def test_predictions_are_the_networks_scores_of_bytes(count: int, shape: Sequence[int]) -> None:
    net = network(convolutional(dropout=0.5, test_time_shift=1), shape).train()
    images = np.random.default_rng(0).integers(256, size=(count, *shape), dtype=np.uint8)
    scores = predict(net, images)
    assert scores.shape == (count, 5) and not scores.requires_grad
    torch.testing.assert_close(scores, net.eval().answer(torch.from_numpy(images) / 255).detach())
    some = torch.arange(count).flip(0)[: count // 2]
    torch.testing.assert_close(predict(net, images, some), scores[some])


def test_results_are_joined_without_keeping_those_of_each_batch() -> None:
    kept: list[weakref.ref[torch.Tensor]] = []

    def parts() -> Iterator[torch.Tensor]:
        for number in range(5):
            assert all(part() is None for part in kept[:-1])
            part = torch.full((2 if number < 4 else 1, 3), float(number))
            kept.append(weakref.ref(part))
            yield part
            del part

    assert joined(parts(), 9)[:, 2].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_classes_without_an_output_cannot_be_chosen() -> None:
    wide = widen(torch.tensor([[1.0, 2.0], [3.0, -4.0]]), [1, 3], 4)
    assert wide.tolist() == [[-torch.inf, 1, -torch.inf, 2], [-torch.inf, 3, -torch.inf, -4]]


def test_a_network_is_restored_from_what_another_has_learned() -> None:
    one, other = network(convolutional()), build_network(convolutional(), (4, 5), 5, generator_for("b"))
    x = torch.rand(10, 4, 5)
    one.train()(x)  # other batch norms
    assert not torch.equal(one.eval()(x), other.eval()(x))
    restore(other, learned(one), "one")
    assert torch.equal(one(x), other(x))
    kept = learned(one)
    torch.nn.init.zeros_(next(one.parameters()))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in learned(other).items()), "a copy"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("b2"), r"^file: weights do not fit the recipe: found no tensors, expected b2 5; delete"),
        (lambda tensors: tensors.update(w2=torch.zeros(5, 12)), r"found .*w2 5×12, expected .*w2 12×5; delete it"),
        (lambda tensors: tensors["b1"].fill_(torch.nan), r"^file: b1 is not made of finite float32 numbers; delete"),
        (lambda tensors: tensors.update(b1=tensors["b1"].double()), r"^file: b1 is not made of finite float32"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_are_refused(change: Callable[[dict[str, torch.Tensor]], object], message: str) -> None:
    tensors = learned(network(recipe()))
    change(tensors)
    with pytest.raises(UserError, match=message):
        restore(network(recipe()), tensors, "file")
