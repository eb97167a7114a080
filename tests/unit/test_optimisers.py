"""The steps against torch.optim, and a rate for each layer."""

import pytest
import torch
from digits.training.optimisers import make_optimiser, set_rate


def parameters(count: int) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]) * (n + 1)) for n in range(count)]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_is_torchs(momentum: float) -> None:
    ours, theirs = parameters(2), parameters(2)
    pair = make_optimiser("sgd", [ours], (), 0.1, momentum), torch.optim.SGD(theirs, lr=0.1, momentum=momentum)
    for rate in (0.1, 0.1, 0.05, 0.2):
        set_rate(pair[0], rate)
        pair[1].param_groups[0]["lr"] = rate
        for values in (ours, theirs):
            sum((p**4).sum() / 40 for p in values).backward()  # type: ignore[union-attr]
        pair[0].step()
        pair[1].step()
        pair[1].zero_grad()
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_each_layer_has_its_multiple_of_the_rate(name: str, momentum: float) -> None:
    layers = [parameters(2), parameters(1), parameters(2)]
    before = [[p.detach().clone() for p in layer] for layer in layers]
    optimiser = make_optimiser(name, layers, (0.0, 0.5, 2.0), 1.0, momentum)
    set_rate(optimiser, 0.25)
    for layer in layers:
        for p in layer:
            p.grad = torch.ones(3)
    optimiser.step()
    for layer, old, step in zip(layers, before, (0.0, 0.125, 0.5), strict=True):
        for p, was in zip(layer, old, strict=True):
            torch.testing.assert_close(was - p.detach(), torch.full((3,), step))  # Adam's first step has size 1 too


def test_what_is_not_trained_stays() -> None:
    frozen, trained = parameters(1), parameters(1)
    frozen[0].requires_grad_(False)
    optimiser = make_optimiser("adam", [frozen, trained], (), 0.1, 0.9)
    (trained[0].sum() + frozen[0].sum()).backward()
    optimiser.step()
    assert frozen[0].tolist() == [1, -2, 3] and trained[0].tolist() != [1, -2, 3]
