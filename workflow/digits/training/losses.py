"""Losses, one value per image, and the accuracy of a batch."""

from collections.abc import Callable

import torch
from torch import Tensor


def mnist_loss(predictions: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """The tutorial's loss: how far each sigmoid of a score is from its 0 or 1, averaged over the classes. [batch].

    `predictions` is float32 [batch, classes], `targets` one-hot, bool, of the same shape; it has no use for smoothing.
    """
    predictions = predictions.sigmoid()
    return torch.where(targets, 1 - predictions, predictions).mean(dim=1)


def balanced_mnist_loss(predictions: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """The tutorial's loss with the one "yes" counted as often as there are other classes: nine times for ten. [batch].

    Answering "no" to every class then costs as much as "yes" to every class. Shapes as in mnist_loss.
    """
    predictions = predictions.sigmoid()
    return torch.where(targets, (1 - predictions) * (targets.shape[1] - 1), predictions).mean(dim=1)


def cross_entropy(predictions: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """The negative logarithm of the probability (softmax) given to the right class. Shapes as in mnist_loss.

    With smoothing, that fraction of the target probability is spread evenly over all classes, so that no score has to grow without
    end: Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7.
    """
    log_probabilities = predictions.log_softmax(dim=1)
    loss = -torch.where(targets, log_probabilities, 0).sum(dim=1)
    return loss if not smoothing else loss.mul(1 - smoothing) - log_probabilities.mean(dim=1) * smoothing


def class_weights(targets: Tensor) -> Tensor:
    """Return each class's weight, N / (classes × its images), float32 [classes], from one-hot targets, bool [N, classes].

    So each class weighs as much as any other, and an image 1 on average; a class without images gets the weight of one.
    King and Zeng 2001, Logistic regression in rare events data.
    """
    count, classes = targets.shape
    return count / (classes * targets.sum(dim=0).clamp(min=1).float())


def correct(predictions: Tensor, targets: Tensor) -> Tensor:
    """Whether each row's highest score is at the one-hot target's place, bool [batch]."""
    return predictions.argmax(dim=1) == targets.int().argmax(dim=1)


def batch_accuracy(predictions: Tensor, targets: Tensor) -> Tensor:
    """The fraction of rows that are correct, a scalar float32."""
    return correct(predictions, targets).float().mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "mnist_loss": mnist_loss,
    "balanced_mnist_loss": balanced_mnist_loss,
    "cross_entropy": cross_entropy,
}
