"""The tutorial's network, from scratch: parameters by hand, linear equations with ReLU between.

The functions carry the tutorial's names (`init_params`, `simple_net`), so that its reader finds them. What is passed on
is explicit: parameters are a list [w1, b1, w2, b2, …], random draws come from a given generator.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


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


def make_params(sizes: Sequence[int], init: str, generator: torch.Generator) -> list[Tensor]:
    """Draw all parameters of a network, float32: w [inputs, outputs] and b [outputs] of each layer in turn.

    `sizes` is the number of values before, between and after the layers: 784, 500, 10 in the tutorial.
    """
    layer = INITS[init]
    return [tensor for inputs, outputs in itertools.pairwise(sizes) for tensor in layer(inputs, outputs, generator)]


def simple_net(
    xb: Tensor, params: Sequence[Tensor], dropout: float = 0.0, generator: torch.Generator | None = None
) -> Tensor:
    """Predict: float32 [batch, pixels] in, one score a class [batch, classes] out. One pair of params is wx + b."""
    res = xb
    for layer in range(0, len(params), 2):
        if layer > 0:
            res = drop(res.relu(), dropout, generator)
        res = product(res, params[layer]) + params[layer + 1]
    return res


def product(x: Tensor, w: Tensor) -> Tensor:
    """Return x @ w, float32 [batch, outputs], computed alike on every processor with AVX2 (see core/arithmetic.py)."""
    return x @ w if x.is_cuda else _Product.apply(x, w)


class _Product(torch.autograd.Function):
    """Matrix products by NumPy's OpenBLAS; PyTorch's MKL is fast on every processor, or alike, but not both."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return _multiply(x.numpy(), w.numpy())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, w = (tensor.numpy() for tensor in ctx.saved_tensors)
        for_x, for_w = ctx.needs_input_grad
        g = gradient.numpy()
        return _multiply(g, w.T) if for_x else None, _multiply(x.T, g) if for_w else None


def _multiply(a: np.ndarray, b: np.ndarray) -> Tensor:
    with np.errstate(all="ignore"):  # a training that diverges is the loop's concern
        return torch.from_numpy(a @ b)


def drop(values: Tensor, fraction: float, generator: torch.Generator | None) -> Tensor:
    """Set a random fraction of the values to 0 and enlarge the others, so that their sum stays the same on average.

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.
    """
    if not fraction:
        return values
    kept = (torch.rand(values.shape, generator=generator) >= fraction).to(values.device)
    return values * kept / (1 - fraction)


class Dense(torch.nn.Module):
    """`simple_net` with its parameters and the pixels flattened: float32 [batch, …] in, scores out."""

    def __init__(self, sizes: Sequence[int], init: str, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.dropout, self.generator = dropout, generator
        self.names = [f"{kind}{layer}" for layer in range(1, len(sizes)) for kind in "wb"]  # w1, b1, w2, b2, …
        for name, tensor in zip(self.names, make_params(sizes, init, generator), strict=True):
            self.register_parameter(name, torch.nn.Parameter(tensor))

    def params(self) -> list[Tensor]:
        """Return [w1, b1, w2, b2, …]."""
        return [getattr(self, name) for name in self.names]

    def layers(self) -> list[list[torch.nn.Parameter]]:
        """Return the parameters of each layer, from the input to the output."""
        parameters = list(self.parameters())
        return [parameters[i : i + 2] for i in range(0, len(parameters), 2)]

    def products(self, height: int, width: int) -> list[int]:
        """Return the multiplications of each layer for one image: one for each weight."""
        return [weights.numel() for weights in self.params()[::2]]

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images."""
        return simple_net(x.flatten(1), self.params(), self.dropout if self.training else 0.0, self.generator)


INITS: dict[str, Callable[[int, int, torch.Generator], list[Tensor]]] = {
    "normal": normal_layer,
    "kaiming": kaiming_layer,
}
