"""What a network said of its held-out images tells of its answers to others: how sure they are, and which to doubt."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.special

from digits.networks.ensembles import mean_logits
from digits.statistics.metrics import fit_temperature
from digits.statistics.predictions import load_validation

FARTHEST = 99  # percent of the held-out images are nearer to another one
FEWEST = 100  # of which that can be said
CHUNK = 256  # images; only memory depends on it


class HeldOut(NamedTuple):
    """The held-out images of a run."""

    scores: np.ndarray  # float64 [N, classes], log probabilities; none where they are not there
    temperature: float | None  # None without images, or without a misclassified one
    farthest: float | None  # an image farther than this from all of them is unlike them; None where they are few


def read_held_out(path: Path | None, classes: int) -> HeldOut:
    """Read the scores that `train` or `combine` wrote, if there are any; UserError, naming the file, if it is something else."""
    if path is None or not path.exists():
        return HeldOut(np.empty((0, classes)), None, None)
    logits, labels = load_validation(path, classes)
    scores, farthest = mean_logits([logits]), None
    if len(labels) >= FEWEST:
        farthest = float(np.percentile(nearest(scores, scores, themselves=True), FARTHEST))
    return HeldOut(scores, fit_temperature(logits, labels), farthest)


def calibrated(scores: np.ndarray, held_out: HeldOut) -> np.ndarray:
    """Return the probabilities that log probabilities, float64 [N, classes], stand for, calibrated where that is possible."""
    shares: np.ndarray = scipy.special.softmax(scores / (held_out.temperature or 1), axis=1)
    return shares


def calibration(held_out: HeldOut) -> str:
    """Say whether probabilities are calibrated."""
    if held_out.temperature is not None:
        return f"Probabilities are calibrated on {len(held_out.scores):,} held-out images."
    reason = "no held-out image was misclassified" if len(held_out.scores) else "no scores of held-out images are there"
    return f"Probabilities are not calibrated: {reason}."


def unlike(scores: np.ndarray, held_out: HeldOut) -> np.ndarray:
    """Return of which images, by their log probabilities [N, classes], the network has seen no like, bool [N]."""
    if held_out.farthest is None:
        return np.zeros(len(scores), dtype=bool)
    found: np.ndarray = nearest(scores, held_out.scores) > held_out.farthest
    return found


def unlikeness(held_out: HeldOut) -> str:
    """Say whether images that are unlike the training images are marked."""
    if held_out.farthest is None:
        return f"Images unlike the training images are not marked: that needs scores of {FEWEST} held-out images."
    return (
        f"An image is marked as unlike the training images if its scores are farther from those of every held-out image than "
        f"{FARTHEST} % of the held-out images are from their nearest neighbour."
    )


def nearest(scores: np.ndarray, others: np.ndarray, *, themselves: bool = False) -> np.ndarray:
    """Return how far each row of scores, [N, classes], is from the nearest of the others, [M, classes].

    With `themselves` both are the same, and no row is its own neighbour. An image's distance from those that the network
    knows: Sun et al. 2022, https://arxiv.org/abs/2204.06507, there from the last features.
    """
    known = np.isfinite(others).all(axis=0)  # a class without an output has no score
    scores, others = scores[:, known], others[:, known]
    squares, found = (others**2).sum(axis=1), np.empty(len(scores))
    for start in range(0, len(scores), CHUNK):
        rows = scores[start : start + CHUNK]
        distances = (rows**2).sum(axis=1)[:, None] + squares - 2 * rows @ others.T
        if themselves:
            distances[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        found[start : start + CHUNK] = np.sqrt(np.maximum(distances.min(axis=1), 0))
    return found
