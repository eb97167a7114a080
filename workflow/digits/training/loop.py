"""The training loop: batches, gradients, steps, and what is done after each epoch.

The functions are the tutorial's (`calc_grad`, `train_epoch`, `validate_epoch`) and do what it explains.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from digits.core.command import UserError
from digits.data.examples import Examples
from digits.networks.network import Network, joined
from digits.networks.weights import learned, restore
from digits.settings.recipes import Recipe
from digits.training.augmentation import augment
from digits.training.losses import LOSSES, batch_accuracy, class_weights, correct
from digits.training.optimisers import make_optimiser, set_rate
from digits.training.sampling import Sampler
from digits.training.schedules import SCHEDULES

NORM_BATCHES, NORM_BATCH = 20, 500  # of training images, for the batch norms of averaged weights
SATURATED = math.log(99)  # of a score's size: its sigmoid is below 0.01 or above 0.99


class Epoch(NamedTuple):
    """A row of the history. Validation values are None where no images were held out, others where there is nothing to measure."""

    epoch: int
    learning_rate: float  # of the last step
    train_loss: float  # mean over the epoch's images, each before its own step
    train_accuracy: float  # likewise
    validation_loss: float | None
    validation_accuracy: float | None
    saturated: float  # fraction of the first batch's scores whose sigmoid is within 0.01 of 0 or 1
    gradients: tuple[
        float | None, ...
    ]  # of each layer in the first batch: norm of the weights' gradient / norm of the weights
    recalls: tuple[
        float | None, ...
    ]  # of each output: fraction of its class's images classified correctly, as train_accuracy

    @classmethod
    def columns(cls, layers: int, classes: Sequence[str]) -> list[str]:
        """Return the names of a row's values, for a network of so many layers with an output for each of the classes."""
        of_layers = [f"gradient_{layer}" for layer in range(1, layers + 1)]
        return [*cls._fields[:-2], *of_layers, *(f"recall_{name}" for name in classes)]

    def row(self) -> list[Any]:
        """Return the values in the order of the columns."""
        return [*self[:-2], *self.gradients, *self.recalls]


class DivergenceError(UserError):
    """The loss or a weight stopped being a number."""


