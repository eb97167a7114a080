"""Changed copies of the training images: what a digit may look like and still be the same digit.

`augment` makes a new copy of each image every time that it is trained on. Simard et al. 2003, "Best practices for
convolutional neural networks applied to visual document analysis", introduced these for MNIST.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

KNOTS = 5  # of the elastic warp, along each side


def augment(images: Tensor, changes: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Return changed copies of float32 images [batch, …, height, width], 0 to 1; what leaves the image is lost.

    Each image gets its own random changes. `changes` names how far each may go, evenly in both directions: `shift` in pixels,
    `rotation` in degrees, `scale`, `stretch` (one side alone) and `shear` as fractions; `elastic` is the standard
    deviation, in pixels, of a smooth random displacement; `flip` the probability that left and right are swapped.
    """
    if "flip" in changes:
        swapped = torch.rand(len(images), generator=generator).to(images.device) < changes["flip"]
        images = torch.where(swapped.view(-1, *[1] * (images.dim() - 1)), images.flip(-1), images)
        changes = {name: most for name, most in changes.items() if name != "flip"}
        if not changes:
            return images
    if set(changes) == {"shift"} and float(changes["shift"]).is_integer():
        return _shifted(images, int(changes["shift"]), generator)
    return _warped(images, changes, generator)


def _shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Move by whole pixels, which needs no interpolation."""
    count, (height, width) = len(images), images.shape[-2:]
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    down, right = torch.randint(2 * most + 1, (2, count), generator=generator).to(images.device)
    return padded.unfold(-2, height, 1).unfold(-2, width, 1)[torch.arange(count), ..., down, right, :, :]


def _warped(images: Tensor, changes: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Move, turn, size and warp: look up, for each pixel of the copy, the place in the image that it comes from."""
    count, (height, width) = len(images), images.shape[-2:]
    draws = (torch.rand(count, 6, generator=generator) * 2 - 1).to(images.device)
    most = {name: changes.get(name, 0.0) for name in ("rotation", "scale", "stretch", "shear", "shift")}
    angle, size = draws[:, 0] * math.radians(most["rotation"]), 1 + draws[:, 1] * most["scale"]
    stretch, shear = 1 + draws[:, 2] * most["stretch"], draws[:, 3] * most["shear"]
    cos, sin = (angle.cos() / size)[:, None, None], (angle.sin() / size)[:, None, None]
    stretch, shear = stretch[:, None, None], shear[:, None, None]
    # Places in grid_sample's units: the image reaches from -1 to 1, a pixel is 2 / width wide.
    x = ((torch.arange(width, device=images.device) * 2 + 1) / width - 1)[None, None, :]
    y = ((torch.arange(height, device=images.device) * 2 + 1) / height - 1)[None, :, None]
    right = (draws[:, 4] * most["shift"] * 2 / width)[:, None, None]
    down = (draws[:, 5] * most["shift"] * 2 / height)[:, None, None]
    # Of an oblong image, a unit across and a unit down are not the same number of pixels.
    from_x = cos * stretch * x + (cos * shear - sin) * (height / width) * y + right
    from_y = sin * stretch * (width / height) * x + (sin * shear + cos) * y + down
    if elastic := changes.get("elastic", 0.0):
        knots = torch.randn(count, 2, KNOTS, KNOTS, generator=generator).to(images.device)
        warp = torch.nn.functional.interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
        from_x = from_x + warp[:, 0] * (elastic * 2 / width)
        from_y = from_y + warp[:, 1] * (elastic * 2 / height)
    places = torch.stack([from_x, from_y], dim=3)
    colours = images.reshape(count, -1, height, width)
    copies = torch.nn.functional.grid_sample(colours, places, mode="bicubic", align_corners=False)
    return copies.reshape(images.shape)
