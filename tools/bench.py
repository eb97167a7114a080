"""Time one epoch of `published` against the bare matrix products of the same shapes, the least that it can take.

Both run in turn, on one thread, on random images of MNIST's size; the ratio is taken pair by pair. The matrix products
are those of the forward and the backward pass: two layers forward, their two weight gradients, and the gradient of the
hidden units. A second ratio is against the same epoch written with torch.nn and torch.optim.
"""

import statistics
import time
from collections.abc import Callable

import torch
from digits.lib.networks import generator_for, make_params
from digits.lib.recipes import make_recipe
from digits.train import Examples, repeatable, train_epoch

IMAGES, PIXELS, HIDDEN, CLASSES, BATCH = 60_000, 784, 500, 10, 1000
PAIRS = 7


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that a call takes; unlike the clock, it does not count what else the machine does."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the medians and the ratios."""
    repeatable()
    generator = generator_for("bench")
    labels = torch.randint(CLASSES, (IMAGES,), generator=generator)
    examples = Examples(
        torch.rand(IMAGES, PIXELS, generator=generator), torch.nn.functional.one_hot(labels, CLASSES).bool()
    )
    recipe = make_recipe(
        {
            "hidden": [HIDDEN],
            "weights": "normal",
            "loss": "mnist_loss",
            "learning_rate": 50,
            "batch_size": BATCH,
            "epochs": 1,
            "validation_size": 0,
        }
    )
    params = [p.requires_grad_() for p in make_params(recipe, PIXELS, CLASSES, generator)]

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
        torch.nn.Linear(PIXELS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES), torch.nn.Sigmoid()
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=50)

    def peer() -> None:
        for batch in torch.randperm(IMAGES, generator=generator).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.l1_loss(model(examples.x[batch]), examples.y[batch].float()).backward()
            optimiser.step()

    works = {
        "one epoch of published": lambda: train_epoch(examples, params, recipe, generator),
        "the bare matrix products": products,
        "the epoch with torch.nn and torch.optim": peer,
    }
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


if __name__ == "__main__":
    main()
