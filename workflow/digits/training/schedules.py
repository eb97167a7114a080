"""How the learning rate changes during a training: what the recipe's rate is multiplied by at each step."""

from collections.abc import Callable


class Constant:
    """The same rate all the time; the other schedules change what it does."""

    def __init__(self, steps: int, warmup_fraction: float, patience: int) -> None:
        self.steps, self.warmup_fraction, self.patience = steps, warmup_fraction, patience

    def factor(self, step: int) -> float:
        """Return the factor for a step, counted from 0."""
        return 1.0

    def after_epoch(self, validation_loss: float | None) -> None:
        """Take note of an epoch's loss on the validation images."""


class Plateau(Constant):
    """Half the rate each time that the validation loss has not fallen below its lowest for `patience` epochs."""

    current, lowest, waited = 1.0, float("inf"), 0

    def factor(self, step: int) -> float:
        """Return the factor for a step: what the epochs so far have left of it."""
        return self.current

    def after_epoch(self, validation_loss: float | None) -> None:
        """Wait for a lower loss, or halve."""
        if validation_loss is not None and validation_loss < self.lowest:
            self.lowest, self.waited = validation_loss, 0
            return
        self.waited += 1
        if self.waited == self.patience:
            self.current, self.waited = self.current / 2, 0


class OneCycle(Constant):
    """Linear increase over the first `warmup_fraction` of the steps, then linear decrease to almost 0.

    Smith and Topin 2018, https://arxiv.org/abs/1708.07120; the momentum stays as it is.
    """

    def factor(self, step: int) -> float:
        """Return the factor for a step, counted from 0."""
        rising = int(self.warmup_fraction * self.steps)
        if step < rising:
            return (step + 1) / rising
        return max(1e-3, (self.steps - step) / (self.steps - rising))


SCHEDULES: dict[str, Callable[[int, float, int], Constant]] = {
    "constant": Constant,
    "plateau": Plateau,
    "one_cycle": OneCycle,
}
