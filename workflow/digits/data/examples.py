"""Images and labels as a network takes them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from digits.data.tensors import Split


class Examples(NamedTuple):
    """Images and targets as the network takes them."""

    x: Tensor  # float32 [N, height, width], 0 to 1
    y: Tensor  # bool [N, outputs], one-hot

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return the chosen images and targets."""
        indices = indices.to(self.x.device)
        return self.x.index_select(0, indices), self.y.index_select(0, indices)


def as_examples(split: Split, indices: Tensor, outputs: Sequence[int], device: torch.device) -> Examples:
    """Scale the chosen images to 0 … 1 and make one-hot targets, a column for each class in `outputs`."""
    images = torch.from_numpy(split.images)[indices].float().div_(255)
    labels = torch.from_numpy(split.labels)[indices]
    targets = labels[:, None] == torch.tensor(outputs, dtype=labels.dtype)
    return Examples(images.to(device), targets.to(device))
