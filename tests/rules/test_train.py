"""`digits.train`: the same bits every time, a history that torch.nn agrees with, and a stop that leaves nothing behind."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Command, Refused
from digits.lib.networks import generator_for, make_params
from digits.lib.recipes import make_recipe
from project import RECIPES, RUNS, TENSORS, arguments, built_by
from safetensors import safe_open
from safetensors.torch import load_file

LINEAR, OTHER_SEED, PUBLISHED, _ = RUNS


def recipe(model: str = "linear", **changes: Any) -> list[str]:
    return ["--recipe", json.dumps({**RECIPES[model], **changes})]


def history(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("run", [LINEAR, PUBLISHED])
def test_history_and_weights_are_those_of_torch_nn(trained: Path, run: str) -> None:
    model = Path(run).parent.name
    settings = RECIPES[model]
    tensors = load_file(trained / TENSORS[0])
    images, labels = tensors["images"].flatten(1) / 255, tensors["labels"].long()
    order = torch.randperm(500, generator=generator_for("validation split"))
    kept, held_out = (
        order[: 500 - settings["validation_size"]].sort().values,
        order[500 - settings["validation_size"] :],
    )

    generator = generator_for(model, 0)
    params = make_params(make_recipe(settings), 784, 10, generator)
    layers: list[torch.nn.Module] = []
    for w, b in zip(params[::2], params[1::2], strict=True):
        layer = torch.nn.Linear(*w.shape)
        layer.weight.data, layer.bias.data = w.T.clone(), b.clone()
        layers += [layer, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD(net.parameters(), lr=50)

    def loss(chosen: torch.Tensor) -> torch.Tensor:
        targets = torch.nn.functional.one_hot(labels[chosen], 10).float()
        return torch.nn.functional.l1_loss(net(images[chosen]).sigmoid(), targets)

    rows = history(trained / run / "history.csv")
    assert [list(row) for row in rows] == [
        ["epoch", "learning_rate", "train_loss", "validation_loss", "validation_accuracy"]
    ] * 3
    for number, row in enumerate(rows, start=1):
        losses = []
        for batch in torch.randperm(len(kept), generator=generator).split(50):
            optimiser.zero_grad()
            losses.append(loss(kept[batch]))
            losses[-1].backward()
            optimiser.step()
        assert (row["epoch"], row["learning_rate"]) == (str(number), "50.0")
        assert float(row["train_loss"]) == pytest.approx(torch.stack(losses).mean().item(), rel=1e-4)
        if not len(held_out):
            assert row["validation_loss"] == row["validation_accuracy"] == ""
            continue
        right = (net(images[held_out]).argmax(1) == labels[held_out]).double().mean().item()
        assert float(row["validation_loss"]) == pytest.approx(loss(held_out).item(), rel=1e-4)
        assert float(row["validation_accuracy"]) == pytest.approx(right, abs=1e-9)

    weights = load_file(trained / run / "weights.safetensors")
    assert list(weights) == sorted(f"{letter}{n + 1}" for letter in "wb" for n in range(len(params) // 2))
    for n, module in enumerate(layers[::2], start=1):
        assert isinstance(module, torch.nn.Linear)
        torch.testing.assert_close(weights[f"w{n}"], module.weight.data.T, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(weights[f"b{n}"], module.bias.data, rtol=1e-3, atol=1e-4)


def test_the_weights_file_says_how_it_was_trained(trained: Path) -> None:
    with safe_open(trained / PUBLISHED / "weights.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["training"]) == {
            "model": "published",
            "seed": 0,
            "recipe": RECIPES["published"],
            "train_size": 500,
            "classes": list("0123456789"),
        }


def test_snapshots_are_the_weights_at_their_epochs(command: Command, trained: Path, target: Path) -> None:
    one_epoch = recipe("published", epochs=1, snapshots=[])
    assert command("train", *arguments("train", trained, target, PUBLISHED), *one_epoch).status == 0
    after = {
        1: load_file(target / PUBLISHED / "weights.safetensors"),
        3: load_file(trained / PUBLISHED / "weights.safetensors"),
    }
    snapshots = load_file(trained / PUBLISHED / "snapshots.safetensors")
    assert set(snapshots) == {f"epoch-{epoch}.{name}" for epoch in (1, 3) for name in ("w1", "b1", "w2", "b2")}
    for name, tensor in snapshots.items():
        assert torch.equal(tensor, after[int(name[6])][name[8:]]), name
    assert load_file(trained / LINEAR / "snapshots.safetensors") == {}


def test_seeds_start_from_other_weights(trained: Path) -> None:
    first, second = (load_file(trained / run / "weights.safetensors")["w1"] for run in (LINEAR, OTHER_SEED))
    assert first.shape == second.shape
    assert (first != second).float().mean().item() > 0.99


def test_auto_means_the_processor_where_there_is_no_cuda(
    command: Command, monkeypatch: pytest.MonkeyPatch, trained: Path, target: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = command("train", *arguments("train", trained, target), "--device", "auto")
    assert result.status == 0, result.output
    assert built_by("train", target) == built_by("train", trained)


def test_a_log_gets_plain_lines(command: Command, trained: Path, target: Path) -> None:
    result = command("train", *arguments("train", trained, target, LINEAR))
    rows = history(trained / LINEAR / "history.csv")
    lines = [
        f"epoch {row['epoch']}/3: training loss {float(row['train_loss']):.4f}, "
        f"validation accuracy {float(row['validation_accuracy']):.2%}, N images/s\n"
        for row in rows
    ]
    assert re.sub(r"[\d,]+ images/s", "N images/s", result.output) == "".join(lines)


BAD_RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "batch": (
        {"batch_size": 401},
        "recipe.batch_size: 401 is more than the 400 images to train on; choose a smaller one",
    ),
    "hold out": (
        {"validation_size": 500},
        "recipe.validation_size: 500 of 500 images leaves none to train on; hold out fewer",
    ),
    "loss": (
        {"loss": "cross_entrpy"},
        "recipe.loss: unknown loss 'cross_entrpy', did you mean 'cross_entropy'? (known: ",
    ),
    "weights": ({"weights": "xavier"}, "recipe.weights: unknown weights 'xavier' (known: kaiming, normal)"),
    "key": (
        {"learning_rte": 3},
        "recipe: unknown key 'learning_rte', did you mean 'learning_rate'? (known: batch_size, ",
    ),
    "rate": ({"learning_rate": -0.5}, "recipe.learning_rate: -0.5 is not a number above 0"),
    "epochs": ({"epochs": 0}, "recipe.epochs: 0 is not a whole number from 1"),
    "snapshots": ({"snapshots": [4]}, "recipe.snapshots: [4] is not a list of different epochs, from 1 to 3"),
    "a loss that becomes NaN, in steps that are counted over epochs": (
        {"loss": "cross_entropy", "hidden": [20], "batch_size": 200, "learning_rate": 1e10},
        "the loss became nan at epoch 2, batch 1 (step 3); choose a recipe.learning_rate below 1e+10",
    ),
}


@pytest.mark.parametrize("case", BAD_RECIPES)
def test_a_bad_recipe_is_explained(trained: Path, refused: Refused, case: str) -> None:
    changes, message = BAD_RECIPES[case]
    assert refused("train", trained, *recipe(**changes)).startswith(f"error: {message}")


def test_a_recipe_that_is_no_json(trained: Path, refused: Refused) -> None:
    assert refused("train", trained, "--recipe", "{").startswith("error: --recipe: not JSON (")
    assert "recipe: key 'hidden' is missing" in refused("train", trained, "--recipe", "{}")


def test_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch, trained: Path, refused: Refused) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refused("train", trained, "--device", "cuda") == (
        "error: device: cuda was asked for, but torch finds no CUDA device here; choose cpu or auto"
    )
