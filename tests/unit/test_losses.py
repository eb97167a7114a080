"""The losses against torch.nn.functional: one value an image."""

from typing import Any

import numpy as np
import pytest
import sklearn.utils.class_weight
import torch
from digits.training.losses import LOSSES, balanced_mnist_loss, batch_accuracy, class_weights, cross_entropy, mnist_loss
from small import examples, recipe, torch_losses

SIGMOIDS = [{"loss": "mnist_loss"}, {"loss": "balanced_mnist_loss"}]


@pytest.mark.parametrize("changes", [*SIGMOIDS, *({"label_smoothing": part} for part in (0.0, 0.1, 0.5))])
def test_losses_are_torchs_for_each_image(changes: dict[str, Any]) -> None:
    settings, y = recipe(**changes), examples().y
    predictions = torch.randn(40, 5) * (1 if settings.loss.endswith("mnist_loss") else 30)
    losses = LOSSES[settings.loss](predictions, y, settings.label_smoothing)
    assert losses.shape == (40,)
    torch.testing.assert_close(losses, torch_losses(predictions, y, settings))


def test_no_to_everything_is_cheap_unless_yes_counts_as_much() -> None:
    no, target = torch.full((1, 10), -1e4), torch.arange(10)[None] == 3
    assert mnist_loss(no, target).tolist() == pytest.approx([0.1])
    assert mnist_loss(-no, target).tolist() == pytest.approx([0.9])
    assert balanced_mnist_loss(no, target).tolist() == balanced_mnist_loss(-no, target).tolist() == pytest.approx([0.9])


def test_losses_are_finite_for_large_scores() -> None:
    predictions, target = torch.tensor([[1e4, -1e4]]), torch.tensor([[False, True]])
    assert cross_entropy(predictions, target).tolist() == pytest.approx([2e4])
    assert cross_entropy(predictions, target, 0.1).tolist() == pytest.approx([1.9e4])  # 0.9 · 2e4 + 0.1 · (0 + 2e4) / 2
    assert mnist_loss(predictions, target).tolist() == [1.0]


def test_batch_accuracy_counts_rows() -> None:
    scores = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 4.0]])
    assert batch_accuracy(scores, torch.tensor([[0, 1], [1, 0], [1, 0], [0, 1]]).bool()).item() == 0.5


def test_balanced_weights_are_scikit_learns() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(torch.from_numpy(np.eye(3)[labels]).bool())
    theirs = sklearn.utils.class_weight.compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(weights.numpy(), theirs, rtol=1e-6)
    assert weights[labels].mean().item() == pytest.approx(1)
    assert class_weights(torch.tensor([[True, False]])).isfinite().all(), "of a class without images too"
