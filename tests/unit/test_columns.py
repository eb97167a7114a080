"""Networks side by side: each learns what it would alone, and the answer is their mean."""

import pytest
import torch
from digits.lib.networks import Network, build_network, generator_for
from digits.lib.recipes import Recipe
from digits.lib.training import calc_grad
from small import CLASSES, SHAPE, convolutional, examples, network, recipe, torch_losses, training

RECIPES = {
    "dense": recipe(columns=3),
    "the tutorial's loss": recipe(columns=2, loss="mnist_loss"),
    "convolutional": convolutional(columns=2),
}


def alone(net: Network, settings: Recipe) -> list[Network]:
    """Make a network of one column out of each."""
    one = convolutional() if settings.convolutions else recipe(loss=settings.loss)
    singles = []
    for column in range(settings.columns):
        single = build_network(one, SHAPE, CLASSES, generator_for("other"))
        start = f"columns.{column}."
        tensors = net.named_tensors().items()
        single.take({name.removeprefix(start): tensor for name, tensor in tensors if name.startswith(start)})
        singles.append(single)
    return singles


@pytest.mark.parametrize("settings", RECIPES.values(), ids=RECIPES)
def test_each_column_learns_what_it_would_alone(settings: Recipe) -> None:
    """From images of its own."""
    xb, yb = examples().batch(torch.arange(40).view(-1, 10)[: settings.columns])
    net = network(settings)
    losses, accuracy = calc_grad(xb, yb, net, settings)
    gradients = {name: p.grad for name, p in net.body.named_parameters()}
    accuracies = []
    for column, single in enumerate(alone(net, settings)):
        own, share = calc_grad(xb[column, None], yb[column, None], single, settings)
        torch.testing.assert_close(losses[column, None], own)
        accuracies.append(share)
        for name, p in single.body.named_parameters():
            torch.testing.assert_close(gradients[f"columns.{column}.{name}"], p.grad)
    torch.testing.assert_close(accuracy, torch.stack(accuracies).mean())


def test_each_column_has_an_order_and_hard_examples_of_its_own() -> None:
    hard = {"after": 1, "first": 0.5, "share": 0.25}
    settings = recipe(columns=2, epochs=3, hard_examples=hard, learning_rate=1e-4)  # weights stay almost as they are
    run = training(settings, examples())
    sizes = [len(run.train_epoch(epoch)) for epoch in (1, 2, 3)]
    assert (sizes, run.seen, run.scored) == ([20, 10, 10], 40, 40)
    first, second = (sampler.losses for sampler in run.samplers)
    assert first is not None and second is not None
    with torch.no_grad():
        singles = [torch_losses(net(examples().x), examples().y, settings) for net in alone(run.network, settings)]
    torch.testing.assert_close(torch.stack([first, second]), torch.stack(singles), rtol=0, atol=0.01)
    assert run.samplers[0].order(1).tolist() != run.samplers[1].order(1).tolist()


@pytest.mark.parametrize("settings", RECIPES.values(), ids=RECIPES)
def test_the_answer_is_the_mean_of_the_columns(settings: Recipe) -> None:
    x = examples().x
    net = network(settings).eval()
    each = [single.eval()(x) for single in alone(net, settings)]
    torch.testing.assert_close(net(x), torch.stack(each).mean(dim=0))
    assert not torch.allclose(each[0], each[1])  # weights of their own


def test_layers_and_products_are_those_of_all_columns() -> None:
    three, one = (network(recipe(columns=n)).body for n in (3, 1))
    assert [len(layer) for layer in three.layers()] == [3 * len(layer) for layer in one.layers()]
    assert {id(p) for layer in three.layers() for p in layer} == {id(p) for p in three.parameters()}
    assert three.products(4, 5) == [3 * count for count in one.products(4, 5)]
