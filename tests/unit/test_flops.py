"""Operations counted by hand: a multiplication and an addition are two."""

from digits.core.seeding import generator_for
from digits.networks.flops import flops_per_image
from digits.networks.network import build_network
from small import COLOURED, SHAPE, convolutional, network, recipe


def test_a_dense_networks() -> None:
    net = build_network(recipe(hidden=[500]), (28, 28), 10, generator_for("a"))
    first, second = 2 * 784 * 500, 2 * 500 * 10
    # Backward: the gradient of the weights of each layer, and of the inputs of the second.
    assert flops_per_image(net, (28, 28)) == (first + second + first + second + second, first + second)


def test_a_convolutional_networks() -> None:
    net = network(convolutional())
    # 4×5 pixels become 2×3 places; a place of the first layer takes 9 products a channel, of the second 3·9.
    first, second, last = 2 * 6 * 3 * 9, 2 * 6 * 4 * 27, 2 * 4 * 5
    assert flops_per_image(net, SHAPE) == (2 * first + 3 * second + 3 * last, first + second + last)
    # Of three colours, the first layer takes three times as many.
    of_colours = flops_per_image(network(convolutional(), COLOURED), COLOURED)
    assert of_colours == (2 * 3 * first + 3 * second + 3 * last, 3 * first + second + last)


def test_features_that_are_reused_need_no_gradients() -> None:
    net = network(recipe())
    for p in net.body.layers()[0]:
        p.requires_grad_(False)
    first, second = 2 * 20 * 12, 2 * 12 * 5
    assert flops_per_image(net, (4, 5)) == (first + second + second, first + second)
    assert all(p.grad is None for p in net.parameters())
