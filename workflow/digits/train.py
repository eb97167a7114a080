"""Train one network from one recipe with one seed, on one thread: bitwise identical weights every time.

Expected on MNIST: `published` ends near 20 to 40 % (it does not learn; see the report), `repaired` near 98 %,
`convnet` near 99.4 %.
"""

import csv
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from safetensors.numpy import save
from torch import Tensor
from tqdm import tqdm

from digits.core.arithmetic import PORTABLE, processor
from digits.core.command import UserError, log, run, warn, watched
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.core.seeding import generator_for
from digits.data.examples import Examples, as_examples
from digits.data.splitting import output_classes, training_images
from digits.data.tensors import Split, load_split
from digits.networks.convolutional import too_small
from digits.networks.flops import flops_per_image
from digits.networks.network import Network, build_network, predict, widen
from digits.networks.weights import learned, load_weights, restore, save_weights
from digits.settings.fitting import fitted
from digits.settings.recipes import AUTO, Recipe, parse_recipe
from digits.training.loop import DivergenceError, Epoch, Training, fit

if TYPE_CHECKING:
    from _csv import Writer


def choose_device(name: str) -> tuple[torch.device, str]:
    """Return the device that `cpu`, `cuda` or `auto` means here, and its kind; UserError for cuda where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: cuda was asked for, but torch finds no CUDA device here; choose cpu or auto")
    device = torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
    kind = processor() if device.type == "cpu" else device.type
    if kind != PORTABLE:
        log(f"Training on {kind}: results differ in the last digits from those on {PORTABLE}, which are published.")
    return device, kind


def repeatable() -> None:
    """One thread and repeatable kernels: both would change the results."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads memory before it is written


def require_run(path: Path, training: Mapping[str, Any], model: str | None, seed: int) -> None:
    """Stop where a weights file, with this header, is of another run than is wanted."""
    if (training["model"], training["seed"]) != (model, seed):
        found = f"{training['model']}, seed {training['seed']}"
        raise UserError(f"--features: {path} is of {found}; the recipe reuses the features of {model}, seed {seed}")


