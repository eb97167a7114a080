"""Random generators, seeded by names."""

import hashlib

import torch


def generator_for(*names: object) -> torch.Generator:
    """Return a generator seeded by names such as (model, seed): the same numbers everywhere, others for each name."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
