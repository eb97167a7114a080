"""Networks side by side, as one: each is trained by itself, and what they say to an image is averaged."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor

from digits.lib.convolutional import Convolutional
from digits.lib.dense import Dense


class Columns(torch.nn.Module):
    """Several networks of one form, each with weights of its own.

    float32 images [columns, batch, height, width] in, scores [columns, batch, classes] out: in training each column looks
    at images of its own, as what they have in common is what an average can't mend. Cireşan, Meier and Schmidhuber 2012,
    https://arxiv.org/abs/1202.2745.
    """

    def __init__(self, columns: Iterable[Dense | Convolutional]) -> None:
        super().__init__()
        self.columns = torch.nn.ModuleList(columns)

    def layers(self) -> list[list[torch.nn.Parameter]]:
        """Return the parameters of each layer, those of all columns, from the input to the output."""
        by_column = [column.layers() for column in self._each()]
        return [[p for layer in layers for p in layer] for layers in zip(*by_column, strict=True)]

    def products(self, height: int, width: int) -> list[int]:
        """Return the multiplications of each layer for one image, in all columns."""
        by_column = [column.products(height, width) for column in self._each()]
        return [sum(counts) for counts in zip(*by_column, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores that each column gives to its batch of images."""
        return torch.stack([column(images) for column, images in zip(self.columns, x, strict=True)])

    def _each(self) -> list[Dense | Convolutional]:
        return cast("list[Dense | Convolutional]", list(self.columns))
