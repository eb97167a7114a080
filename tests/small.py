"""What the unit tests of the training share: a small recipe, random images, and what torch makes of the same numbers."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from digits.core.arithmetic import PORTABLE
from digits.core.seeding import generator_for
from digits.data.examples import Examples
from digits.networks.network import Network, build_network
from digits.settings.recipes import Recipe, make_recipe
from digits.training.loop import Training
from torch import Tensor

SHAPE, COLOURED, CLASSES = (4, 5), (3, 4, 5), 5


def recipe(**changes: object) -> Recipe:
    values = {"hidden": [12], "init": "kaiming", "loss": "cross_entropy", "learning_rate": 0.3, "batch_size": 8}
    return make_recipe({**values, "epochs": 1, "validation_size": 0, **changes})


def convolutional(**changes: object) -> Recipe:
    values = {"network": "convolutional", "convolutions": [[3, 3, 2], [4, 3, 1]], "hidden": [], "batch_norm": True}
    return recipe(**{**values, **changes})


def examples(count: int = 40, shape: Sequence[int] = SHAPE, classes: int = CLASSES, seed: int = 1) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=generator)
    images = torch.randint(256, (count, *shape), generator=generator, dtype=torch.uint8)
    return all_of(images, torch.nn.functional.one_hot(labels, classes).bool())


def all_of(images: Tensor, y: Tensor) -> Examples:
    return Examples(images, torch.arange(len(images)), y)


def pixels(data: Examples) -> Tensor:
    """Return all images as a network takes them."""
    return data.images[data.chosen] / 255


def network(settings: Recipe, shape: Sequence[int] = SHAPE) -> Network:
    return build_network(settings, shape, CLASSES, generator_for("a"))


def training(settings: Recipe, data: Examples) -> Training:
    return Training(data, network(settings, data.images.shape[1:]), settings, generator_for("order"))


def facts(settings: Recipe) -> dict[str, Any]:
    """What a file of weights says of a training."""
    counts = {"seed": 0, "members": 1, "epochs": 1, "train_size": 40, "training_flops": 7}
    classes = [str(number) for number in range(CLASSES)]
    texts = {"model": "a", "processors": [PORTABLE], "classes": classes, "recipe": dataclasses.asdict(settings)}
    return {**counts, **texts, "shape": list(SHAPE)}


def as_modules(params: Iterable[Tensor]) -> torch.nn.Sequential:
    """Make a network of torch.nn with the weights and biases of a dense one."""
    layers: list[torch.nn.Module] = [torch.nn.Flatten()]
    values = [p.detach() for p in params]
    for w, b in zip(values[::2], values[1::2], strict=True):
        linear = torch.nn.Linear(len(w), len(b), dtype=w.dtype)
        with torch.no_grad():
            linear.weight.copy_(w.T)
            linear.bias.copy_(b)
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def as_params(model: torch.nn.Module) -> list[Tensor]:
    """Return copies of a torch.nn network's weights as a dense network has them: [inputs, outputs]."""
    return [p.detach().T.clone() if p.dim() == 2 else p.detach().clone() for p in model.parameters()]


def torch_losses(scores: Tensor, y: Tensor, settings: Recipe) -> Tensor:
    """Return each image's loss as torch computes it."""
    if settings.loss.endswith("mnist_loss"):
        distances = torch.nn.functional.l1_loss(scores.sigmoid(), y.to(scores.dtype), reduction="none")
        return (distances * (1 + y * (y.shape[1] - 2) * (settings.loss != "mnist_loss"))).mean(1)
    smoothing = settings.label_smoothing
    return torch.nn.functional.cross_entropy(scores, y.int().argmax(1), reduction="none", label_smoothing=smoothing)


def torch_epochs(
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    data: Examples,
    settings: Recipe,
    generator: torch.Generator | None = None,  # that of `training`
) -> tuple[Tensor, list[list[Tensor]]]:
    """Train with torch's own parts; return the last epoch's losses, and the weights at each step."""
    generator, x, steps = generator or generator_for("order"), pixels(data), []
    for _ in range(settings.epochs):
        losses = []
        for batch in torch.randperm(len(x), generator=generator).split(settings.batch_size):
            optimiser.zero_grad()
            losses.append(torch_losses(model(x[batch]), data.y[batch], settings))
            losses[-1].mean().backward()
            optimiser.step()
            steps.append(as_params(model))
    return torch.cat(losses).detach(), steps
