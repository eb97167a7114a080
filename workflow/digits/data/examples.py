"""Images and labels as a network takes them."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from digits.data.tensors import Split

LARGEST_BATCH, BATCH_VALUES = 1000, 2**20  # images, and values of pixels: 4 MiB of float32


class Examples(NamedTuple):
    """Chosen images of a split and their targets. Pixels stay bytes until their batch is taken: floats need four times the memory."""

    images: Tensor  # uint8 [images, height, width] or [images, 3, height, width], chosen or not
    chosen: Tensor  # int64 [N], the place of each among them
    y: Tensor  # bool [N, outputs], one-hot

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return some of the N as the network takes them: images, float32 from 0 to 1, and targets."""
        indices = indices.to(self.y.device)
        return as_floats(self.images.index_select(0, self.chosen[indices])), self.y.index_select(0, indices)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return all in their order, batch by batch, to run through a network that learns nothing from them."""
        return map(self.batch, torch.arange(len(self.y)).split(at_once(self.images.shape[1:])))

    def histogram(self) -> Tensor:
        """Count each value that a pixel may have, int64 [256], in coloured images [3, 256]."""
        colours = self.images.shape[1:-2]  # none, or 3
        counts = torch.zeros(math.prod(colours), 256, dtype=torch.int64)
        for part in self.chosen.split(at_once(self.images.shape[1:])):
            pixels = self.images.index_select(0, part).reshape(len(part), len(counts), -1)
            for colour in range(len(counts)):
                counts[colour] += torch.bincount(pixels[:, colour].flatten(), minlength=256).cpu()
        return counts.reshape(*colours, 256)


def as_floats(images: Tensor) -> Tensor:
    """Scale pixels from bytes to 0 … 1, float32."""
    return images.float().div_(255)


def at_once(shape: Sequence[int]) -> int:
    """Return how many images of a shape to predict at once; only memory and speed depend on it."""
    return max(1, min(LARGEST_BATCH, BATCH_VALUES // math.prod(shape)))


def as_examples(split: Split, indices: Tensor, outputs: Sequence[int], device: torch.device) -> Examples:
    """Choose images by their indices and make one-hot targets, a column for each class in `outputs`."""
    images, labels = torch.from_numpy(split.images), torch.from_numpy(split.labels.astype(np.int64))[indices]
    if device.type != "cpu":  # whose memory holds those chosen alone; here they stay where they are, in the file
        images, indices = images[indices].to(device), torch.arange(len(indices))
    targets = labels[:, None] == torch.tensor(outputs)
    return Examples(images, indices.to(device), targets.to(device))
