"""How weights follow their gradients."""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class GradientDescent(torch.optim.Optimizer):
    """A step against the gradient, as in the tutorial; with momentum, against a running sum of gradients.

    The sum fades by the factor `momentum` at each step: Sutskever et al. 2013,
    https://proceedings.mlr.press/v28/sutskever13.html, as torch.optim.SGD computes it.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], learning_rate: float, momentum: float) -> None:
        super().__init__(groups, {"lr": learning_rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                velocity = p.grad
                if group["momentum"]:
                    velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                    velocity.mul_(group["momentum"]).add_(p.grad)
                p.sub_(velocity, alpha=group["lr"])


def _adam(groups: Iterable[dict[str, Any]], learning_rate: float, momentum: float) -> torch.optim.Optimizer:
    """Steps that each weight scales by its own gradients' size: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.

    The squares fade by 0.9 a step rather than 0.999: trainings here are a few thousand steps.
    """
    return torch.optim.Adam(groups, learning_rate, betas=(momentum, 0.9), fused=True)


OPTIMISERS: dict[str, Callable[[Iterable[dict[str, Any]], float, float], torch.optim.Optimizer]] = {
    "sgd": GradientDescent,
    "adam": _adam,
}


def make_optimiser(
    name: str,
    layers: list[list[torch.nn.Parameter]],
    layer_lr_multipliers: Iterable[float],
    learning_rate: float,
    momentum: float,
) -> torch.optim.Optimizer:
    """Make an optimiser for the parameters that are trained; each group's `factor` multiplies the rate of its layer."""
    trained = [[p for p in layer if p.requires_grad] for layer in layers]
    if factors := list(layer_lr_multipliers):
        groups = [{"params": layer, "factor": f} for layer, f in zip(trained, factors, strict=True) if layer]
    else:
        groups = [{"params": [p for layer in trained for p in layer], "factor": 1.0}]
    return OPTIMISERS[name](groups, learning_rate, momentum)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next steps."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
