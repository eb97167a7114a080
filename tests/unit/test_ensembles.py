"""Ensembles: the mean of probabilities, from scores of any size, and members' tensors in one file and back."""

import numpy as np
import scipy.special
from digits.networks.ensembles import join_members, mean_logits, split_members


def test_the_mean_of_the_softmaxes() -> None:
    members = [np.random.default_rng(seed).normal(size=(20, 4), scale=3).astype(np.float32) for seed in range(3)]
    members[0][:, 1] = members[1][:, 1] = members[2][:, 1] = -np.inf  # a class without an output
    expected = sum(scipy.special.softmax(scores.astype(float), axis=1) for scores in members) / 3
    np.testing.assert_allclose(np.exp(mean_logits(members)), expected, rtol=1e-12)


def test_scores_too_far_apart_for_a_probability() -> None:
    found = mean_logits([np.array([[0.0, 2000.0]]), np.array([[0.0, 1000.0]])])
    np.testing.assert_allclose(found, [[-1000 - np.log(2), 0]])


def test_one_member_is_the_network_itself() -> None:
    tensors = {"w1": 1, "members": 2}
    assert split_members(tensors, 1) == [tensors]
    joined = join_members([{"w1": n, "norms.0.bias": -n} for n in range(12)])
    assert split_members(joined, 12) == [{"w1": n, "norms.0.bias": -n} for n in range(12)]
