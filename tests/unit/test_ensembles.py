"""Ensembles: the mean of probabilities, and the members' tensors in one file."""

import numpy as np
import pytest
from digits.networks.ensembles import join_members, mean_logits, split_members
from scipy.special import softmax


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_answer_is_the_logarithm_of_the_mean_probability(count: int) -> None:
    members = np.random.default_rng(0).normal(scale=20, size=(count, 50, 6)).astype(np.float32)
    members[:, :, 4] = -np.inf  # a class without an output
    members[:, 0, 0] = 1e4  # a score whose exponential is infinite
    expected = sum(softmax(logits.astype(float), axis=1) for logits in members) / count
    found = mean_logits(list(members))
    assert found.dtype == np.float64 and (found[:, 4] == -np.inf).all()
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(softmax(found, axis=1), expected, rtol=1e-12, atol=1e-300)


def test_members_are_split_as_they_were_joined() -> None:
    members = [{"w1": np.array([number]), "dense.0.bias": np.array([-number])} for number in range(12)]
    joined = join_members(members)
    assert len(joined) == 24 and joined["members.11.w1"].item() == 11
    assert split_members(joined, 12) == members  # 1 is not taken for the beginning of 10 and 11
    assert split_members(members[3], 1) == [members[3]], "a network by itself has its own names"


def test_large_scores_cost_no_digits_so_that_no_answer_changes() -> None:
    """Networks that start from large weights are sure of everything: their mean is decided in the last digits."""
    members = [np.random.default_rng(seed).normal(size=(2000, 10), scale=500).astype(np.float32) for seed in range(3)]
    expected = np.mean([softmax(scores.astype(float), axis=1) for scores in members], axis=0)
    found = mean_logits(members)
    np.testing.assert_allclose(np.exp(found), expected, rtol=0, atol=3e-16)
    assert np.isfinite(found).all()
