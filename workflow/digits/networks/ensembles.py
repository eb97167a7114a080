"""Ensembles: independently trained networks whose probabilities are averaged.

Cireşan, Meier and Schmidhuber 2012, https://arxiv.org/abs/1202.2745.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")  # arrays of NumPy or of torch


def mean_logits(members: Sequence[np.ndarray]) -> np.ndarray:
    """Return the logarithm of the members' mean probability, float64 [N, classes], from the logits of each, [N, classes].

    Its softmax is the mean of the members' softmaxes.
    """
    scores = [logits.astype(np.float64) for logits in members]
    # In logarithms, so that no probability is too small; from the largest down, so that large scores cost no digits.
    shifted = [logits - logits.max(axis=1, keepdims=True) for logits in scores]
    logs = np.array([logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) for logits in shifted])
    highest = np.maximum(logs.max(axis=0), np.finfo(np.float64).min)  # finite for a class without an output, too
    with np.errstate(divide="ignore"):
        mean: np.ndarray = highest + np.log(np.exp(logs - highest).sum(axis=0)) - np.log(len(logs))
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
