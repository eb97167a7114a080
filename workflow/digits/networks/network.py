"""Networks from recipes: what a recipe names is made here, and used for predictions."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from digits.core.command import UserError
from digits.data.examples import as_floats, at_once
from digits.networks.convolutional import Convolutional, output_sizes
from digits.networks.dense import Dense
from digits.settings.recipes import Recipe


class Network(torch.nn.Module):
    """A network with what it does to the pixels: float32 images, 0 to 1, in; scores out.

    Images are [batch, height, width], coloured ones [batch, 3, height, width]. Calling it gives the scores of each image
    as it is, as in training; `answer` those of the trained network.
    """

    def __init__(
        self, body: Dense | Convolutional, crop: int, normalised: bool, test_time_shift: int, colours: Sequence[int]
    ) -> None:
        super().__init__()
        self.body, self.crop, self.normalised, self.test_time_shift = body, crop, normalised, test_time_shift
        self.pixel_mean: Tensor
        self.pixel_std: Tensor
        if normalised:
            of_each = (*colours, 1, 1) if colours else ()
            self.register_buffer("pixel_mean", torch.zeros(of_each))
            self.register_buffer("pixel_std", torch.ones(of_each))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images."""
        if self.crop:
            x = x[..., self.crop : -self.crop, self.crop : -self.crop]
        if self.normalised:
            x = x.sub(self.pixel_mean).div_(self.pixel_std)
        scores: Tensor = self.body(x)
        return scores

    def answer(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images, averaged over five views of each with a `test_time_shift`.

        The views are the original and four shifts by that many pixels. Simonyan and Zisserman
        2015, https://arxiv.org/abs/1409.1556, section 3.2, do the same with views of their own.
        """
        if not self.test_time_shift:
            scores: Tensor = self(x)
            return scores
        return torch.stack([self(moved(x, *step)) for step in views(self.test_time_shift)]).mean(dim=0)

    def measure_pixels(self, histogram: Tensor) -> None:
        """Take the mean and standard deviation to normalise by, of each colour, from `Examples.histogram` of the training images.

        A colour that never varies is not divided.
        """
        values, shape = as_floats(torch.arange(256)).double(), self.pixel_mean.shape
        shares = histogram / histogram.sum(dim=-1, keepdim=True, dtype=torch.float64)
        mean = (shares * values).sum(dim=-1, keepdim=True)
        std = (shares * (values - mean) ** 2).sum(dim=-1).sqrt()
        self.pixel_mean.copy_(mean.reshape(shape))
        self.pixel_std.copy_(std.where(std > 0, 1).reshape(shape))


def views(far: int) -> list[tuple[int, int]]:
    """Return how far down and to the right each view of an image is moved; the first is the image as it is."""
    return [(0, 0), (-far, 0), (far, 0), (0, -far), (0, far)] if far else [(0, 0)]


def moved(images: Tensor, down: int, right: int) -> Tensor:
    """Move images [batch, …, height, width] by whole pixels; what leaves an image is lost, zeros come in."""
    return torch.nn.functional.pad(images, (right, -right, down, -down))


def build_network(recipe: Recipe, shape: Sequence[int], classes: int, generator: torch.Generator) -> Network:
    """Make a recipe's network for images of a shape, with initial weights drawn from the generator.

    The shape is (height, width), of coloured images (3, height, width). UserError where the images are too small for it.
    """
    *colours, high, wide = shape
    height, width = (side - 2 * recipe.crop for side in (high, wide))
    if min(height, width) < 1:
        raise UserError(f"recipe.crop: {recipe.crop} leaves nothing of images of {high}×{wide} pixels")
    if recipe.test_time_shift >= min(high, wide):
        raise UserError(
            f"recipe.test_time_shift: {recipe.test_time_shift} moves all of an image of {high}×{wide} pixels away; "
            "choose a smaller one"
        )
    for number, size in enumerate(output_sizes(height, width, recipe.convolutions, recipe.padding)):
        if min(size) < 1:
            raise UserError(
                f"recipe.convolutions: images of {high}×{wide} pixels are too small for layer {number}; "
                "choose fewer layers, smaller kernels or strides, or padding: true"
            )
    body = NETWORKS[recipe.network](recipe, (math.prod(colours), height, width), classes, generator)
    return Network(body, recipe.crop, recipe.pixels == "normalised", recipe.test_time_shift, colours)


@torch.no_grad()
def predict(network: Network, images: np.ndarray, chosen: Tensor | None = None) -> Tensor:
    """Return the scores, float32 [N, classes], of uint8 images, [N, height, width] or [N, 3, height, width].

    `chosen` are the indices of those meant, if not all are.
    """
    network.eval()
    device = next(network.parameters()).device
    pixels = torch.from_numpy(images)
    chosen = torch.arange(len(images)) if chosen is None else chosen
    batches = chosen.split(at_once(images.shape[1:]))
    return joined((network.answer(as_floats(pixels[batch].to(device))) for batch in batches), len(chosen))


def joined(parts: Iterable[Tensor], count: int) -> Tensor:
    """Return results of batch after batch as one tensor on the CPU, [count, …].

    torch.cat would need them all: kept as they come, between the large tensors that come and go, they take the heap to
    pieces, which so grew by a gigabyte for 100,000 images.
    """
    whole, done = torch.empty(0), 0
    for part in parts:
        whole = whole if done else part.new_empty((count, *part.shape[1:]), device="cpu")
        whole[done : done + len(part)] = part
        done += len(part)
    return whole


def widen(logits: Tensor, outputs: Sequence[int], classes: int) -> Tensor:
    """Spread the scores of some classes over columns for all, [N, classes]; a class without an output can't be chosen."""
    wide = logits.new_full((len(logits), classes), -torch.inf)
    wide[:, list(outputs)] = logits
    return wide


def _dense(recipe: Recipe, shape: tuple[int, int, int], classes: int, generator: torch.Generator) -> Dense:
    return Dense([math.prod(shape), *recipe.hidden, classes], recipe.init, recipe.dropout, generator)


def _convolutional(
    recipe: Recipe, shape: tuple[int, int, int], classes: int, generator: torch.Generator
) -> Convolutional:
    return Convolutional(
        recipe.convolutions,
        [*recipe.hidden, classes],
        colours=shape[0],
        padding=recipe.padding,
        batch_norm=recipe.batch_norm,
        dropout=recipe.dropout,
        generator=generator,
    )


# By a recipe's name for it, from the shape (colours, height, width) that is left of an image.
NETWORKS: dict[str, Callable[[Recipe, tuple[int, int, int], int, torch.Generator], Dense | Convolutional]] = {
    "dense": _dense,
    "convolutional": _convolutional,
}
