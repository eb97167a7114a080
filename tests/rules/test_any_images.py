"""`digits.train` to `digits.combine` on images that are not MNIST's: coloured ones, many classes, more than memory should hold."""

import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command, process
from digits.core.arrays import label_type
from digits.data.tensors import Split, save_split
from digits.networks.export import portable_network
from digits.networks.weights import load_networks
from digits.search import read_scores
from digits.statistics.predictions import load_predictions
from project import ROOT, header
from safetensors.numpy import load_file

SMALL = {"learning_rate": 0.5, "epochs": 10, "batch_size": 50, "validation_size": 100, "pixels": "normalised"}
DENSE = {**SMALL, "hidden": [], "init": "kaiming", "snapshots": [1, 10]}
LAYERS = {"network": "convolutional", "convolutions": [[8, 3, 2]], "hidden": [], "batch_norm": True, "crop": 1}
CHANGES = {"test_time_shift": 1, "weight_averaging": 0.2, "augmentation": {"shift": 1, "rotation": 5}}
OPTIONS = ("weights", "snapshots", "validation", "history")


def random_split(count: int, shape: Sequence[int], classes: int, seed: int) -> Split:
    """Noise, brighter in one place for each class: in one colour, so that the classes differ in nothing else, or in one pixel."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(count) % classes
    images = rng.integers(100 if len(shape) == 3 else 10, size=(count, *shape), dtype=np.uint8)
    places = images if len(shape) == 3 else images.reshape(count, -1)
    places[np.arange(count), labels] += 100
    return Split(images, labels.astype(label_type(classes)), [f"class {number}" for number in range(classes)])


def train_line(folder: Path, seed: int, recipe: dict[str, Any]) -> list[str]:
    files = [word for name in OPTIONS for word in (f"--{name}", str(folder / f"{seed}" / name))]
    return [
        "--images",
        f"{folder / 'train'}",
        "--model",
        "a",
        "--seed",
        f"{seed}",
        "--recipe",
        json.dumps(recipe),
        *files,
    ]


@pytest.mark.parametrize(
    ("recipe", "shape", "classes"),
    [(DENSE, (3, 6, 7), 3), ({**SMALL, **LAYERS, **CHANGES}, (3, 6, 7), 3), (DENSE, (17, 18), 300)],
    ids=["dense, coloured", "convolutional, coloured", "300 classes"],
)
def test_any_images(
    command: Command, tmp_path: Path, recipe: dict[str, Any], shape: Sequence[int], classes: int
) -> None:
    for number, name in enumerate(("train", "test")):
        save_split(tmp_path / name, random_split(1200, shape, classes, number))
    for seed in (0, 1):
        run = tmp_path / f"{seed}"
        inputs = [word for option in OPTIONS[:3] for word in (f"--{option}", run / option)]
        written = ("--predictions", run / "predictions", "--metrics", run / "metrics")
        evaluate = ("--images", tmp_path / "test", "--recipe", json.dumps(recipe), *inputs, *written)
        for name, line in (("train", train_line(tmp_path, seed, recipe)), ("evaluate", evaluate)):
            result = command(name, *line)
            assert result.status == 0, result.output
    together: list[object] = ["--model", "both", "--seed", 0]
    for option in ("weights", "predictions", "validation", "metrics"):
        together += [f"--member-{option}", *(tmp_path / f"{seed}" / option for seed in (0, 1))]
        together += [f"--{option}", tmp_path / "both" / option]
    result = command("combine", *together)
    assert result.status == 0, result.output

    test = random_split(1200, shape, classes, 1)
    for name in ("0", "1", "both"):
        assert header(tmp_path / name / "weights")["shape"] == list(shape)
        predictions = load_predictions(tmp_path / name / "predictions")
        assert np.array_equal(predictions.labels, test.labels) and predictions.labels.dtype == test.labels.dtype
        measures = json.loads((tmp_path / name / "metrics").read_text())["test"]
        assert measures["accuracy"] == (predictions.logits.argmax(axis=1) == test.labels).mean() > 0.9
    scores = read_scores(tmp_path / "0" / "validation")
    assert scores is not None and scores["accuracy"] > 0.9
    networks, outputs, _ = load_networks(tmp_path / "both" / "weights")
    assert len(networks) == 2 and len(outputs) == classes
    mean = load_file(tmp_path / "0" / "weights")["pixel_mean"]
    assert mean.shape == ((3, 1, 1) if len(shape) == 3 else ())
    (member,) = portable_network(tmp_path / "0" / "weights", test.classes, test.images)["members"]
    assert member["mean"] == (mean.ravel().tolist() if len(shape) == 3 else mean)
    assert member["layers"][0]["inputs"] == (3 if "network" in recipe else math.prod(shape))


def test_memory_holds_neither_the_images_nor_their_floats(tmp_path: Path) -> None:
    """The 98 MB of images stay in the file: a training takes no more than what libraries and a few batches need, 110 MB."""
    save_split(tmp_path / "train", random_split(8_000, (3, 64, 64), 3, 0))
    hard = {"warmup_epochs": 1, "warmup_fraction": 0.1, "fraction": 0.1}  # all images are run through the network once
    recipe = {**DENSE, "epochs": 2, "snapshots": [], "hard_examples": hard}
    code = (
        "import sys, digits.train\n"
        "def own(): return int(open('/proc/self/status').read().split('RssAnon:')[1].split()[0]) / 1000\n"
        "before = own(); digits.train.main(); print('megabytes:', own() - before)"
    )
    # As the rules do it: what is freed stays with the process, so that its end shows the most that it had.
    environment = {
        "PYTHONPATH": f"{ROOT / 'workflow'}",
        "MALLOC_MMAP_THRESHOLD_": f"{2**30}",
        "MALLOC_TRIM_THRESHOLD_": f"{2**31 - 1}",
    }
    result = process([sys.executable, "-c", code, *train_line(tmp_path, 0, recipe)], env={**os.environ, **environment})
    assert result.status == 0, result.output
    assert float(result.output.split("megabytes:")[1]) < 150