def reuse_features(network: Network, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy all layers but the last from another run's weights, and leave them out of the training."""
    own = learned(network)
    last = {id(p) for p in network.body.layers()[-1]}
    new = {name for name, p in network.body.named_parameters() if id(p) in last}
    restore(network, {**tensors, **{name: own[name] for name in new}}, path)
    for p in network.parameters():
        p.requires_grad_(id(p) in last)


def begin(
    split: Split, recipe: Recipe, model: str, seed: int, *, device: torch.device, features: Path | None = None
) -> tuple[Training, Tensor]:
    """Return a training of a run that is about to make its first step, and the numbers of the images held out of it.

    `features` names the weights of the run whose features the recipe reuses.
    """
    outputs = output_classes(recipe, split.classes)
    chosen, held_out = training_images(split, recipe, outputs, seed)
    recipe = fitted(recipe, split.images.shape[1:], len(chosen))
    train = as_examples(split, chosen, outputs, device)
    generator = generator_for(model, seed)
    network = build_network(recipe, train.images.shape[1:], len(outputs), generator)
    if recipe.pixels == "normalised":
        network.measure_pixels(train.histogram())
    if features is not None:
        tensors, training = load_weights(features)
        require_run(features, training, recipe.features_of, seed)
        reuse_features(network, tensors, features)
    network.to(device)
    return Training(train, network, recipe, generator), held_out


def follow(
    training: Training, validation: Examples, classes: Sequence[str], writer: "Writer"
) -> tuple[dict[str, Tensor], int, DivergenceError | None]:
    """Train to the end, writing the history and saying how it goes.

    Returns the weights at the recipe's snapshots, the number of epochs, and what ended the training early, if anything did.
    """
    recipe = training.recipe
    kept: dict[str, Tensor] = {}
    epochs = 0
    writer.writerow(Epoch.columns(recipe.layers(), classes))
    started = time.perf_counter()
    with tqdm(total=recipe.epochs, unit="epoch", disable=not watched()) as progress:
        try:
            for epoch in fit(training, validation):
                writer.writerow(epoch.row())
                epochs = epoch.epoch
                if epochs in recipe.snapshots:
                    kept |= {f"epoch-{epochs}.{name}": tensor for name, tensor in learned(training.network).items()}
                _report(progress, epoch, recipe.epochs, training.seen / (time.perf_counter() - started))
        except DivergenceError as error:
            return kept, epochs, error
    return kept, epochs, None


def _report(progress: "tqdm[NoReturn]", epoch: Epoch, epochs: int, speed: float) -> None:
    validation = "" if epoch.validation_accuracy is None else f", validation accuracy {epoch.validation_accuracy:.2%}"
    line = f"training loss {epoch.train_loss:.4f}{validation}, {speed:,.0f} images/s"
    if watched():
        progress.set_postfix_str(line, refresh=False)
        progress.update()
    else:
        log(f"epoch {epoch.epoch}/{epochs}: {line}")


def main() -> None:
    parser = command_parser("train", __doc__)
    parser.file("--images", "train.safetensors, from digits.convert")
    parser.add_argument("--model", required=True, help="the recipe's name; with the seed it decides every random draw")
    parser.add_argument("--recipe", required=True, help="the recipe as JSON, such as '{\"hidden\": [30], …}'")
    parser.add_argument("--seed", type=int, required=True, help="the run's seed")
    parser.add_argument("--device", choices=("cpu", "cuda", "auto"), default="cpu", help="default: cpu")
    parser.add_argument(
        "--on-divergence",
        choices=("stop", "record"),
        default="stop",
        help="where the loss stops being a number: an error (default), or no scores for the validation images",
    )
    parser.file("--features", "weights of the run whose features recipe.features_of reuses", required=False)
    parser.output("--weights", "safetensors file to write: the final weights")
    parser.output("--snapshots", "safetensors file to write: weights at recipe.snapshots")
    parser.output("--validation", "safetensors file to write: scores of the validation images")
    parser.output("--history", "CSV file to write: one row per epoch")
    args = parser.parse_args()

    recipe = parse_recipe(args.recipe)
    if (recipe.features_of is None) != (args.features is None):
        raise UserError("--features: it belongs to a recipe with features_of, and to no other")
    repeatable()
    device, kind = choose_device(args.device)
    split = load_split(args.images)
    training, held_out_images = begin(split, recipe, args.model, args.seed, device=device, features=args.features)
    if few := too_small(training.recipe, split.images.shape[1:], auto=recipe.convolutions == AUTO):
        warn("; ".join(few))
    recipe, network, outputs = training.recipe, training.network, output_classes(recipe, split.classes)
    validation = as_examples(split, held_out_images, outputs, device)
    shape = split.images.shape[1:]
    training_flops, prediction_flops = flops_per_image(network, shape)

    with whole_files(args.weights, args.snapshots, args.validation, args.history, made_from=args.made_from) as parts:
        weights, snapshots, held_out, history = parts
        with history.open("w", newline="", encoding="utf-8") as file:
            classes = [split.classes[output] for output in outputs]
            kept, epochs, diverged = follow(training, validation, classes, csv.writer(file, lineterminator="\n"))
        if diverged is not None:
            if args.on_divergence == "stop":
                raise diverged
            log(f"diverged: {diverged}")
        header = {
            "model": args.model,
            "seed": args.seed,
            "recipe": recipe.header(),
            "members": 1,
            "epochs": epochs,
            "train_size": len(training.train.y),
            "training_flops": training_flops * training.seen + prediction_flops * training.scored,
            "processors": [kind],
            "classes": split.classes,
            "shape": shape,
        }
        save_weights(weights, learned(network), header)
        save_weights(snapshots, kept, header)
        logits = widen(predict(network, split.images, held_out_images), outputs, len(split.classes))
        if diverged is not None:
            logits.fill_(torch.nan)
        labels = split.labels[held_out_images.numpy()]
        held_out.write_bytes(save({"logits": logits.numpy(), "labels": labels}))


if __name__ == "__main__":
    run(main)
