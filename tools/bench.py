"""Time epochs of training against the least that they can take, and against the same epochs written with torch.nn.

One epoch of `published` against the bare matrix products of the same shapes: two layers forward, their two weight
gradients, and the gradient of the hidden units. Then one of `convnet`'s network, on all images and without augmentation,
against its layers alone in torch.nn, forward and backward, on a batch that stays where it is: what batches, losses,
steps and bookkeeping cost. All run in turn, on one thread, on random images of MNIST's size; the ratios are taken pair
by pair.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import digits  # noqa: F401 (first: it chooses the kernels)
import torch
import yaml
from digits.core.seeding import generator_for
from digits.data.examples import Examples
from digits.networks.network import build_network
from digits.settings.config import complete_config
from digits.settings.recipes import Recipe
from digits.train import repeatable
from digits.training.loop import Training

IMAGES, SIDE, CLASSES = 60_000, 28, 10
PIXELS, HIDDEN, BATCH = SIDE * SIDE, 500, 1000
CONV_IMAGES, CONV_BATCH = 12_800, 128
PAIRS = 7
CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """Return the processor time that a call takes; unlike the clock, it does not count what else the machine does."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(works: dict[str, Work]) -> None:
    """Print the medians, and the ratios of the first to each other."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(PAIRS + 1):
        for name, work in works.items():
            spent = seconds(work)
            if turn:  # the first is for warming up
                times[name].append(spent)
    ours, *others = times
    for name, all_spent in times.items():
        print(f"{statistics.median(all_spent):7.3f} s  {name}")
    for name in others:
        ratios = [a / b for a, b in zip(times[ours], times[name], strict=True)]
        print(f"{statistics.median(ratios):7.2f}    ours / {name} ({min(ratios):.2f} to {max(ratios):.2f})")


def random_examples(count: int) -> Examples:
    """Return images and targets of MNIST's size."""
    generator = generator_for("bench")
    labels = torch.randint(CLASSES, (count,), generator=generator)
    return Examples(
        torch.rand(count, SIDE, SIDE, generator=generator), torch.nn.functional.one_hot(labels, CLASSES).bool()
    )


def start(examples: Examples, name: str) -> Training:
    """Return a training by a recipe of config/config.yaml that is about to begin: each epoch plain, on all images."""
    recipes = complete_config(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))["recipes"]
    plain: dict[str, Any] = {"hard_examples": None, "augmentation": {}, "validation_size": 0, "weight_averaging": 0}
    recipe = Recipe(**{**recipes[name], **plain})
    generator = generator_for("bench")
    return Training(examples, build_network(recipe, (SIDE, SIDE), CLASSES, generator), recipe, generator)


def published() -> None:
    """Compare an epoch of the tutorial's recipe."""
    examples = random_examples(IMAGES)
    training = start(examples, "published")
    x, h, d = torch.rand(BATCH, PIXELS), torch.rand(BATCH, HIDDEN), torch.rand(BATCH, CLASSES)
    w1, w2 = torch.rand(PIXELS, HIDDEN), torch.rand(HIDDEN, CLASSES)

    def products() -> None:
        for _ in range(IMAGES // BATCH):
            x @ w1
            h @ w2
            h.T @ d
            d @ w2.T
            x.T @ h

    model = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(PIXELS, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, CLASSES),
        torch.nn.Sigmoid(),
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=50)

    def peer() -> None:
        for batch in torch.randperm(IMAGES).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.l1_loss(model(examples.x[batch]), examples.y[batch].float()).backward()
            optimiser.step()

    compare(
        {
            "one epoch of published": lambda: training.train_epoch(1),
            "the bare matrix products": products,
            "the epoch with torch.nn and torch.optim": peer,
        }
    )


def convnet() -> None:
    """Compare an epoch of the convolutional network."""
    training = start(random_examples(CONV_IMAGES), "convnet")
    layers: list[torch.nn.Module] = []
    inputs = 1
    for channels, side, stride in training.recipe.convolutions:
        convolution = torch.nn.Conv2d(inputs, channels, side, stride, side // 2, bias=False)
        layers += [convolution, torch.nn.BatchNorm2d(channels), torch.nn.ReLU(inplace=True)]
        inputs = channels
    layers += [torch.nn.AdaptiveMaxPool2d(1), torch.nn.Flatten(), torch.nn.Linear(inputs, CLASSES)]
    model = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    side = SIDE - 2 * training.recipe.crop
    x = torch.rand(CONV_BATCH, 1, side, side).contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        for _ in range(CONV_IMAGES // CONV_BATCH):
            model.zero_grad()
            model(x).sum().backward()

    compare(
        {
            f"one epoch of convnet's network, {CONV_IMAGES:,} images": lambda: training.train_epoch(1),
            "its layers alone with torch.nn": bare,
        }
    )


def main() -> None:
    """Run both comparisons."""
    repeatable()
    published()
    convnet()


if __name__ == "__main__":
    main()
