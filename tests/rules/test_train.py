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
from digits.data.examples import Examples
from digits.networks.dense import make_params
from digits.settings.recipes import make_recipe
from project import RECIPES, RUNS, TENSORS, built_by, header, rows
from safetensors.torch import load_file
from small import as_modules, as_params, torch_epochs, torch_losses

LINEAR, _, PUBLISHED, _, CONVOLUTIONAL, _ = RUNS
DIVERGING: dict[str, Any] = {"loss": "cross_entropy", "hidden": [20], "batch_size": 200, "learning_rate": 1e10}
UNSEEN: dict[str, Any] = {  # losses stay numbers, and so do weights, but not the statistics of the batch norm
    **DIVERGING,
    **{"network": "convolutional", "convolutions": [[4, 3, 2]], "hidden": [], "batch_norm": True},
    **{"epochs": 1, "learning_rate": 1e25, "init": "kaiming"},
}


def recipe(model: str = "linear", **changes: Any) -> list[str]:
    return ["--recipe", json.dumps({**RECIPES[model], **changes})]


# With the tutorial's rate of 50, hidden units make float32's rounding grow until torch differs from itself in float64.
@pytest.mark.parametrize(("run", "rate"), [(LINEAR, 50.0), (PUBLISHED, 2.0)])
def test_a_run_is_that_of_torch_nn(ran: Ran, trained: Path, target: Path, run: str, rate: float) -> None:
    model = Path(run).parent.name
    settings = make_recipe({**RECIPES[model], "learning_rate": rate})
    ran("train", trained, target, *recipe(model, learning_rate=rate), run=run)
    tensors = load_file(trained / TENSORS[0])
    images, labels = tensors["images"].flatten(1), tensors["labels"].long()
    targets = torch.nn.functional.one_hot(labels, 10).bool()
    order = torch.randperm(500, generator=generator_for("validation split"))
    kept, held_out = (part.sort().values for part in order.tensor_split([500 - int(settings.validation_size)]))
    generator = generator_for(model, 0)
    params = make_params([784, *settings.hidden, 10], settings.init, generator)
    net = as_modules(params)
    data, sgd = Examples(images, kept, targets[kept]), torch.optim.SGD(net.parameters(), lr=rate)
    losses, _ = torch_epochs(net, sgd, data, settings, generator)

    history = rows(target / run / "history.csv")
    names = "epoch learning_rate train_loss train_accuracy validation_loss validation_accuracy saturated"
    layers = [f"gradient_{layer}" for layer in range(1, settings.layers() + 1)]
    assert list(history[0]) == [*names.split(), *layers, *(f"recall_{digit}" for digit in range(10))]
    assert [(row["epoch"], row["learning_rate"]) for row in history] == [(epoch, str(rate)) for epoch in "123"]
    assert float(history[-1]["train_loss"]) == pytest.approx(losses.mean().item(), rel=1e-4)
    validation = [history[-1][f"validation_{kind}"] for kind in ("loss", "accuracy")]
    if len(held_out):
        loss = torch_losses(net(images[held_out] / 255).detach(), targets[held_out], settings).mean().item()
        right = (net(images[held_out] / 255).argmax(1) == labels[held_out]).double().mean().item()
        assert [float(text) for text in validation] == [pytest.approx(loss, rel=1e-4), pytest.approx(right, abs=1e-9)]
    else:
        assert validation == ["", ""]

    scores = load_file(target / run / "validation.safetensors")
    torch.testing.assert_close(scores["logits"], net(images[held_out] / 255).detach(), rtol=1e-3, atol=1e-2)
    assert scores["labels"].tolist() == labels[held_out].tolist()
    weights = load_file(target / run / "weights.safetensors")
    tensor_names = [f"{letter}{n + 1}" for n in range(len(params) // 2) for letter in "wb"]
    torch.testing.assert_close(weights, dict(zip(tensor_names, as_params(net), strict=True)), rtol=1e-3, atol=1e-4)


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
    expected = {
        "model": model,
        "seed": 0,
        "recipe": make_recipe(RECIPES[model]).header(),
        "members": 1,
        "epochs": RECIPES[model]["epochs"],
    }
    expected |= {"train_size": 500, "training_flops": flops, "processors": [processor()], "shape": [28, 28]}
    assert header(trained / run / "weights.safetensors") == {**expected, "classes": list("0123456789")}


@pytest.mark.parametrize("run", [LINEAR, CONVOLUTIONAL])
def test_networks_learn_and_seeds_start_from_other_weights(trained: Path, run: str) -> None:
    first, *_, last = rows(trained / run / "history.csv")
    assert float(last["train_loss"]) < float(first["train_loss"])
    one, other = (load_file(trained / path / "weights.safetensors") for path in (run, run.replace("seed-0", "seed-1")))
    name = "w1" if run == LINEAR else "dense.0.weight"
    assert (one[name] != other[name]).float().mean().item() > 0.99


def test_snapshots_are_the_weights_at_their_epochs(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe("published", epochs=1, snapshots=[]), run=PUBLISHED)
    after = {epoch: load_file(of / PUBLISHED / "weights.safetensors") for epoch, of in ((1, target), (3, trained))}
    snapshots = load_file(trained / PUBLISHED / "snapshots.safetensors")
    assert set(snapshots) == {f"epoch-{epoch}.{name}" for epoch in (1, 3) for name in ("w1", "b1", "w2", "b2")}
    for name, tensor in snapshots.items():
        assert torch.equal(tensor, after[int(name[6])][name[8:]]), name
    assert load_file(trained / LINEAR / "snapshots.safetensors") == {}


def test_another_processor_is_said(ran: Ran, monkeypatch: pytest.MonkeyPatch, trained: Path, target: Path) -> None:
    monkeypatch.setattr(digits.train, "processor", lambda: "aarch64 with Linux")
    assert "Training on aarch64 with Linux: results differ in the last digits" in ran("train", trained, target)
    assert header(target / LINEAR / "weights.safetensors")["processors"] == ["aarch64 with Linux"]


def test_without_cuda(ran: Ran, monkeypatch: pytest.MonkeyPatch, trained: Path, target: Path, refused: Refused) -> None:
    """Auto means the processor. Nor does it change anything to record a divergence where there is none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refused("train", trained, "--device", "cuda").startswith("error: device: cuda ")
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rte": 3}, "recipe: unknown key 'learning_rte', did you mean 'learning_rate'?"),
        ({"batch_size": 401}, "recipe.batch_size: 401 is more than the 400 images"),
        (UNSEEN, "a weight became infinite at epoch 1, batch"),
        (DIVERGING, "the loss became nan at epoch 2, batch 1 (step 3); choose a recipe.learning_rate below 1e+10"),
    ],
)
def test_a_bad_recipe_is_explained(trained: Path, refused: Refused, changes: dict[str, Any], message: str) -> None:
    assert refused("train", trained, *recipe(**changes)).startswith(f"error: {message}")


def test_a_divergence_can_be_recorded(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe(**DIVERGING), "--on-divergence", "record")
    scores = load_file(target / LINEAR / "validation.safetensors")
    assert scores["logits"].shape == (100, 10) and scores["logits"].isnan().all()
    assert torch.equal(scores["labels"], load_file(trained / LINEAR / "validation.safetensors")["labels"])
    assert [row["epoch"] for row in rows(target / LINEAR / "history.csv")] == ["1"]
    assert header(target / LINEAR / "weights.safetensors")["epochs"] == 1


def test_one_image_may_be_held_out(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe(validation_size=1))
    assert load_file(target / LINEAR / "validation.safetensors")["labels"].shape == (1,)


def test_early_stopping_ends_the_history(ran: Ran, trained: Path, target: Path) -> None:
    ran("train", trained, target, *recipe(epochs=500, early_stopping=1))
    losses = [float(row["validation_loss"]) for row in rows(target / LINEAR / "history.csv")]
    assert len(losses) < 500 and losses[-1] >= losses[-2] and sorted(losses[:-1], reverse=True) == losses[:-1]
    assert header(target / LINEAR / "weights.safetensors")["epochs"] == len(losses)


def test_features_go_with_a_recipe_that_reuses_them(trained: Path, refused: Refused) -> None:
    weights = trained / PUBLISHED / "weights.safetensors"
    for more in (["--features", weights], recipe("published", features_of="x")):
        assert refused("train", trained, *more).startswith("error: --features: ")
    other = recipe("published", features_of="published", hidden=[30])
    error = refused("train", trained, *other, "--features", weights, run=PUBLISHED)  # w2, the last layer, is its own
    error_of_another = refused(
        "train", trained, *recipe("published", features_of="x"), "--features", weights, run=PUBLISHED
    )
    said = f"error: --features: {weights} is of published, seed 0; the recipe reuses the features of x, seed 0"
    assert error_of_another == said
    assert "do not fit the recipe: found b1 20, w1 784×20, expected b1 30, w1 784×30; " in error


def test_what_images_decide_is_in_the_weights_header_and_evaluated_as_it_is(
    ran: Ran, trained: Path, target: Path
) -> None:
    auto: dict[str, Any] = {"convolutions": "auto", "batch_size": "auto", "augmentation": {"shift": "auto"}}
    more: dict[str, Any] = {
        "network": "convolutional",
        "hidden": [],
        "init": "kaiming",
        "loss": "cross_entropy",
        "validation_size": 0.2,
    }
    given = recipe(epochs=1, learning_rate=0.1, batch_norm=True, class_weights="balanced", **auto, **more)
    assert "warning" not in ran("train", trained, target, *given)
    path = target / LINEAR / "weights.safetensors"
    found = header(path)["recipe"]
    assert found["convolutions"] == [[16, 5, 2], [32, 3, 2], [64, 3, 1], [64, 3, 1]]
    assert (found["batch_size"], found["augmentation"], found["class_weights"]) == (16, {"shift": 2}, "balanced")
    assert header(path)["train_size"] == 400
    written = [f"--{name}={target / LINEAR / name}.safetensors" for name in ("weights", "snapshots", "validation")]
    ran("evaluate", trained, target, *given, *written)


def test_a_recipe_that_leaves_too_few_pixels_is_warned_of(ran: Ran, trained: Path, target: Path) -> None:
    said = ran("train", trained, target, *recipe(crop=5))
    warning = "warning: recipe.crop: 5 leaves 18×18 of 28×28 pixels; choose 0"
    assert [line for line in said.splitlines() if line.startswith("warning")] == [warning]
