"""Convolutional networks against networks of torch.nn written out, and the one of config/config.yaml."""

import math
from collections.abc import Sequence
from typing import Any

import digits.networks.convolutional
import pytest
import torch
import yaml
from conftest import ROOT
from digits.core.seeding import generator_for
from digits.networks.convolutional import Convolutional
from digits.networks.dense import product
from digits.networks.network import build_network
from digits.settings.recipes import make_recipe
from small import COLOURED, SHAPE, convolutional, examples, network, pixels, torch_epochs, training
from torch import nn


def copy_of(body: Any, *modules: nn.Module) -> nn.Sequential:
    """Make a network of modules, after the channel that grey images lack, with the tensors of one of ours, kind by kind."""
    for ours, kind in ((body.convolutions, nn.Conv2d), (body.norms, nn.BatchNorm2d), (body.dense, nn.Linear)):
        for one, other in zip(ours, [module for module in modules if isinstance(module, kind)], strict=True):
            other.load_state_dict(one.state_dict(), strict=False)
    return nn.Sequential(nn.Flatten(1), nn.Unflatten(1, (-1, *SHAPE)), *modules)


@pytest.mark.parametrize("shape", [SHAPE, COLOURED])
def test_a_training_with_batch_norm_is_that_of_torch_nn(shape: Sequence[int]) -> None:
    settings, data = convolutional(hidden=[6], batch_size=10), examples(shape=shape)
    run = training(settings, data)
    modules = [
        *(
            nn.Conv2d(3 if shape == COLOURED else 1, 3, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(3),
            nn.ReLU(),
        ),
        *(nn.Conv2d(3, 4, kernel_size=3, stride=1, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5)),
    ]
    model = copy_of(run.network.body, *modules)
    expected, _ = torch_epochs(model, torch.optim.SGD(model.parameters(), lr=0.3), data, settings)
    torch.testing.assert_close(run.train_epoch(1), expected)
    run.network.eval()
    model.eval()  # with the means and variances over the batches
    torch.testing.assert_close(run.network(pixels(data)), model(pixels(data)), rtol=1e-4, atol=1e-5)


def test_without_batch_norm_a_convolution_has_a_bias() -> None:
    net = network(convolutional(convolutions=[[3, 2, 1]], batch_norm=False))
    convolution = nn.Conv2d(1, 3, kernel_size=2, padding=1)
    model = copy_of(net.body, convolution, nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(3, 5))
    torch.testing.assert_close(net(pixels(examples())), model(pixels(examples())))


@pytest.mark.parametrize(
    ("changes", "shapes"),
    [
        ({"convolutions": [[3, 2, 1]], "batch_norm": False}, [[(3, 1, 2, 2), (3,)], [(5, 3), (5,)]]),
        ({"hidden": [6]}, [[(3, 1, 3, 3), (3,), (3,)], [(4, 3, 3, 3), (4,), (4,)], [(6, 4), (6,)], [(5, 6), (5,)]]),
    ],
)  # fmt: skip
def test_a_layer_is_a_convolution_with_its_bias_or_batch_norm(changes: dict[str, Any], shapes: object) -> None:
    net = network(convolutional(**changes))
    assert [[tuple(p.shape) for p in layer] for layer in net.body.layers()] == shapes
    assert {id(p) for layer in net.body.layers() for p in layer} == {id(p) for p in net.parameters()}


def test_weights_are_scaled_by_the_inputs_and_biases_start_at_0() -> None:
    layers, generator = [(40, 5, 1), (50, 3, 1)], generator_for("a")
    body = Convolutional(layers, [60], colours=1, padding=True, batch_norm=False, dropout=0.0, generator=generator)
    for layer, inputs in ((body.convolutions[0], 25), (body.convolutions[1], 40 * 9), (body.dense[0], 50)):
        weight, bias = layer.parameters()
        assert weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.05)
        assert not bias.any()


def test_dropout_is_before_each_dense_layer_in_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    x = pixels(examples())
    with_dropout, without = network(convolutional(hidden=[6], dropout=0.5)), network(convolutional(hidden=[6]))
    assert torch.equal(with_dropout.eval()(x), without.eval()(x))
    with_dropout.train()
    seen = []

    def seeing(inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        seen.append((inputs == 0).float().mean().item())
        return product(inputs, weights)

    monkeypatch.setattr(digits.networks.convolutional, "product", seeing)
    with_dropout(x)
    assert all(fraction > 0.4 for fraction in seen) and len(seen) == 2
    assert not torch.equal(with_dropout(x), with_dropout(x))


def test_convnet_of_the_configuration_has_49970_parameters() -> None:
    """24·25 + 24·32·9 + 32·48·9 + 48·64·9 weights, 2·(24 + 32 + 48 + 64) of the batch norms, 64·10 + 10 of the last layer."""
    recipes = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["recipes"]
    net = build_network(make_recipe(recipes["convnet"]), (28, 28), 10, generator_for("convnet", 0))
    assert sum(p.numel() for p in net.parameters()) == 49_970
    assert net(torch.rand(2, 28, 28)).shape == (2, 10)