def calc_grad(
    xb: Tensor, yb: Tensor, network: Network, recipe: Recipe, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Predict, compare, and put the gradient of the mean loss into each parameter's `grad`.

    `weights`, [outputs], are those of the classes in that mean. Returns the predictions, scores [batch, outputs], and the
    losses, [batch], each as it is.
    """
    predictions = network(xb)
    losses = LOSSES[recipe.loss](predictions, yb, recipe.label_smoothing)
    (losses if weights is None else losses * weights[yb.int().argmax(dim=1)]).mean().backward()
    return predictions.detach(), losses.detach()


class Training:
    """A training in progress: the network, what moves its weights, and how far it is."""

    def __init__(self, train: Examples, network: Network, recipe: Recipe, generator: torch.Generator) -> None:
        self.train, self.network, self.recipe, self.generator = train, network, recipe, generator
        self.weights = class_weights(train.y) if recipe.class_weights == "balanced" else None
        self.sampler = Sampler(recipe, len(train.y), generator)
        self.optimiser = make_optimiser(
            recipe.optimiser, network.body.layers(), recipe.layer_lr_multipliers, recipe.learning_rate, recipe.momentum
        )
        self.steps = sum(self.sampler.batches(epoch) for epoch in range(1, recipe.epochs + 1))
        self.schedule = SCHEDULES[recipe.schedule](self.steps, recipe.warmup_fraction, recipe.patience)
        self.step, self.rate = 0, recipe.learning_rate
        self.seen = 0  # images trained on, those of each epoch
        self.scored = 0  # images that were run through the network only to find the hard ones
        self.right = self.images = torch.empty(
            0
        )  # of each output in the last epoch: images right before their own step, and all
        self.saturated, self.gradients = 0.0, tuple[float | None, ...]()  # in the first batch of the last epoch
        self.averaged = 0
        self.average: list[Tensor] = []

    def train_epoch(self, epoch: int) -> Tensor:
        """Go once through the epoch's images in a new order, a gradient step a batch. Returns each image's loss."""
        if self.sampler.needs_losses(epoch):
            self.sampler.losses = self._all_losses()
            self.scored += len(self.train.y)
        set_mode(self.network, self.recipe)
        order = self.sampler.order(epoch)
        losses: list[Tensor] = []
        right = torch.zeros_like(self.train.y[0], dtype=torch.int64)
        for batch in self.sampler.split(order):
            xb, yb = self.train.batch(batch)
            if self.recipe.augmentation:
                xb = augment(xb, self.recipe.augmentation, self.generator)
            self.rate = self.recipe.learning_rate * self.schedule.factor(self.step)
            set_rate(self.optimiser, self.rate)
            predictions, loss = calc_grad(xb, yb, self.network, self.recipe, self.weights)
            if not losses:
                self.saturated = (predictions.abs() > SATURATED).double().mean().item()
                self.gradients = relative_gradients(self.network)
            losses.append(loss)
            right += (yb & correct(predictions, yb)[:, None]).sum(dim=0)
            self.optimiser.step()
            self.step += 1
            self.seen += len(batch)
            self._average_weights()
        joined = torch.cat(losses)
        self.right, self.images = right.cpu(), self.train.y[order[: len(joined)]].sum(dim=0).cpu()
        self.sampler.note(order, joined)
        return joined

    @torch.no_grad()
    def _all_losses(self) -> Tensor:
        self.network.eval()
        loss, batches = LOSSES[self.recipe.loss], self.train.batches()
        return joined(
            (loss(self.network(xb), yb, self.recipe.label_smoothing) for xb, yb in batches), len(self.train.y)
        )

    @torch.no_grad()
    def _average_weights(self) -> None:
        """Keep the mean of the weights over the last steps."""
        if self.steps - self.step >= self.recipe.weight_averaging * self.steps:
            return
        self.averaged += 1
        weights: list[Tensor] = list(self.network.parameters())
        if self.average:
            torch._foreach_lerp_(self.average, weights, 1 / self.averaged)
        else:
            self.average = [weight.detach().clone() for weight in weights]

    @torch.no_grad()
    def use_average(self) -> None:
        """Put the averaged weights into the network, and recompute the statistics of its batch norms.

        Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.
        """
        if not self.average:
            return
        for weight, average in zip(self.network.parameters(), self.average, strict=True):
            weight.copy_(average)
        norms = [module for module in self.network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        if not norms or self.recipe.features_of is not None:  # features that are reused stay as they are
            return
        self.network.train()
        size = min(NORM_BATCH, len(self.train.y))
        for number in range(1, NORM_BATCHES + 1):
            for norm in norms:
                norm.momentum = 1 / number  # the plain mean over the batches
            batch = torch.randint(len(self.train.y), (size,), generator=self.generator)
            self.network(self.train.batch(batch)[0])


def relative_gradients(network: Network) -> tuple[float | None, ...]:
    """Return the norm of the gradient of each layer's weights over the norm of these; None where a layer is not trained."""
    weights = [layer[0] for layer in network.body.layers()]
    return tuple(None if w.grad is None else (w.grad.norm() / w.detach().norm()).item() for w in weights)


def set_mode(network: Network, recipe: Recipe) -> None:
    """Set the network to training; features that are reused stay as they are, their batch norms too."""
    network.train()
    if recipe.features_of is not None:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()


@torch.no_grad()
def validate_epoch(examples: Examples, network: Network, recipe: Recipe) -> tuple[float, float]:
    """Return mean loss and accuracy over all given images."""
    network.eval()
    loss, correct = 0.0, 0
    for xb, yb in examples.batches():
        predictions = network(xb)
        loss += LOSSES[recipe.loss](predictions, yb, recipe.label_smoothing).sum().item()
        correct += round(batch_accuracy(predictions, yb).item() * len(xb))
    return loss / len(examples.y), correct / len(examples.y)


def fit(training: Training, validation: Examples) -> Iterator[Epoch]:
    """Train the network in place, epoch by epoch; DivergenceError where the loss stops being a number.

    At its end the network has the final weights: those of the last step, of the lowest validation loss (early stopping),
    or averaged.
    """
    recipe, network = training.recipe, training.network
    lowest, waited, best = float("inf"), 0, learned(network)
    for number in range(1, recipe.epochs + 1):
        losses = training.train_epoch(number)
        _check_finite(losses, training, number)
        loss, accuracy = validate_epoch(validation, network, recipe) if len(validation.y) else (None, None)
        training.schedule.after_epoch(loss)
        right, images = training.right.tolist(), training.images.tolist()
        yield Epoch(
            epoch=number,
            learning_rate=training.rate,
            train_loss=losses.double().mean().item(),
            train_accuracy=sum(right) / sum(images),
            validation_loss=loss,
            validation_accuracy=accuracy,
            saturated=training.saturated,
            gradients=training.gradients,
            recalls=tuple(n / count if count else None for n, count in zip(right, images, strict=True)),
        )
        if recipe.early_stopping and loss is not None:
            waited += 1
            if loss < lowest:
                lowest, waited, best = loss, 0, learned(network)
            if waited == recipe.early_stopping:
                break
    if lowest < float("inf"):
        restore(network, best, "early stopping")
    training.use_average()


def _check_finite(losses: Tensor, training: Training, epoch: int) -> None:
    """DivergenceError, naming the batch, where a loss or a weight is no number."""
    bad = (~losses.isfinite()).nonzero().flatten().tolist()
    learned_so_far = [*training.network.parameters(), *training.network.buffers()]  # a batch norm's statistics, too
    if not bad and all(bool(tensor.isfinite().all()) for tensor in learned_so_far):
        return
    what = f"the loss became {losses[bad[0]].item()}" if bad else "a weight became infinite"
    batches, batch_size = training.sampler.batches(epoch), training.recipe.batch_size
    batch = bad[0] // batch_size + 1 if bad else batches
    raise DivergenceError(
        f"{what} at epoch {epoch}, batch {batch} (step {training.step - batches + batch}); "
        f"choose a recipe.learning_rate below {training.recipe.learning_rate:g}"
    )
