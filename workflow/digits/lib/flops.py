"""What a training costs in floating-point operations: the same number on every machine, unlike seconds."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from digits.lib.networks import Network

SAMPLE = 2  # images


def flops_per_image(network: Network, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the operations for one image: of a training step (forward and backward), and of a prediction.

    Counted are the matrix products and convolutions, a multiplication and an addition as two; the rest (losses, steps,
    batch norms, augmentation) is small beside them and left out. The network stays as it is.
    """
    network.eval()
    images = torch.zeros(SAMPLE, *shape, device=next(network.parameters()).device)
    with FlopCounterMode(display=False) as predicting, torch.no_grad():
        network(images)
    with FlopCounterMode(display=False) as training:
        network(images).sum().backward()
    network.zero_grad()
    return training.get_total_flops() // SAMPLE, predicting.get_total_flops() // SAMPLE
