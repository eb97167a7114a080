"""The tutorial's network, from scratch: parameters by hand, linear equations with ReLU between, and its losses.

The functions carry the tutorial's names (`init_params`, `simple_net`, `mnist_loss`), so that its reader finds them.
What is passed on is explicit: parameters are a list [w1, b1, w2, b2, …], random draws come from a given generator.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from digits.lib.recipes import Recipe


def generator_for(*names: object) -> torch.Generator:
    """Return a generator seeded by names such as (model, seed): the same draws everywhere, different for each name."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def init_params(size: Sequence[int], std: float, generator: torch.Generator) -> Tensor:
    """Draw a float32 tensor of the given size from a normal distribution with standard deviation `std`."""
    return torch.randn(tuple(size), generator=generator) * std


def normal_layer(inputs: int, outputs: int, generator: torch.Generator) -> list[Tensor]:
    """Weights [inputs, outputs] and biases [outputs] of one layer as the tutorial draws them, standard deviation 1."""
    return [init_params((inputs, outputs), 1.0, generator), init_params((outputs,), 1.0, generator)]


def kaiming_layer(inputs: int, outputs: int, generator: torch.Generator) -> list[Tensor]:
    """Scaled weights: standard deviation √(2 / inputs) keeps the size of the signal through ReLUs; biases start at 0.

    He et al. 2015, https://arxiv.org/abs/1502.01852, section 2.2.
    """
    return [init_params((inputs, outputs), math.sqrt(2 / inputs), generator), torch.zeros(outputs)]


def make_params(recipe: Recipe, pixels: int, classes: int, generator: torch.Generator) -> list[Tensor]:
    """Draw all parameters of a recipe's network, float32: w [inputs, outputs] and b [outputs] of each layer in turn."""
    sizes = recipe.layer_sizes(pixels, classes)
    layer = WEIGHTS[recipe.weights]
    return [tensor for inputs, outputs in itertools.pairwise(sizes) for tensor in layer(inputs, outputs, generator)]


def simple_net(xb: Tensor, params: Sequence[Tensor]) -> Tensor:
    """Predict: float32 [batch, pixels] in, one score a class [batch, classes] out. One pair of params is wx + b."""
    res = xb
    for layer in range(0, len(params), 2):
        if layer > 0:
            res = res.relu()
        res = torch.addmm(params[layer + 1], res, params[layer])  # res @ w + b, in one step
    return res


def mnist_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """The tutorial's loss: how far each sigmoid of a score is from its 0 or 1, averaged. `targets` is one-hot, bool."""
    predictions = predictions.sigmoid()
    return torch.where(targets, 1 - predictions, predictions).mean()


def cross_entropy(predictions: Tensor, targets: Tensor) -> Tensor:
    """The negative logarithm of the probability (softmax) given to the right class, averaged. `targets` is one-hot, bool."""
    return -torch.where(targets, predictions.log_softmax(dim=1), 0).sum(dim=1).mean()


def batch_accuracy(predictions: Tensor, targets: Tensor) -> Tensor:
    """The share of rows whose highest score is at the one-hot target's place, a scalar float32."""
    return (predictions.argmax(dim=1) == targets.int().argmax(dim=1)).float().mean()


WEIGHTS: dict[str, Callable[[int, int, torch.Generator], list[Tensor]]] = {
    "normal": normal_layer,
    "kaiming": kaiming_layer,
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mnist_loss": mnist_loss, "cross_entropy": cross_entropy}
