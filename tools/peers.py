"""What `make bench` compares with: the tutorial's own ways, the bare matrix products, and the published record recipe.

Nothing here imports the project, so that the numerical libraries choose their own fastest kernels. Each function is given a
folder and returns the seconds that it took, of one thread's processor time; those of image files, of the clock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

PIXELS, HIDDEN, CLASSES, BATCH = 784, 500, 10, 1000
torch.set_num_threads(1)


@contextmanager
def timed(clock: str = "process_time") -> Iterator[list[float]]:
    """Put the seconds that a block takes into the list that it gets."""
    now = getattr(time, clock)
    spent: list[float] = []
    start = now()
    yield spent
    spent.append(now() - start)


def images(folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """Return images, float32 [N, 28, 28] from 0 to 1, and labels."""
    data = load_file(folder / "results" / "tensors" / f"{split}.safetensors")
    return data["images"].float() / 255, data["labels"].long()


def products(folder: Path) -> float:
    """The products of an epoch of the tutorial's network, forward and backward, by the faster of two libraries."""
    shapes = [(BATCH, PIXELS, HIDDEN), (BATCH, HIDDEN, CLASSES)]
    shapes += [(HIDDEN, BATCH, CLASSES), (BATCH, CLASSES, HIDDEN), (PIXELS, BATCH, HIDDEN)]
    found = []
    for kind in (torch.from_numpy, np.asarray):
        pairs = [
            (kind(np.random.rand(a, b).astype("f4")), kind(np.random.rand(b, c).astype("f4"))) for a, b, c in shapes
        ]
        for _ in range(2):  # the first time is for warming up
            with timed() as spent:
                for _ in range(60_000 // BATCH):
                    for a, b in pairs:
                        a @ b
        found += spent
    return min(found)


def tutorial_epoch(folder: Path) -> float:
    """An epoch as the tutorial has it: a list of tuples in a DataLoader, its loss, its step."""
    x, y = images(folder, "train")
    dataset = list(zip(x.view(-1, PIXELS), nn.functional.one_hot(y, CLASSES), strict=True))
    sizes = [(PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)]
    params = [torch.randn(size).requires_grad_() for size in sizes]
    with timed() as spent:
        for xb, yb in DataLoader(dataset, batch_size=BATCH, shuffle=True):  # type: ignore[arg-type]
            scores = (((xb @ params[0] + params[1]).max(torch.tensor(0.0))) @ params[2] + params[3]).sigmoid()
            torch.where(yb == 1, 1 - scores, scores).mean().backward()
            for p in params:
                p.data -= p.grad * 50  # type: ignore[operator]
                p.grad = None
    return spent[0]


def record(folder: Path) -> float:
    """The fastest published way to 99 %: https://github.com/tuomaso/train_mnist_fast, with its numbers."""
    x, y = images(folder, "train")
    mean, std = x.mean(), x.std()
    x = ((x - mean) / std).unsqueeze(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 24, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(24, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, CLASSES)),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.7, 0.9))
    steps = -(-len(x) // 256)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.01, total_steps=steps, cycle_momentum=False)
    with timed() as spent:
        for batch in torch.randperm(len(x)).split(256):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
            schedule.step()
    x, y = images(folder, "test")
    with torch.no_grad():
        right = (model.eval()(((x - mean) / std).unsqueeze(1)).argmax(1) == y).float().mean().item()
    print(f"record: {right:.2%}")
    return spent[0]


def tutorial_files(folder: Path) -> float:
    """All image files to tensors, as the tutorial does it: a list of opened images for each class, stacked."""
    with timed("perf_counter") as spent:
        for split in sorted((folder / "images").iterdir()):
            classes = [
                [torch.tensor(np.array(Image.open(path))) for path in sorted(c.iterdir())] for c in split.iterdir()
            ]
            torch.cat([torch.stack(found) for found in classes])
    return spent[0]
