"""The training against torch.nn and torch.optim; what early stopping, averaging and reused features end with."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from digits.core.seeding import generator_for
from digits.data.examples import Examples
from digits.networks.network import build_network
from digits.networks.weights import learned, load_weights, save_weights
from digits.settings.recipes import Recipe
from digits.train import reuse_features
from digits.training.loop import DivergenceError, Epoch, Training, fit, set_mode, validate_epoch
from small import (
    COLOURED,
    SHAPE,
    all_of,
    as_modules,
    convolutional,
    examples,
    facts,
    network,
    pixels,
    recipe,
    torch_epochs,
    torch_losses,
    training,
)
from torch import Tensor

NOTHING = examples(count=0)
ORDER = torch.randperm(40, generator=generator_for("order"))  # of the first epoch
Make = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


def train(settings: Recipe, data: Examples | None = None) -> tuple[Training, Tensor]:
    """Train on the random images; return the training and the losses of its last epoch."""
    run = training(settings, data or examples())
    for epoch in range(1, settings.epochs + 1):
        losses = run.train_epoch(epoch)
    return run, losses


def sgd(parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.3)


@pytest.mark.parametrize("shape", [SHAPE, COLOURED])
@pytest.mark.parametrize(
    ("changes", "make"),
    [
        ({"loss": "mnist_loss"}, sgd),
        ({"loss": "mnist_loss", "hidden": []}, sgd),
        ({"hidden": [12, 7]}, sgd),
        ({"label_smoothing": 0.2}, sgd),
        ({"batch_size": 13}, sgd),  # the last batch is of one image
        ({"momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9)),
        ({"optimiser": "adam", "momentum": 0.8}, lambda p: torch.optim.Adam(p, lr=0.3, betas=(0.8, 0.9))),
    ],
)
def test_epochs_are_those_of_torch_nn_and_torch_optim(
    changes: dict[str, Any], make: Make, shape: Sequence[int]
) -> None:
    settings, data = recipe(epochs=2, **changes), examples(shape=shape)
    model = as_modules(network(settings, shape).parameters())
    expected, weights = torch_epochs(model, make(model.parameters()), data, settings)
    run, losses = train(settings, data)
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close([p.detach() for p in run.network.parameters()], weights[-1])
    assert (run.step, run.steps, run.seen, run.scored) == (len(weights), len(weights), 80, 0)


def test_validate_epoch_joins_batches_of_different_size() -> None:
    data, settings = examples(count=1501), recipe(label_smoothing=0.1, dropout=0.5)
    net = network(settings).eval()
    scores = net(pixels(data)).detach()
    loss, accuracy = validate_epoch(data, net.train(), settings)
    assert loss == pytest.approx(torch_losses(scores, data.y, settings).mean().item(), rel=1e-5)
    assert accuracy == pytest.approx((scores.argmax(1) == data.y.int().argmax(1)).double().mean().item(), abs=1e-12)


def test_the_rate_follows_the_schedule_at_each_step() -> None:
    settings = recipe(epochs=2, schedule="one_cycle", warmup_fraction=0.5, learning_rate=1)
    rates = [epoch.learning_rate for epoch in fit(training(settings, examples()), NOTHING)]
    assert rates == [1.0, 0.2]  # 10 steps: 0.2, 0.4, … 1; 1, 0.8, … 0.2


def test_the_history_has_means_over_the_images() -> None:
    settings = recipe(epochs=3, batch_size=13)
    ours, again = training(settings, examples()), training(settings, examples())
    for epoch in fit(ours, examples(seed=2)):
        losses = again.train_epoch(epoch.epoch)
        assert epoch.train_loss == pytest.approx(losses.mean().item(), rel=1e-6)
        assert epoch.train_accuracy == again.right.sum() / len(again.train.y)
        found = (epoch.validation_loss, epoch.validation_accuracy)
        assert found == validate_epoch(examples(seed=2), again.network, settings)
    assert [epoch.validation_loss for epoch in fit(training(settings, examples()), NOTHING)] == [None] * 3
    slow = next(iter(fit(training(recipe(batch_size=13, learning_rate=1e-9), examples()), NOTHING)))
    assert slow.train_accuracy == pytest.approx(validate_epoch(examples(), network(settings), settings)[1], abs=1e-9)


def test_the_history_has_recall_by_class_saturation_and_gradients() -> None:
    settings = recipe(batch_size=40, init="normal")  # one step: the epoch's predictions are those of the first weights
    data = examples()
    data = all_of(data.images[~data.y[:, 3]], data.y[~data.y[:, 3]])  # of one class there is no image
    run, first = training(settings, data), network(settings)
    epoch = next(iter(fit(run, NOTHING)))
    scores, labels = first(pixels(data)), data.y.int().argmax(1)
    right = scores.argmax(1) == labels
    assert epoch.recalls == (
        *(right[labels == n].double().mean().item() for n in range(3)),
        None,
        right[labels == 4].double().mean(),
    )
    assert epoch.saturated == pytest.approx(((scores.sigmoid() - 0.5).abs() > 0.49).double().mean().item())
    assert 0 < epoch.saturated < 1
    torch_losses(scores, data.y, settings).mean().backward()
    norms = [
        (w.grad.norm() / w.detach().norm()).item() for w in first.parameters() if w.dim() == 2 and w.grad is not None
    ]
    assert epoch.gradients == pytest.approx(norms, rel=1e-4)
    names = ["saturated", "gradient_1", "gradient_2", *(f"recall_{name}" for name in "abcde")]
    assert Epoch.columns(2, "abcde")[-8:] == names
    assert len(epoch.row()) == len(Epoch.columns(2, "abcde"))


def test_early_stopping_ends_after_its_epochs_with_the_weights_of_the_lowest_loss() -> None:
    """The brightest of the first pixels is the class: 40 images teach something of that, then they are learned by heart."""
    images = [examples(seed=seed).images for seed in (1, 2)]
    train, validation = (all_of(x, torch.nn.functional.one_hot(x[:, 0].argmax(1), 5).bool()) for x in images)
    settings = recipe(epochs=200, early_stopping=3, validation_size=40)
    run = training(settings, train)
    losses = [epoch.validation_loss or 0.0 for epoch in fit(run, validation)]
    lowest = losses.index(min(losses)) + 1
    assert 1 < lowest == len(losses) - 3 < 197
    assert all(min(losses[n : n + 3]) < min(losses[:n]) for n in range(1, lowest)), "not later than it had to"
    assert validate_epoch(validation, run.network, settings)[0] == min(losses)


def test_the_average_is_over_the_weights_of_the_last_steps() -> None:
    settings = recipe(epochs=2, weight_averaging=0.4)
    model = as_modules(network(settings).parameters())
    _, weights = torch_epochs(model, torch.optim.SGD(model.parameters(), lr=0.3), examples(), settings)
    run = training(settings, examples())
    list(fit(run, NOTHING))
    expected = [torch.stack(steps).mean(dim=0) for steps in zip(*weights[-4:], strict=True)]  # 4 of 10 steps
    torch.testing.assert_close([p.detach() for p in run.network.parameters()], expected)


def test_batch_norms_of_averaged_weights_are_measured_anew() -> None:
    settings = convolutional(weight_averaging=0.5)
    run, _ = train(settings)
    state = run.generator.get_state()
    run.use_average()
    again = torch.Generator()
    again.set_state(state)
    convolution = next(run.network.parameters()).detach()
    means, variances = [], []
    for _ in range(20):
        x = pixels(examples())[torch.randint(40, (40,), generator=again)]
        outputs = torch.nn.functional.conv2d(x[:, None], convolution, stride=2, padding=1)
        means.append(outputs.mean(dim=(0, 2, 3)))
        variances.append(outputs.var(dim=(0, 2, 3)))
    tensors = learned(run.network)
    torch.testing.assert_close(tensors["norms.0.running_mean"], torch.stack(means).mean(dim=0))
    torch.testing.assert_close(tensors["norms.0.running_var"], torch.stack(variances).mean(dim=0))


@pytest.mark.parametrize("average", [0.0, 0.5])
@pytest.mark.parametrize("make", [recipe, convolutional])
def test_reused_features_stay_as_they_are(tmp_path: Path, make: Callable[..., Recipe], average: float) -> None:
    """The last layer alone is trained."""
    source, _ = train(make())
    save_weights(tmp_path / "weights", learned(source.network), facts(source.recipe))
    settings = make(features_of="source", weight_averaging=average, epochs=2)
    data = examples(seed=3, classes=2)
    net = build_network(settings, SHAPE, 2, generator_for("b"))
    reuse_features(net, load_weights(tmp_path / "weights")[0], tmp_path / "weights")
    run = Training(data, net, settings, generator_for("order"))
    before = learned(run.network)
    list(fit(run, NOTHING))
    after = learned(run.network)
    last = ["w2", "b2"] if make is recipe else ["dense.0.weight", "dense.0.bias"]
    for name, tensor in after.items():
        if name in last:
            assert not torch.equal(tensor, before[name]), name
        else:
            assert torch.equal(tensor, learned(source.network)[name]), name
    assert len(after) > len(last)


def test_the_mode_of_reused_batch_norms_is_that_of_evaluation() -> None:
    for settings, norms_train in ((convolutional(), True), (convolutional(features_of="x"), False)):
        net = network(settings)
        set_mode(net, settings)
        modes = {m.training for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)}
        assert (net.body.training, modes) == (True, {norms_train})


def test_images_not_seen_before_the_first_hard_epoch_are_run_through_the_network() -> None:
    settings = recipe(epochs=4, hard_examples={"warmup_epochs": 2, "warmup_fraction": 0.5, "fraction": 0.25})
    run, sizes, scored = training(settings, examples()), [], []
    for epoch in range(1, 5):
        expected = torch_losses(run.network.eval()(pixels(examples())).detach(), examples().y, settings)
        sizes.append(len(run.train_epoch(epoch)))
        scored.append(run.scored)
        if epoch == 3:
            assert run.sampler.losses is not None
            close = torch.isclose(run.sampler.losses, expected, rtol=1e-5)
            assert 30 <= close.sum() < 40, "all but those trained on since"
    assert (sizes, scored, run.seen) == ([20, 20, 10, 10], [0, 0, 40, 40], 60)


def test_class_weights_are_torchs_and_count_in_the_step_alone() -> None:
    settings, data = recipe(class_weights="balanced", batch_size=40), examples()
    run = training(settings, data)
    before = [p.detach().clone() for p in run.network.parameters()]
    scores, labels, counts = run.network(data.batch(torch.arange(40))[0]), data.y.int().argmax(1), data.y.sum(dim=0)
    assert len(set(counts.tolist())) > 1, "or nothing would differ"
    weight = 40 / (5 * counts.float())
    losses = torch.nn.functional.cross_entropy(scores, labels, weight=weight, reduction="none")
    slopes = torch.autograd.grad(losses.mean(), list(run.network.parameters()))
    plain = torch_losses(scores.detach(), data.y, settings)
    torch.testing.assert_close(run.train_epoch(1).sort().values, plain.sort().values)
    for old, slope, new in zip(before, slopes, run.network.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old - settings.learning_rate * slope)


def test_augmentation_changes_what_is_trained_on() -> None:
    (_, plain), (_, shifted) = train(recipe()), train(recipe(augmentation={"shift": 2}))
    assert torch.isclose(plain, shifted).sum() < 10, "one of 25 shifts is none"


@pytest.mark.parametrize(
    ("changes", "spoil", "message"),
    [
        # The 18th image of the order is in the third batch of the first epoch.
        (
            {},
            lambda x: x[ORDER[17]].fill_(torch.nan),
            "the loss became nan at epoch 1, batch 3 (step 3); choose a recipe.l",
        ),
        (
            {"learning_rate": 1e38, "batch_size": 40},
            lambda x: x.mul_(1e3),
            "a weight became infinite at epoch 1, batch 1 (step 1); choose a recipe.learning_rate below 1e+38",
        ),
    ],
)
def test_divergence_is_located(changes: dict[str, Any], spoil: Callable[[Tensor], object], message: str) -> None:
    """A loss or a weight that is no number ends the training."""
    data = examples()
    data = data._replace(images=data.images.float())  # bytes are always numbers
    spoil(data.images)
    with pytest.raises(DivergenceError, match="^" + re.escape(message)):
        list(fit(training(recipe(epochs=3, **changes), data), NOTHING))
