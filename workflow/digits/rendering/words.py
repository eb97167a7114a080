"""A recipe in words, for readers of the report."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from digits.rendering.percentages import in_percent

INITS = {
    "normal": "from normally distributed weights with standard deviation 1",
    "kaiming": "from random weights scaled by each layer's number of inputs",
}
LOSSES = {
    "mnist_loss": "the loss is the mean distance of each sigmoid output from its 0 or 1 target",
    "balanced_mnist_loss": "the loss is the mean distance of each sigmoid output from its 0 or 1 target, with the one 1 "
    "counted as often as there are 0s",
    "cross_entropy": "the loss is cross-entropy, the negative log-probability of the true class",
}
# In a few words, for axes and switches.
INITS_IN_SHORT = {"normal": "standard deviation 1", "kaiming": "scaled weights"}
LOSSES_IN_SHORT = {
    "mnist_loss": "the tutorial's loss",
    "balanced_mnist_loss": "“yes” and “no” balanced",
    "cross_entropy": "cross-entropy",
}
SCHEDULES = {
    "constant": "at a learning rate of {rate}",
    "plateau": "at a learning rate of {rate}, halved when the validation loss stops falling",
    "one_cycle": "at a learning rate that rises to {rate} and falls to 0",
}
FLIP = "{} of the images flipped horizontally"
UNITS = {"shift": " pixels", "rotation": "°", "elastic": " pixels"}


def recipe_in_words(recipe: Mapping[str, Any]) -> str:
    """Describe in a few sentences what a network is made of, how it is trained, and on what."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in (_network(recipe), _training(recipe), *_extras(recipe)))


def _network(recipe: Mapping[str, Any]) -> str:
    auto = recipe["convolutions"] == "auto"
    parts = [
        f"{channels} filters of {side}×{side}" + (f", stride {stride}" if stride > 1 else "")
        for channels, side, stride in ([] if auto else recipe["convolutions"])
    ]
    of_size = "convolutions that halve the image until 4 to 7 pixels are left, and global max pooling" if auto else ""
    convolutions = f"{len(parts)} convolutions ({'; '.join(parts)}) and global max pooling" if parts else of_size
    units = [f"{count:,}" for count in recipe["hidden"]]
    hidden = f"{listed(units)} hidden units with ReLU" if units else ""
    layers = listed([part for part in (convolutions, hidden) if part])
    norm = "; batch normalisation after each convolution" if recipe["batch_norm"] else ""
    return (layers or "a linear model, wx + b") + norm


def _training(recipe: Mapping[str, Any]) -> str:
    steps = {"sgd": "plain gradient descent", "adam": "Adam"}
    rate = recipe["learning_rate"]
    rate = SCHEDULES[recipe["schedule"]].format(rate="2 / pixel values" if rate == "auto" else f"{rate:g}")
    epochs = recipe["epochs"]
    times = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    batches = "a fiftieth of the images" if recipe["batch_size"] == "auto" else f"{recipe['batch_size']:,}"
    return (
        f"it starts {INITS[recipe['init']]} and trains for {times} with batches of {batches}, "
        f"using {steps[recipe['optimiser']]} {rate}; {LOSSES[recipe['loss']]}"
    )


def _extras(recipe: Mapping[str, Any]) -> list[str]:
    """Name what the tutorial's recipe does not have, and which images it is trained on."""
    changes = ", ".join(
        FLIP.format(in_percent(value)) if name == "flip" else f"{name} up to {_amount(value, UNITS.get(name, ''))}"
        for name, value in recipe["augmentation"].items()
    )
    hard, held_out = recipe["hard_examples"], recipe["validation_size"]
    named = {
        "normalised pixels": recipe["pixels"] == "normalised",
        f"the outermost {recipe['crop']} pixels cut off": recipe["crop"],
        f"label smoothing {recipe['label_smoothing']:g}": recipe["label_smoothing"],
        f"dropout {recipe['dropout']:g}": recipe["dropout"],
        f"momentum {recipe['momentum']:g}": recipe["momentum"],
        "all classes counted equally in the loss, however many images they have": recipe.get("class_weights"),
        "a learning rate for each layer": recipe["layer_lr_multipliers"],
        f"augmentation ({changes})": recipe["augmentation"],
        f"weights averaged over the last {in_percent(recipe['weight_averaging'])} of the steps": recipe[
            "weight_averaging"
        ],
        "test-time augmentation (five views: the original and four shifts by "
        f"{_pixels(recipe['test_time_shift'])})": recipe["test_time_shift"],
        f"only the classes {', '.join(recipe['classes'])}": recipe["classes"],
        f"only {recipe['labels_per_class']} labelled images per class": recipe["labels_per_class"],
        f"all layers but the last taken from {recipe['features_of']}": recipe["features_of"],
    }
    if hard:
        warmup = "the first epoch" if hard["warmup_epochs"] == 1 else f"the first {hard['warmup_epochs']} epochs"
        named[
            f"hard examples ({warmup} on a random {in_percent(hard['warmup_fraction'])} of the images, later ones on "
            f"{in_percent(hard['fraction'])}, half of them the hardest)"
        ] = True
    if recipe["early_stopping"]:
        named["early stopping on the validation loss"] = True
    parts = [name for name, used in named.items() if used]
    which = {"last": ", the last ones of each class", "stratified": ", the same fraction of each class"}
    many = f"{in_percent(held_out)} of the training images" if 0 < held_out < 1 else f"{held_out:,} training images"
    trained = (
        f"{many} are held out{which.get(recipe['validation_split'], '')}" if held_out else "no images are held out"
    )
    if not (held_out or recipe["labels_per_class"] or recipe["classes"]):
        trained = "it trains on the whole training set"
    return [*(["in addition: " + "; ".join(parts)] if parts else []), trained]


def listed(parts: list[str]) -> str:
    """Join texts as a sentence does: 'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def first_of(parts: Sequence[str], most: int) -> str:
    """Join texts by commas: the first `most` of them, and how many more there are."""
    more = f" and {len(parts) - most:,} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def extreme(rows: Sequence[Mapping[str, Any]], of: Callable[[Iterable[float]], float]) -> tuple[list[str], float]:
    """Return the classes that have the lowest (`min`) or highest (`max`) recall, all that share it, and that recall."""
    recall = of(row["recall"] for row in rows)
    return [row["class"] for row in rows if row["recall"] == recall], recall


def isolated(name: str) -> str:
    """Return a name for a sentence: one that is written from right to left is kept from turning what stands beside it."""
    return f"\u2068{name}\u2069" if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in name) else name


def _amount(value: float | str, unit: str) -> str:
    return "a fourteenth of the side" if value == "auto" else f"{value:g}{unit}"


def _pixels(number: int) -> str:
    return "a pixel" if number == 1 else f"{number} pixels"
