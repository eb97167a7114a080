"""What a training costs in floating-point operations: the same number on every machine, unlike seconds."""

from collections.abc import Sequence

from digits.networks.network import Network


def flops_per_image(network: Network, shape: Sequence[int]) -> tuple[int, int]:
    """Return the operations for one image: of a training step (forward and backward), and of a prediction.

    Counted are the matrix products and convolutions, a multiplication and an addition as two: forward, for the gradient
    of each layer's weights, and for that of its inputs where a layer before it is trained. The rest (losses, steps,
    batch norms, augmentation) is small beside them and left out.
    """
    products = network.body.products(*(side - 2 * network.crop for side in shape[-2:]))
    trained = [layer[0].requires_grad for layer in network.body.layers()]
    prediction = sum(products)
    weights = sum(count for count, own in zip(products, trained, strict=True) if own)
    inputs = sum(count for number, count in enumerate(products) if any(trained[:number]))
    return 2 * (prediction + weights + inputs), 2 * prediction
