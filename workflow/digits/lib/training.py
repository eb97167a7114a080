"""The training loop: batches, gradients, steps, and what is done after each epoch.

The functions are the tutorial's (`calc_grad`, `train_epoch`, `validate_epoch`) and do what it explains.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from digits.lib.augmentation import augment
from digits.lib.command import UserError
from digits.lib.examples import Examples
from digits.lib.losses import LOSSES, batch_accuracy
from digits.lib.networks import Network
from digits.lib.optimisers import make_optimiser, set_rate
from digits.lib.recipes import Recipe
from digits.lib.sampling import Sampler
from digits.lib.schedules import SCHEDULES
from digits.lib.weights import named

VALIDATION_BATCH = 1000  # images; only memory and speed depend on it
NORM_BATCHES, NORM_BATCH = 20, 500  # of training images, for the batch norms of averaged weights


class Epoch(NamedTuple):
    """A line of the history. Validation values are None where no images were held out."""

    epoch: int
    learning_rate: float  # of the last step
    train_loss: float  # mean over the epoch's images, each before its own step
    train_accuracy: float  # likewise
    validation_loss: float | None
    validation_accuracy: float | None


class DivergenceError(UserError):
    """The loss or a weight stopped being a number."""


def calc_grad(xb: Tensor, yb: Tensor, network: Network, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Predict, compare, and put the gradient of the mean loss into each parameter's `grad`.

    Images and targets are those of each column, [columns, batch, …], and a column's parameters follow its own loss.
    Returns the losses, [columns, batch], and the share of right predictions, a scalar.
    """
    predictions = network.column_scores(xb)
    losses = LOSSES[recipe.loss](predictions, yb, recipe.label_smoothing)
    losses.mean(dim=1).sum().backward()
    return losses.detach(), batch_accuracy(predictions.detach(), yb)


