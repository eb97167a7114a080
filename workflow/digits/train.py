"""Train one network from one recipe with one seed, on one thread: the same weights, bit for bit, every time.

The functions are the tutorial's (`calc_grad`, `train_epoch`, `validate_epoch`) and do what it explains. Expected on
MNIST: `published` ends near 20 to 35 % (it does not learn; see the report), `repaired` near 98 %.
"""

import argparse
import csv
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor
from tqdm import tqdm

from digits.lib.command import UserError, log, run, watched
from digits.lib.files import whole_files
from digits.lib.networks import LOSSES, batch_accuracy, generator_for, make_params, simple_net
from digits.lib.recipes import Recipe, parse_recipe
from digits.lib.tensors import Split, load_split
from digits.lib.weights import named, save_weights

VALIDATION_BATCH = 1000  # images; only memory and speed depend on it


class Examples(NamedTuple):
    """Images and targets as the network takes them."""

    x: Tensor  # float32 [N, pixels], 0 to 1
    y: Tensor  # bool [N, classes], one-hot


class Epoch(NamedTuple):
    """A line of the history. Validation values are None where no images were held out."""

    epoch: int
    learning_rate: float
    train_loss: float  # mean over the epoch's batches, each before its own step
    validation_loss: float | None
    validation_accuracy: float | None


def as_examples(split: Split, indices: Tensor, device: torch.device) -> Examples:
    """Scale the chosen images to 0 … 1, flatten them, and make one-hot targets."""
    images = torch.from_numpy(split.images).flatten(1)[indices].float().div_(255)
    labels = torch.from_numpy(split.labels)[indices].long()
    return Examples(images.to(device), torch.nn.functional.one_hot(labels, len(split.classes)).bool().to(device))


def split_validation(count: int, validation_size: int) -> tuple[Tensor, Tensor]:
    """Choose the images to train on and those held out: the same ones for every model and seed. Indices, int64."""
    if validation_size >= count:
        raise UserError(
            f"recipe.validation_size: {validation_size:,} of {count:,} images leaves none to train on; hold out fewer"
        )
    order = torch.randperm(count, generator=generator_for("validation split"))
    held_out = order[count - validation_size :].sort().values
    return order[: count - validation_size].sort().values, held_out


def calc_grad(xb: Tensor, yb: Tensor, params: Sequence[Tensor], loss_name: str) -> Tensor:
    """Predict, compare, and put the gradient of the loss into each parameter's `grad`. Returns the loss."""
    loss = LOSSES[loss_name](simple_net(xb, params), yb)
    loss.backward()
    return loss.detach()


