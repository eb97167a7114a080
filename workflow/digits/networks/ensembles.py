"""Ensembles: independently trained networks whose probabilities are averaged.

Cireşan, Meier and Schmidhuber 2012, https://arxiv.org/abs/1202.2745.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import scipy.special

T = TypeVar("T")  # arrays of NumPy or of torch


def mean_logits(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the logarithm of the members' mean probability, float64 [N, classes], from the logits of each, [N, classes].

    Its softmax is the mean of the members' softmaxes.
    """
    logs = [scipy.special.log_softmax(logits.astype(np.float64), axis=1) for logits in members]
    mean: np.ndarray = scipy.special.logsumexp(logs, axis=0) - np.log(len(logs))
    return mean


def join_members(members: Sequence[Mapping[str, T]]) -> dict[str, T]:
    """Return the members' tensors in one mapping, as a weights file holds them: `members.0.w1`, …"""
    return {f"members.{number}.{name}": t for number, member in enumerate(members) for name, t in member.items()}


def split_members(tensors: Mapping[str, T], members: int) -> list[dict[str, T]]:
    """Return the tensors of each member by the names that they have in a single network."""
    if members == 1:
        return [dict(tensors)]
    prefixes = [f"members.{number}." for number in range(members)]
    return [{n.removeprefix(p): t for n, t in tensors.items() if n.startswith(p)} for p in prefixes]
