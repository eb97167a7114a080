"""Which images a network is trained on, and which are held out."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from digits.core.command import UserError
from digits.core.seeding import generator_for
from digits.data.tensors import Split
from digits.settings.recipes import AUTO, Recipe
from digits.settings.schema import unknown


def output_classes(recipe: Recipe, classes: Sequence[str]) -> list[int]:
    """Return the classes, as numbers, that the network has an output for: the recipe's, or all."""
    known, wanted = set(classes), set(recipe.classes or classes)
    for name in recipe.classes:
        if name not in known:
            raise UserError(f"recipe.classes: {unknown('class', name, classes)}")
    return [number for number, name in enumerate(classes) if name in wanted]


def split_validation(
    labels: Tensor, validation_size: float, choice: str, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Choose the images to train on and those held out: the same ones for every model and seed. Indices, int64.

    `validation_size` is a number of images or, below 1, a fraction of them; `choice` a name in VALIDATION_SPLITS. What a
    smaller number holds out is among what a larger one does. `groups`, [N], are held out whole, in the order of their first
    images, so many as come nearest to the number wanted, and at least one.
    """
    count = len(labels)
    size = round(validation_size * count) if validation_size < 1 else int(validation_size)
    if size >= count:
        raise UserError(f"recipe.validation_size: {size:,} of {count:,} images leaves none to train on; hold out fewer")
    if groups is None:
        groups = torch.arange(count)
    _, group, sizes = groups.unique(return_inverse=True, return_counts=True)
    if size and len(sizes) == 1:
        raise UserError(
            f"recipe.validation_size: all {count:,} images are of one group; holding some out needs two, or 0"
        )
    first = torch.full_like(sizes, count).scatter_reduce(0, group, torch.arange(count), "amin")
    order = VALIDATION_SPLITS[choice](labels[first])
    held_out = torch.zeros(len(sizes), dtype=torch.bool)
    if size:
        totals = sizes[order].flip(0).cumsum(0)[:-1]
        held_out[order[-1 - int((totals - size).abs().argmin()) :]] = True
    return (~held_out[group]).nonzero().flatten(), held_out[group].nonzero().flatten()


def _random(labels: Tensor) -> Tensor:
    return torch.randperm(len(labels), generator=generator_for("validation split"))


def _stratified(labels: Tensor) -> Tensor:
    """Order the images by where in their class they are, from 0 to 1, after it was shuffled; a single one is in the middle."""
    shuffled = _random(labels)
    place = torch.empty(len(labels), dtype=torch.float64)
    for number in labels.unique():
        of_class = shuffled[labels[shuffled] == number]
        place[of_class] = (torch.arange(len(of_class), dtype=torch.float64) + 0.5) / len(of_class)
    return place.argsort(stable=True)


def _last_of_each_class(labels: Tensor) -> Tensor:
    """Order the images by how far back in their class they are, from 0 (its first) to 1."""
    place = torch.empty(len(labels), dtype=torch.float64)
    for number in labels.unique():
        of_class = (labels == number).nonzero().flatten()
        place[of_class] = torch.arange(1, len(of_class) + 1, dtype=torch.float64) / len(of_class)
    return place.argsort(stable=True)


VALIDATION_SPLITS: dict[str, Callable[[Tensor], Tensor]] = {
    "random": _random,
    "stratified": _stratified,
    "last": _last_of_each_class,
}


def training_images(split: Split, recipe: Recipe, outputs: Sequence[int], seed: int) -> tuple[Tensor, Tensor]:
    """Return the images to train on and those held out, indices, for a recipe that may want few of them.

    With `labels_per_class`, the seed alone decides which: models with the same seed get the same images.
    """
    labels = torch.from_numpy(split.labels.astype(np.int64))  # torch computes little with uint16
    wanted = torch.isin(labels, torch.tensor(outputs))
    groups = None if split.groups is None else torch.from_numpy(split.groups.astype(np.int64))
    parts = split_validation(labels, recipe.validation_size, recipe.validation_split, groups)
    train, held_out = (part[wanted[part]] for part in parts)
    if groups is not None and (without := sorted(set(labels[held_out].tolist()) - set(labels[train].tolist()))):
        raise UserError(
            f"recipe.validation_size: holds out all groups with images of class '{split.classes[without[0]]}'; hold out fewer, "
            "or none (0)"
        )
    if recipe.labels_per_class is not None:
        order = train[torch.randperm(len(train), generator=generator_for("few labels", seed))]
        of_each = [order[labels[order] == number] for number in outputs]
        for number, of_class in zip(outputs, of_each, strict=True):
            if len(of_class) < recipe.labels_per_class:
                raise UserError(
                    f"recipe.labels_per_class: {recipe.labels_per_class:,}, but of class '{split.classes[number]}' there "
                    f"are {len(of_class):,} images to train on; choose no more, or null for all"
                )
        train = torch.cat([of_class[: recipe.labels_per_class] for of_class in of_each]).sort().values
    if recipe.batch_size != AUTO and recipe.batch_size > len(train):
        raise UserError(
            f"recipe.batch_size: {recipe.batch_size:,} is more than the {len(train):,} images to train on; choose a smaller one, or auto"
        )
    return train, held_out
