"""Which images each epoch goes through, and in which order."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from digits.settings.recipes import Recipe


class Sampler:
    """All images in a new order each epoch; or, with hard_examples, fewer of them, the hardest ones among them.

    Hard are the images with the largest losses when last seen. Half of a hard epoch are the hardest, half a random part
    of the others: the hardest alone would be the wrongly labelled ones, again and again. Jiang et al. 2019,
    https://arxiv.org/abs/1910.00762, pick by loss in a similar way.
    """

    def __init__(self, recipe: Recipe, count: int, generator: torch.Generator) -> None:
        self.recipe, self.count, self.generator = recipe, count, generator
        self.losses: Tensor | None = None  # float32 [count], each image's latest

    def size(self, epoch: int) -> int:
        """Return how many images an epoch goes through; epochs count from 1."""
        return max(1, int(self.count * self.recipe.epoch_fraction(epoch)))

    def batches(self, epoch: int) -> int:
        """Return how many steps an epoch makes."""
        whole, rest = divmod(self.size(epoch), self.recipe.batch_size)
        return whole + (rest > 1 or (rest == 1 and (whole == 0 or not self.recipe.batch_norm)))

    def needs_losses(self, epoch: int) -> bool:
        """Whether the network is to be run over all images before this epoch, as some were not seen yet."""
        hard = self.recipe.hard_examples
        return hard is not None and epoch == hard["warmup_epochs"] + 1 and hard["warmup_fraction"] < 1

    def order(self, epoch: int) -> Tensor:
        """Return the images of an epoch, int64 [size], in random order."""
        size, hard = self.size(epoch), self.recipe.hard_examples
        if hard is None or epoch <= hard["warmup_epochs"] or self.losses is None:
            return torch.randperm(self.count, generator=self.generator)[:size]
        by_loss = self.losses.argsort(descending=True, stable=True)
        hardest, others = by_loss[: size // 2], by_loss[size // 2 :]
        others = others[torch.randperm(len(others), generator=self.generator)[: size - size // 2]]
        return torch.cat([hardest, others])[torch.randperm(size, generator=self.generator)]

    def split(self, order: Tensor) -> Iterator[Tensor]:
        """Cut an order into batches. One image left over is left out of a network with batch norm, which needs two."""
        for batch in order.split(self.recipe.batch_size):
            if len(batch) > 1 or len(order) == 1 or not self.recipe.batch_norm:
                yield batch

    def note(self, order: Tensor, losses: Tensor) -> None:
        """Remember the losses of the images that an epoch went through; `order` may be longer by one left out."""
        if self.recipe.hard_examples is not None:
            if self.losses is None:
                self.losses = torch.full((self.count,), math.inf)  # what was never seen is hard
            self.losses[order[: len(losses)]] = losses.cpu()
