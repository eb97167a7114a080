"""How weights follow their gradients."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

Group = dict[str, Any]  # `params`, the `factor` of their learning rate, and the rate itself, `lr`


class Optimiser:
    """Groups of parameters that follow their gradients. (torch.optim's classes take a second to make the first one.)"""

    def __init__(self, groups: Iterable[Group], learning_rate: float, momentum: float) -> None:
        self.groups, self.momentum = [{**group, "lr": learning_rate} for group in groups], momentum
        self.sums = [[torch.zeros_like(p) for p in group["params"]] for group in self.groups]  # of gradients, fading

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter, and forget the gradients."""
        for number, group in enumerate(self.groups):
            self.move(number, group["params"], [p.grad for p in group["params"]], group["lr"])
            for p in group["params"]:
                p.grad = None

    def move(self, group: int, params: list[Tensor], gradients: list[Tensor], rate: float) -> None:
        """Change the parameters of a group in place."""
        raise NotImplementedError


class GradientDescent(Optimiser):
    """A step against the gradient, as in the tutorial; with momentum, against a running sum of gradients.

    The sum fades by the factor `momentum` at each step: Sutskever et al. 2013,
    https://proceedings.mlr.press/v28/sutskever13.html, as torch.optim.SGD computes it.
    """

    def move(self, group: int, params: list[Tensor], gradients: list[Tensor], rate: float) -> None:
        """Change the parameters of a group in place."""
        for p, velocity, gradient in zip(params, self.sums[group], gradients, strict=True):
            p.sub_(velocity.mul_(self.momentum).add_(gradient) if self.momentum else gradient, alpha=rate)


class Adam(Optimiser):
    """Steps that each weight scales by its own gradients' size: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.

    The squares fade by 0.9 a step rather than 0.999: trainings here are a few thousand steps.
    """

    def __init__(self, groups: Iterable[Group], learning_rate: float, momentum: float) -> None:
        super().__init__(groups, learning_rate, momentum)
        self.squares = [[torch.zeros_like(p) for p in group["params"]] for group in self.groups]
        self.steps = [[torch.zeros((), device=p.device) for p in group["params"]] for group in self.groups]

    def move(self, group: int, params: list[Tensor], gradients: list[Tensor], rate: float) -> None:
        """Change the parameters of a group in place."""
        fixed: dict[str, Any] = {"amsgrad": False, "weight_decay": 0.0, "eps": 1e-8, "maximize": False, "fused": True}
        sums, squares, steps = self.sums[group], self.squares[group], self.steps[group]
        adam(params, gradients, sums, squares, [], steps, beta1=self.momentum, beta2=0.9, lr=rate, **fixed)


OPTIMISERS: dict[str, Callable[[Iterable[Group], float, float], Optimiser]] = {"sgd": GradientDescent, "adam": Adam}


def make_optimiser(
    name: str,
    layers: list[list[torch.nn.Parameter]],
    layer_lr_multipliers: Iterable[float],
    learning_rate: float,
    momentum: float,
) -> Optimiser:
    """Make an optimiser for the parameters that are trained; each group's `factor` multiplies the rate of its layer."""
    trained = [[p for p in layer if p.requires_grad] for layer in layers]
    if factors := list(layer_lr_multipliers):
        groups = [{"params": layer, "factor": f} for layer, f in zip(trained, factors, strict=True) if layer]
    else:
        groups = [{"params": [p for layer in trained for p in layer], "factor": 1.0}]
    return OPTIMISERS[name](groups, learning_rate, momentum)


def set_rate(optimiser: Optimiser, rate: float) -> None:
    """Set the learning rate of the next steps."""
    for group in optimiser.groups:
        group["lr"] = rate * group["factor"]
