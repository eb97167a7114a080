"""Convolutional networks, with torch.nn: strided convolutions, a maximum over the places, dense layers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from digits.networks.dense import drop, product
from digits.settings.recipes import Recipe


def output_sizes(
    height: int, width: int, convolutions: Sequence[tuple[int, int, int]], padding: bool
) -> list[tuple[int, int]]:
    """Return the height and width after each convolution; below 1 where an image is too small for it."""
    sizes = []
    for _, side, stride in convolutions:
        border = side // 2 if padding else 0
        height, width = ((size + 2 * border - side) // stride + 1 for size in (height, width))
        sizes.append((height, width))
    return sizes


def too_small(recipe: Recipe, shape: Sequence[int], auto: bool) -> list[str]:
    """Return what of a fitted recipe leaves too few of the pixels of images of a shape, [3,] height, width; each names its key.

    A crop should leave half of them, and a convolution see no fewer than its kernel covers: the rest is padding. `auto` is
    whether the images decided the convolutions.
    """
    height, width = shape[-2:]
    inner = (height - 2 * recipe.crop, width - 2 * recipe.crop)
    found = []
    if 2 * inner[0] * inner[1] < height * width:
        found.append(f"recipe.crop: {recipe.crop} leaves {inner[0]}×{inner[1]} of {height}×{width} pixels; choose 0")
    inputs = [inner, *output_sizes(*inner, recipe.convolutions, recipe.padding)]
    for number, ((_, side, _), size) in enumerate(zip(recipe.convolutions, inputs, strict=False), 1):
        if min(size) < side:
            found.append(
                f"recipe.convolutions: number {number} looks for shapes of {side}×{side} in {size[0]}×{size[1]} pixels"
                + ("" if auto else "; choose auto")
            )
            break
    return found


class Convolutional(nn.Module):
    """Convolutions with ReLU (and batch norm before it), the maximum of each channel, dense layers.

    float32 [batch, height, width] or [batch, colours, height, width] in, one score a class [batch, classes] out. `dense`
    is the number of values after each dense layer, the classes last. Strides, not pooling, make the image smaller: a
    convolution that is not computed costs nothing. The maximum over all places asks of each channel whether its shape
    is anywhere in the image.
    """

    def __init__(
        self,
        convolutions: Sequence[tuple[int, int, int]],
        dense: Sequence[int],
        *,
        colours: int,
        padding: bool,
        batch_norm: bool,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.dropout, self.generator = dropout, generator
        self.convolutions, self.norms, self.dense = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.shapes, self.padding = convolutions, padding
        inputs = colours
        for channels, side, stride in convolutions:
            # Batch norm subtracts the mean, so that a bias before it would be without effect.
            self.convolutions.append(
                nn.Conv2d(inputs, channels, side, stride, side // 2 if padding else 0, bias=not batch_norm)
            )
            if batch_norm:
                norm = nn.BatchNorm2d(channels)
                norm.num_batches_tracked = None  # nothing here needs the count
                self.norms.append(norm)
            inputs = channels
        for outputs in dense:
            self.dense.append(nn.Linear(inputs, outputs))
            inputs = outputs
        self._init_params(generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the faster layout for small images

    @torch.no_grad()
    def _init_params(self, generator: torch.Generator) -> None:
        """Draw the weights as `kaiming_layer` does: normal, standard deviation √(2 / inputs); biases start at 0."""
        for layer in [*self.convolutions, *self.dense]:
            layer.weight.normal_(0, math.sqrt(2 / layer.weight[0].numel()), generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()

    def layers(self) -> list[list[nn.Parameter]]:
        """Return the parameters of each layer, from the input to the output; a batch norm belongs to its convolution."""
        norms = self.norms or [nn.Identity()] * len(self.convolutions)
        return [
            *([*layer.parameters(), *norm.parameters()] for layer, norm in zip(self.convolutions, norms, strict=True)),
            *(list(layer.parameters()) for layer in self.dense),
        ]

    def products(self, height: int, width: int) -> list[int]:
        """Return the multiplications of each layer for one image: one for each weight, at each place of the output."""
        places = [high * wide for high, wide in output_sizes(height, width, self.shapes, self.padding)]
        places += [1] * len(self.dense)
        return [layer[0].numel() * count for layer, count in zip(self.layers(), places, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of a batch of images."""
        x = (x.unsqueeze(1) if x.dim() == 3 else x).contiguous(memory_format=torch.channels_last)
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = self.norms[i](x).relu_() if self.norms else x.relu()
        x = x.amax(dim=(2, 3))
        for i, layer in enumerate(self.dense):
            x = x.relu() if i else x
            x = drop(x, self.dropout if self.training else 0.0, self.generator)
            weight, bias = layer.parameters()
            x = product(x, weight.T) + bias
        return x