def train_epoch(examples: Examples, params: Sequence[Tensor], recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Go once through the images in a new order, a gradient step a batch. Returns each batch's loss, float32 [batches]."""
    order = torch.randperm(len(examples.x), generator=generator).to(examples.x.device)
    losses = []
    for batch in order.split(recipe.batch_size):
        losses.append(
            calc_grad(examples.x.index_select(0, batch), examples.y.index_select(0, batch), params, recipe.loss)
        )
        with torch.no_grad():
            for p in params:
                if p.grad is not None:
                    p.sub_(p.grad, alpha=recipe.learning_rate)
                    p.grad = None
    return torch.stack(losses)


@torch.no_grad()
def validate_epoch(examples: Examples, params: Sequence[Tensor], loss_name: str) -> tuple[float, float]:
    """Return mean loss and accuracy over all given images."""
    loss, correct = 0.0, 0
    for xb, yb in zip(examples.x.split(VALIDATION_BATCH), examples.y.split(VALIDATION_BATCH), strict=True):
        predictions = simple_net(xb, params)
        loss += LOSSES[loss_name](predictions, yb).item() * len(xb)
        correct += round(batch_accuracy(predictions, yb).item() * len(xb))
    return loss / len(examples.x), correct / len(examples.x)


def fit(
    train: Examples, validation: Examples, params: list[Tensor], recipe: Recipe, generator: torch.Generator
) -> Iterator[Epoch]:
    """Train the parameters in place, epoch by epoch; UserError where the loss stops being a number."""
    for p in params:
        p.requires_grad_()
    for number in range(1, recipe.epochs + 1):
        losses = train_epoch(train, params, recipe, generator)
        _check_finite(losses, params, number, recipe.learning_rate)
        scores: tuple[float, float] | tuple[None, None] = (None, None)
        if len(validation.x):
            scores = validate_epoch(validation, params, recipe.loss)
        yield Epoch(number, recipe.learning_rate, losses.double().mean().item(), *scores)


def _check_finite(losses: Tensor, params: Sequence[Tensor], epoch: int, learning_rate: float) -> None:
    bad = (~losses.isfinite()).nonzero().flatten().tolist()
    if not bad and all(bool(p.isfinite().all()) for p in params):
        return
    batch = bad[0] + 1 if bad else len(losses)
    what = f"the loss became {losses[bad[0]].item()}" if bad else "a weight became infinite"
    raise UserError(
        f"{what} at epoch {epoch}, batch {batch} (step {(epoch - 1) * len(losses) + batch}); "
        f"choose a recipe.learning_rate below {learning_rate:g}"
    )


def choose_device(name: str) -> torch.device:
    """Return the device that `cpu`, `cuda` or `auto` means here; UserError for cuda where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for, but torch finds no CUDA device here; choose cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def repeatable() -> None:
    """One thread and repeatable kernels: the number of threads and the choice of kernel change the bits."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m digits.train", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="train.safetensors, from digits.convert")
    parser.add_argument("--model", required=True, help="the recipe's name; with the seed it decides every random draw")
    parser.add_argument("--recipe", required=True, help="the recipe as JSON, such as '{\"hidden\": [30], …}'")
    parser.add_argument("--seed", type=int, required=True, help="the run's seed")
    parser.add_argument(
        "--device", choices=("cpu", "cuda", "auto"), default="cpu", help="where to train (default: cpu)"
    )
    parser.add_argument("--weights", type=Path, required=True, help="safetensors file to write: the final weights")
    parser.add_argument(
        "--snapshots", type=Path, required=True, help="safetensors file to write: weights at recipe.snapshots"
    )
    parser.add_argument("--history", type=Path, required=True, help="CSV file to write: a line an epoch")
    args = parser.parse_args()

    recipe = parse_recipe(args.recipe)
    repeatable()
    device = choose_device(args.device)
    split = load_split(args.images)
    train_indices, validation_indices = split_validation(len(split.images), recipe.validation_size)
    if recipe.batch_size > len(train_indices):
        raise UserError(
            f"recipe.batch_size: {recipe.batch_size:,} is more than the {len(train_indices):,} images to train on; choose a smaller one"
        )
    train, validation = as_examples(split, train_indices, device), as_examples(split, validation_indices, device)
    generator = generator_for(args.model, args.seed)
    params = [p.to(device) for p in make_params(recipe, train.x.shape[1], len(split.classes), generator)]

    with whole_files(args.weights, args.snapshots, args.history) as (weights, snapshots, history):
        kept: dict[str, Tensor] = {}
        with history.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(Epoch._fields)
            started = time.perf_counter()
            progress = tqdm(total=recipe.epochs, unit="epoch", disable=not watched())
            for epoch in fit(train, validation, params, recipe, generator):
                writer.writerow(epoch)
                if epoch.epoch in recipe.snapshots:
                    kept |= {f"epoch-{epoch.epoch}.{name}": tensor.clone() for name, tensor in named(params).items()}
                speed = epoch.epoch * len(train.x) / (time.perf_counter() - started)
                _report(progress, epoch, recipe.epochs, speed)
            progress.close()
        training = {
            "model": args.model,
            "seed": args.seed,
            "recipe": dataclasses.asdict(recipe),
            "train_size": len(train.x),
            "classes": split.classes,
        }
        save_weights(weights, named(params), training)
        save_weights(snapshots, kept, training)


def _report(progress: "tqdm[NoReturn]", epoch: Epoch, epochs: int, speed: float) -> None:
    validation = "" if epoch.validation_accuracy is None else f", validation accuracy {epoch.validation_accuracy:.2%}"
    line = f"training loss {epoch.train_loss:.4f}{validation}, {speed:,.0f} images/s"
    if watched():
        progress.set_postfix_str(line, refresh=False)
        progress.update()
    else:
        log(f"epoch {epoch.epoch}/{epochs}: {line}")


if __name__ == "__main__":
    run(main)
