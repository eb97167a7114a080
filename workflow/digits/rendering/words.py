"""A recipe in words, for readers of the report."""

from collections.abc import Mapping
from typing import Any

WEIGHTS = {
    "normal": "from weights drawn with a standard deviation of 1",
    "kaiming": "from small random weights, scaled to each layer's number of inputs",
}
LOSSES = {
    "mnist_loss": "the loss is the mean distance of each score, squeezed between 0 and 1, from the 0 or 1 that it should be",
    "cross_entropy": "the loss is cross-entropy, the negative logarithm of the probability given to the right class",
}
SCHEDULES = {
    "constant": "at a learning rate of {rate}",
    "plateau": "at a learning rate of {rate}, halved where the held-out loss stops falling",
    "one_cycle": "at a learning rate that rises to {rate} and falls to 0",
}
UNITS = {"shift": " pixels", "rotation": "°", "elastic": " pixels"}


def recipe_in_words(recipe: Mapping[str, Any]) -> str:
    """Say in a few sentences what a network is made of, how it is trained, and on what."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in (_network(recipe), _training(recipe), *_extras(recipe)))


def _network(recipe: Mapping[str, Any]) -> str:
    parts = [
        f"{channels} filters of {side}×{side} pixels" + (f" at every {_ordinal(stride)} place" if stride > 1 else "")
        for channels, side, stride in recipe["convolutions"]
    ]
    convolutions = f"convolutions (layer by layer {_joined(parts)}) and the maximum over all places" if parts else ""
    units = [f"{count:,}" for count in recipe["hidden"]]
    hidden = f"{_joined(units)} hidden units, which pass on what is above zero" if units else ""
    layers = _joined([part for part in (convolutions, hidden) if part])
    norm = ", each convolution's outputs brought to mean 0 and standard deviation 1" if recipe["batch_norm"] else ""
    return (layers or "one weighted sum of the pixels for each class, wx + b") + norm


def _training(recipe: Mapping[str, Any]) -> str:
    steps = {"sgd": "plain gradient descent", "adam": "Adam, which scales each weight's step by its gradients' size"}
    rate = SCHEDULES[recipe["schedule"]].format(rate=f"{recipe['learning_rate']:g}")
    epochs = recipe["epochs"]
    times = "goes once through its images" if epochs == 1 else f"goes {epochs} times through its images"
    if recipe["hard_examples"]:
        times = f"sees its images in {epochs} epochs"
    return (
        f"it starts {WEIGHTS[recipe['weights']]}, and {times}, {recipe['batch_size']:,} a step, "
        f"with {steps[recipe['optimiser']]}, {rate}; {LOSSES[recipe['loss']]}"
    )


def _extras(recipe: Mapping[str, Any]) -> list[str]:
    """Name the parts that the tutorial's recipe does not have, and which images it is trained on."""
    changes = ", ".join(f"{name} to {value:g}{UNITS.get(name, '')}" for name, value in recipe["augmentation"].items())
    hard, held_out = recipe["hard_examples"], recipe["validation_size"]
    named = {
        "pixels are brought to mean 0 and standard deviation 1": recipe["pixels"] == "normalised",
        f"the outermost {recipe['crop']} pixels are cut off": recipe["crop"],
        f"{recipe['label_smoothing']:.0%} of the target is spread over all classes": recipe["label_smoothing"],
        f"{recipe['dropout']:.0%} of the units are left out at each step": recipe["dropout"],
        f"momentum {recipe['momentum']:g}": recipe["momentum"],
        "each layer has a learning rate of its own": recipe["layer_lr_multipliers"],
        f"images are changed at random each time ({changes})": recipe["augmentation"],
        f"the final weights are the mean over the last {recipe['weight_averaging']:.0%} of the steps": recipe[
            "weight_averaging"
        ],
        "once trained, it looks at each image five times, as it is and moved to each side by "
        f"{_pixels(recipe['test_time_shift'])}, and answers with the mean": recipe["test_time_shift"],
        f"only the classes {', '.join(recipe['classes'])}": recipe["classes"],
        f"only {recipe['labels_per_class']} labelled images a class": recipe["labels_per_class"],
        f"all layers but the last are those of {recipe['features_of']}": recipe["features_of"],
    }
    if hard:
        first = "the first epoch is" if hard["warmup_epochs"] == 1 else f"the first {hard['warmup_epochs']} epochs are"
        named[
            f"{first} of {hard['warmup_fraction']:.0%} of the images, at random, each later one of {hard['fraction']:.0%}, half of "
            "them the hardest"
        ] = True
    if recipe["early_stopping"]:
        named["it stops early where the held-out loss no longer falls"] = True
    parts = [name for name, used in named.items() if used]
    last = ", of each class the last" if recipe["validation_split"] == "last" else ""
    trained = f"it holds out {held_out:,} training images{last}" if held_out else "it holds out none"
    if not (held_out or recipe["labels_per_class"] or recipe["classes"]):
        trained = "it trains on all training images"
    return [*(["besides: " + "; ".join(parts)] if parts else []), trained]


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _pixels(number: int) -> str:
    return "a pixel" if number == 1 else f"{number} pixels"


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