class Training:
    """A training in progress: the network, what moves its weights, and how far it is."""

    def __init__(self, train: Examples, network: Network, recipe: Recipe, generator: torch.Generator) -> None:
        self.train, self.network, self.recipe, self.generator = train, network, recipe, generator
        self.samplers = [Sampler(recipe, len(train.x), generator) for _ in range(recipe.columns)]
        self.optimiser = make_optimiser(
            recipe.optimiser, network.body.layers(), recipe.layer_rates, recipe.learning_rate, recipe.momentum
        )
        self.steps = sum(self.samplers[0].batches(epoch) for epoch in range(1, recipe.epochs + 1))
        self.schedule = SCHEDULES[recipe.schedule](self.steps, recipe.warm_up, recipe.patience)
        self.step, self.rate = 0, recipe.learning_rate
        self.seen = 0  # images that each column was trained on, those of each epoch
        self.scored = 0  # images that were run through the network only to find the hard ones
        self.accuracy = 0.0  # on the images of the last epoch, each before its own step
        self.averaged = 0
        self.average: list[Tensor] = []

    def train_epoch(self, epoch: int) -> Tensor:
        """Go once through the epoch's images in a new order, a gradient step a batch.

        Returns each image's loss, [size]; with several columns, each of which has its own order, the means over them.
        """
        if self.samplers[0].needs_losses(epoch):
            for sampler, of_column in zip(self.samplers, self._all_losses(), strict=True):
                sampler.losses = of_column
            self.scored += len(self.train.x)
        set_mode(self.network, self.recipe)
        orders = [sampler.order(epoch) for sampler in self.samplers]
        losses, right = [], []
        for batches in zip(*map(Sampler.split, self.samplers, orders), strict=True):
            batch = torch.stack(batches)
            xb, yb = self.train.batch(batch)
            if self.recipe.augmentation:
                xb = augment(xb.flatten(0, 1), self.recipe.augmentation, self.generator).unflatten(0, batch.shape)
            self.rate = self.recipe.learning_rate * self.schedule.factor(self.step)
            set_rate(self.optimiser, self.rate)
            loss, accuracy = calc_grad(xb, yb, self.network, self.recipe)
            losses.append(loss)
            right.append(accuracy * batch.shape[1])
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.step += 1
            self.seen += batch.shape[1]
            self._average_weights()
        joined = torch.cat(losses, dim=1)
        self.accuracy = round(torch.stack(right).double().sum().item() * len(joined)) / joined.numel()
        for sampler, order, of_column in zip(self.samplers, orders, joined, strict=True):
            sampler.note(order, of_column)
        return joined.mean(dim=0)

    @torch.no_grad()
    def _all_losses(self) -> Tensor:
        """Return the loss of every image in each column, [columns, N]."""
        self.network.eval()
        every = torch.arange(len(self.train.x)).expand(self.recipe.columns, -1)
        parts = map(self.train.batch, every.split(VALIDATION_BATCH, dim=1))
        loss, smoothing = LOSSES[self.recipe.loss], self.recipe.label_smoothing
        return torch.cat([loss(self.network.column_scores(xb), yb, smoothing) for xb, yb in parts], dim=1).cpu()

    @torch.no_grad()
    def _average_weights(self) -> None:
        """Keep the mean of the weights over the last steps."""
        if self.steps - self.step >= self.recipe.average * self.steps:
            return
        self.averaged += 1
        weights: list[Tensor] = list(self.network.parameters())
        if self.average:
            torch._foreach_lerp_(self.average, weights, 1 / self.averaged)
        else:
            self.average = [weight.detach().clone() for weight in weights]

    @torch.no_grad()
    def use_average(self) -> None:
        """Put the averaged weights into the network, and measure anew what its batch norms subtract and divide by.

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
        size = min(NORM_BATCH, len(self.train.x))
        for number in range(1, NORM_BATCHES + 1):
            for norm in norms:
                norm.momentum = 1 / number  # the plain mean over the batches
            batch = torch.randint(len(self.train.x), (size,), generator=self.generator)
            self.network(self.train.batch(batch)[0])


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
    for xb, yb in zip(examples.x.split(VALIDATION_BATCH), examples.y.split(VALIDATION_BATCH), strict=True):
        predictions = network(xb)
        loss += LOSSES[recipe.loss](predictions, yb, recipe.label_smoothing).sum().item()
        correct += round(batch_accuracy(predictions, yb).item() * len(xb))
    return loss / len(examples.x), correct / len(examples.x)


def fit(training: Training, validation: Examples) -> Iterator[Epoch]:
    """Train the network in place, epoch by epoch; DivergenceError where the loss stops being a number.

    At its end the network has the final weights: those of the last step, of the lowest validation loss (early stopping),
    or averaged.
    """
    recipe, network = training.recipe, training.network
    lowest, waited, best = float("inf"), 0, named(network)
    for number in range(1, recipe.epochs + 1):
        losses = training.train_epoch(number)
        _check_finite(losses, training, number)
        loss, accuracy = validate_epoch(validation, network, recipe) if len(validation.x) else (None, None)
        training.schedule.after_epoch(loss)
        yield Epoch(number, training.rate, losses.double().mean().item(), training.accuracy, loss, accuracy)
        if recipe.early_stopping and loss is not None:
            waited += 1
            if loss < lowest:
                lowest, waited, best = loss, 0, named(network)
            if waited == recipe.early_stopping:
                break
    if lowest < float("inf"):
        network.take(best)
    training.use_average()


def _check_finite(losses: Tensor, training: Training, epoch: int) -> None:
    """DivergenceError, naming the batch, where a loss or a weight is no number."""
    bad = (~losses.isfinite()).nonzero().flatten().tolist()
    if not bad and all(bool(p.isfinite().all()) for p in training.network.parameters()):
        return
    what = f"the loss became {losses[bad[0]].item()}" if bad else "a weight became infinite"
    batches, batch_size = training.samplers[0].batches(epoch), training.recipe.batch_size
    batch = bad[0] // batch_size + 1 if bad else batches
    raise DivergenceError(
        f"{what} at epoch {epoch}, batch {batch} (step {training.step - batches + batch}); "
        f"choose a recipe.learning_rate below {training.recipe.learning_rate:g}"
    )
