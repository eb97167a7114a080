"""Networks from recipes: what a recipe names is made here, and used for predictions."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from digits.core.command import UserError
from digits.networks.convolutional import Convolutional, output_sizes
from digits.networks.dense import Dense
from digits.settings.recipes import Recipe

PREDICTION_BATCH = 1000  # images; only memory and speed depend on it


class Network(torch.nn.Module):
    """A network with what it does to the pixels: float32 images [batch, height, width], 0 to 1, in; scores out.

    Calling it gives the scores of each image as it is, as in training; `answer` those of the trained network.
    """

    def __init__(self, body: Dense | Convolutional, crop: int, normalised: bool, test_time_shift: int) -> None:
        super().__init__()
        self.body, self.crop, self.normalised, self.test_time_shift = body, crop, normalised, test_time_shift
        self.pixel_mean: Tensor
        self.pixel_std: Tensor
        if normalised:
            self.register_buffer("pixel_mean", torch.zeros(()))
            self.register_buffer("pixel_std", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images."""
        if self.crop:
            x = x[:, self.crop : -self.crop, self.crop : -self.crop]
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

    def measure_pixels(self, x: Tensor) -> None:
        """Take the mean and standard deviation to normalise by from the training images."""
        self.pixel_mean.copy_(x.double().mean())
        self.pixel_std.copy_(x.double().std(correction=0))


def views(far: int) -> list[tuple[int, int]]:
    """Return how far down and to the right each view of an image is moved; the first is the image as it is."""
    return [(0, 0), (-far, 0), (far, 0), (0, -far), (0, far)] if far else [(0, 0)]


def moved(images: Tensor, down: int, right: int) -> Tensor:
    """Move images [batch, height, width] by whole pixels; what leaves an image is lost, zeros come in."""
    return torch.nn.functional.pad(images, (right, -right, down, -down))


def build_network(recipe: Recipe, shape: tuple[int, int], classes: int, generator: torch.Generator) -> Network:
    """Make a recipe's network for images of a size, with initial weights drawn from the generator.

    UserError where the images are too small for it.
    """
    height, width = (side - 2 * recipe.crop for side in shape)
    if min(height, width) < 1:
        raise UserError(f"recipe.crop: {recipe.crop} leaves nothing of images of {shape[0]}×{shape[1]} pixels")
    if recipe.test_time_shift >= min(shape):
        raise UserError(
            f"recipe.test_time_shift: {recipe.test_time_shift} moves all of an image of {shape[0]}×{shape[1]} pixels away; "
            "choose a smaller one"
        )
    for number, size in enumerate(output_sizes(height, width, recipe.convolutions, recipe.padding)):
        if min(size) < 1:
            raise UserError(
                f"recipe.convolutions: images of {shape[0]}×{shape[1]} pixels are too small for layer {number}; "
                "choose fewer layers, smaller kernels or strides, or padding: true"
            )
    body = NETWORKS[recipe.network](recipe, height * width, classes, generator)
    return Network(body, recipe.crop, recipe.pixels == "normalised", recipe.test_time_shift)


@torch.no_grad()
def predict(network: Network, images: np.ndarray) -> Tensor:
    """Return the scores, float32 [N, classes], of uint8 images [N, height, width]."""
    network.eval()
    device = next(network.parameters()).device
    batches = torch.from_numpy(images).split(PREDICTION_BATCH)
    return torch.cat([network.answer(batch.to(device).float().div_(255)) for batch in batches]).cpu()


def widen(logits: Tensor, outputs: Sequence[int], classes: int) -> Tensor:
    """Spread the scores of some classes over columns for all, [N, classes]; a class without an output can't be chosen."""
    wide = logits.new_full((len(logits), classes), -torch.inf)
    wide[:, list(outputs)] = logits
    return wide


def _dense(recipe: Recipe, pixels: int, classes: int, generator: torch.Generator) -> Dense:
    return Dense([pixels, *recipe.hidden, classes], recipe.init, recipe.dropout, generator)


def _convolutional(recipe: Recipe, pixels: int, classes: int, generator: torch.Generator) -> Convolutional:
    return Convolutional(
        recipe.convolutions,
        [*recipe.hidden, classes],
        padding=recipe.padding,
        batch_norm=recipe.batch_norm,
        dropout=recipe.dropout,
        generator=generator,
    )


NETWORKS: dict[str, Callable[[Recipe, int, int, torch.Generator], Dense | Convolutional]] = {
    "dense": _dense,
    "convolutional": _convolutional,
}
