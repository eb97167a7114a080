"""`digits.train`: the same bits every time, a history that torch.nn agrees with, and a stop that leaves nothing behind."""

import json
import re
from pathlib import Path
from typing import Any

import digits.train
import pytest
import torch
from conftest import Ran, Refused
from digits.core.arithmetic import processor
from digits.core.seeding import generator_for
from digits.networks.dense import make_params
from project import RECIPES, RUNS, TENSORS, built_by, header, rows
from safetensors.torch import load_file
from small import as_modules, as_params

LINEAR, _, PUBLISHED, _, CONVOLUTIONAL, _ = RUNS


def recipe(model: str = "linear", **changes: Any) -> list[str]:
    return ["--recipe", json.dumps({**RECIPES[model], **changes})]


# With the tutorial's rate of 50, hidden units make float32's rounding grow until torch differs from itself in float64;
# tests/unit/test_training.py compares that rate in float64.
@pytest.mark.parametrize(("run", "rate"), [(LINEAR, 50.0), (PUBLISHED, 2.0)])
def test_history_and_weights_are_those_of_torch_nn(
    ran: Ran, trained: Path, target: Path, run: str, rate: float
) -> None:
    model = Path(run).parent.name
    settings = RECIPES[model]
    ran("train", trained, target, *recipe(model, learning_rate=rate), run=run)
    tensors = load_file(trained / TENSORS[0])
    images, labels = tensors["images"].flatten(1) / 255, tensors["labels"].long()
    order = torch.randperm(500, generator=generator_for("validation split"))
    size = 500 - settings["validation_size"]
    kept, held_out = order[:size].sort().values, order[size:].sort().values

    generator = generator_for(model, 0)
    params = make_params([784, *settings["hidden"], 10], settings["init"], generator)
    net = as_modules(params)
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)

    def loss(chosen: torch.Tensor) -> torch.Tensor:
        targets = torch.nn.functional.one_hot(labels[chosen], 10).float()
        return torch.nn.functional.l1_loss(net(images[chosen]).sigmoid(), targets)

    history = rows(target / run / "history.csv")
    assert [list(row) for row in history] == [
        ["epoch", "learning_rate", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    ] * 3
    for number, row in enumerate(history, start=1):
        losses, right_of = [], []
        for batch in torch.randperm(len(kept), generator=generator).split(50):
            optimiser.zero_grad()
            losses.append(loss(kept[batch]))
            right_of.append((net(images[kept[batch]]).argmax(1) == labels[kept[batch]]).double().mean())
            losses[-1].backward()
            optimiser.step()
        assert (row["epoch"], row["learning_rate"]) == (str(number), str(rate))
        assert float(row["train_loss"]) == pytest.approx(torch.stack(losses).mean().item(), rel=1e-4)
        assert float(row["train_accuracy"]) == pytest.approx(torch.stack(right_of).mean().item(), abs=1e-9)
        if not len(held_out):
            assert row["validation_loss"] == row["validation_accuracy"] == ""
            continue
        right = (net(images[held_out]).argmax(1) == labels[held_out]).double().mean().item()
        assert float(row["validation_loss"]) == pytest.approx(loss(held_out).item(), rel=1e-4)
        assert float(row["validation_accuracy"]) == pytest.approx(right, abs=1e-9)

    scores = load_file(target / run / "validation.safetensors")
    torch.testing.assert_close(scores["logits"], net(images[held_out]).detach(), rtol=1e-3, atol=1e-2)
    assert scores["labels"].tolist() == labels[held_out].tolist()
    weights = load_file(target / run / "weights.safetensors")
    names = [f"{letter}{n + 1}" for n in range(len(params) // 2) for letter in "wb"]
    theirs = dict(zip(names, as_params(net), strict=True))
    torch.testing.assert_close(weights, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("run", "flops"),
    [
        (PUBLISHED, 3 * 500 * (2 * 2 * 784 * 20 + 3 * 2 * 20 * 10)),  # as tests/unit/test_flops.py counts them
        # 24×24 pixels become 12×12 and 6×6 places. 250 images once, 500 scored, the 200 hardest once.
        (
            CONVOLUTIONAL,
            450 * (2 * 144 * 4 * 9 * 2 + 2 * 36 * 8 * 36 * 3 + 2 * (8 * 10 + 10 * 10) * 3)
            + 500 * (2 * 144 * 4 * 9 + 2 * 36 * 8 * 36 + 2 * (8 * 10 + 10 * 10)),
        ),
    ],
)
def test_the_weights_file_says_how_it_was_trained(trained: Path, run: str, flops: int) -> None:
    model = Path(run).parent.name
    assert header(trained / run / "weights.safetensors") == {
        "model": model,
        "seed": 0,
        "recipe": RECIPES[model],
        "members": 1,
        "epochs": RECIPES[model]["epochs"],
        "train_size": 500,
        "training_flops": flops,
        "processors": [processor()],
        "classes": list("0123456789"),
        "shape": [28, 28],
    }


@pytest.mark.parametrize("run", [LINEAR, CONVOLUTIONAL])
def test_networks_learn_and_seeds_start_from_other_weights(trained: Path, run: str) -> None:
    first, *_, last = rows(trained / run / "history.csv")
    assert float(last["train_loss"]) < float(first["train_loss"])
    one, other = (load_file(trained / path / "weights.safetensors") for path in (run, run.replace("seed-0", "seed-1")))
    name = "w1" if run == LINEAR else "dense.0.weight"
    assert (one[name] != other[name]).float().mean().item() > 0.99


def test_snapshots_are_the_weights_at_their_epochs(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe("published", epochs=1, snapshots=[]), run=PUBLISHED)
    after = {
        1: load_file(target / PUBLISHED / "weights.safetensors"),
        3: load_file(trained / PUBLISHED / "weights.safetensors"),
    }
    snapshots = load_file(trained / PUBLISHED / "snapshots.safetensors")
    assert set(snapshots) == {f"epoch-{epoch}.{name}" for epoch in (1, 3) for name in ("w1", "b1", "w2", "b2")}
    for name, tensor in snapshots.items():
        assert torch.equal(tensor, after[int(name[6])][name[8:]]), name
    assert load_file(trained / LINEAR / "snapshots.safetensors") == {}


def test_another_kind_of_processor_is_said(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, trained: Path, target: Path
) -> None:
    monkeypatch.setattr(digits.train, "processor", lambda: "aarch64 with Linux")
    assert "Training on aarch64 with Linux: results differ in the last digits" in ran("train", trained, target)
    assert header(target / LINEAR / "weights.safetensors")["processors"] == ["aarch64 with Linux"]


def test_auto_means_the_processor_where_there_is_no_cuda(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, trained: Path, target: Path
) -> None:
    """Nor does it change anything to record a divergence where there is none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ran("train", trained, target, "--device", "auto", "--on-divergence", "record")
    assert built_by("train", target) == built_by("train", trained)


def test_a_log_gets_plain_lines(ran: Ran, trained: Path, target: Path) -> None:
    said = ran("train", trained, target)
    lines = [
        f"epoch {row['epoch']}/3: training loss {float(row['train_loss']):.4f}, "
        f"validation accuracy {float(row['validation_accuracy']):.2%}, N images/s\n"
        for row in rows(trained / LINEAR / "history.csv")
    ]
    assert re.sub(r"[\d,]+ images/s", "N images/s", said) == "".join(lines)


BAD_RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "batch": ({"batch_size": 401}, "recipe.batch_size: 401 is more than the 400 images"),
    "hold out": ({"validation_size": 500}, "recipe.validation_size: 500 of 500 images"),
    "loss": ({"loss": "cross_entrpy"}, "recipe.loss: unknown value 'cross_entrpy', did you mean 'cross_entropy'?"),
    "key": ({"learning_rte": 3}, "recipe: unknown key 'learning_rte', did you mean 'learning_rate'?"),
    "no JSON": ({}, "--recipe: not JSON ("),
    "rate": ({"learning_rate": -0.5}, "recipe.learning_rate is -0.5; "),
    "snapshots": ({"snapshots": [4]}, "recipe.snapshots: [4] come after the last epoch, 3"),
    "a loss that becomes NaN, in steps that are counted over epochs": (
        {"loss": "cross_entropy", "hidden": [20], "batch_size": 200, "learning_rate": 1e10},
        "the loss became nan at epoch 2, batch 1 (step 3); choose a recipe.learning_rate below 1e+10",
    ),
}


@pytest.mark.parametrize("case", BAD_RECIPES)
def test_a_bad_recipe_is_explained(trained: Path, refused: Refused, case: str) -> None:
    changes, message = BAD_RECIPES[case]
    given = recipe(**changes) if changes else ["--recipe", "{"]
    assert refused("train", trained, *given).startswith(f"error: {message}")


def test_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch, trained: Path, refused: Refused) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refused("train", trained, "--device", "cuda").startswith("error: device: cuda ")


DIVERGING = recipe(loss="cross_entropy", hidden=[20], batch_size=200, learning_rate=1e10)


def test_a_divergence_can_be_recorded(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *DIVERGING, "--on-divergence", "record")
    scores = load_file(target / LINEAR / "validation.safetensors")
    assert scores["logits"].shape == (100, 10) and scores["logits"].isnan().all()
    assert torch.equal(scores["labels"], load_file(trained / LINEAR / "validation.safetensors")["labels"])
    assert [row["epoch"] for row in rows(target / LINEAR / "history.csv")] == ["1"]
    assert header(target / LINEAR / "weights.safetensors")["epochs"] == 1


def test_early_stopping_ends_the_history(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe(epochs=500, early_stopping=1))
    losses = [float(row["validation_loss"]) for row in rows(target / LINEAR / "history.csv")]
    assert len(losses) < 500 and losses[-1] >= losses[-2] and sorted(losses[:-1], reverse=True) == losses[:-1]
    assert header(target / LINEAR / "weights.safetensors")["epochs"] == len(losses)


def test_features_go_with_a_recipe_that_reuses_them(trained: Path, refused: Refused) -> None:
    message = "error: --features: "
    weights = trained / PUBLISHED / "weights.safetensors"
    assert refused("train", trained, "--features", weights).startswith(message)
    assert refused("train", trained, *recipe("published", features_of="x")).startswith(message)
    other = recipe("published", features_of="published", hidden=[30])
    assert refused("train", trained, *other, "--features", weights, run=PUBLISHED).startswith(
        f"error: {weights}: weights do not fit the recipe: found b1 20, b2 10, w1 784×20, w2 30×10, expected b1 30, "
    )  # w2, the last layer, is its own
