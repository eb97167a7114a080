"""Changed copies of images, measured on an oblong blob: its place, angle and size say what was done to it."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import torch
from digits.core.seeding import generator_for
from digits.data.tensors import load_split
from digits.settings.schema import schema_of
from digits.training.augmentation import augment
from torch import Tensor

AUGMENTATIONS = schema_of("recipes")["properties"]["augmentation"]["properties"]
WIDE, HIGH = 3.0, 2.4  # the blob's standard deviations, in pixels


Measure = Callable[[dict[str, Tensor]], Tensor]


def blob(count: int) -> Tensor:
    """The same image again and again: a smooth blob at the centre."""
    place = torch.arange(28) - 13.5
    image = torch.exp(-(place[None, :] ** 2) / (2 * WIDE**2) - (place[:, None] ** 2) / (2 * HIGH**2))
    return image.expand(count, 28, 28)


def moments(images: Tensor) -> dict[str, Tensor]:
    """Centre, in pixels from the middle, and covariance of each image's ink."""
    ink = images.double() / images.double().sum((1, 2), keepdim=True)
    place = torch.arange(28, dtype=torch.float64) - 13.5
    x, y = (ink * place).sum((1, 2)), (ink * place[:, None]).sum((1, 2))
    from_x, from_y = place - x[:, None, None], place[:, None] - y[:, None, None]
    products = {"xx": from_x**2, "yy": from_y**2, "xy": from_x * from_y}
    return {"x": x, "y": y, **{name: (ink * product).sum((1, 2)) for name, product in products.items()}}


def copies(**changes: float) -> dict[str, Tensor]:
    return moments(augment(blob(1000), changes, generator_for("copies")))


def assert_evenly_within(values: Tensor, most: float, slack: float = 0.01) -> None:
    """Between -most and most, with a standard deviation as of even draws, most / √3."""
    assert values.abs().max().item() <= most * (1 + slack)
    assert values.max().item() > 0.97 * most and values.min().item() < -0.97 * most
    assert values.std().item() == pytest.approx(most / math.sqrt(3), rel=0.05)


@pytest.fixture(scope="module")
def digits(tensors: Path) -> Tensor:
    return torch.from_numpy(load_split(tensors / "train.safetensors").images) / 255


@pytest.mark.parametrize("changes", [{}, {"shift": 0}, *({name: 0.0, "scale": 0.0} for name in AUGMENTATIONS)])
def test_nothing_asked_is_nothing_changed(digits: Tensor, changes: dict[str, float]) -> None:
    torch.testing.assert_close(augment(digits, changes, generator_for("a")), digits, rtol=0, atol=1e-5)


def test_a_shift_alone_is_by_whole_pixels_and_what_leaves_is_lost(digits: Tensor) -> None:
    found = set()
    padded = np.pad(digits.numpy(), ((0, 0), (2, 2), (2, 2)))
    for number, copy in enumerate(augment(digits, {"shift": 2}, generator_for("a")).numpy()):
        same = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if np.array_equal(copy, padded[number, down : down + 28, right : right + 28])
        ]
        assert len(same) == 1
        found.add(same[0])
    assert len(found) == 25


def test_rotation_is_scipys(digits: Tensor) -> None:
    images = augment(blob(20), {"rotation": 30}, generator_for("a"))
    of = moments(images)
    angles = torch.rad2deg(torch.atan2(2 * of["xy"], of["xx"] - of["yy"]) / 2)
    assert angles.abs().max().item() > 15
    for image, angle in zip(images, angles, strict=True):
        turned = scipy.ndimage.rotate(blob(1)[0].numpy(), -angle.item(), reshape=False)
        np.testing.assert_allclose(image.numpy(), turned, atol=0.02)


@pytest.mark.parametrize("changes", [{"rotation": 30}, {"shear": 0.3}, {"rotation": 20, "scale": 0.1, "shear": 0.2}])
def test_an_oblong_image_changes_as_a_square_one_does(changes: dict[str, float]) -> None:
    """The blob in the middle of 40 columns, or of 40 rows, changes as in the middle of 28."""
    square = augment(blob(20), changes, generator_for("a"))
    for pad in ((6, 6), (0, 0, 6, 6)):
        oblong = augment(torch.nn.functional.pad(blob(20), pad), changes, generator_for("a"))
        torch.testing.assert_close(oblong, torch.nn.functional.pad(square, pad), rtol=0, atol=0.001)


@pytest.mark.parametrize(
    ("name", "most", "slack", "measure"),
    [
        ("rotation", 20, 0.01, lambda of: torch.rad2deg(torch.atan2(2 * of["xy"], of["xx"] - of["yy"]) / 2)),
        ("scale", 0.2, 0.02, lambda of: of["xx"].sqrt() / WIDE - 1),
        ("stretch", 0.2, 0.02, lambda of: WIDE / of["xx"].sqrt() - 1),
        ("shear", 0.3, 0.02, lambda of: of["xy"] / of["yy"]),
    ],
)
def test_a_change_stays_within_its_bound(name: str, most: float, slack: float, measure: Measure) -> None:
    """And changes nothing else."""
    of = copies(**{name: most})
    assert_evenly_within(measure(of), most, slack)
    wide, high = of["xx"].sqrt() / WIDE, of["yy"].sqrt() / HIGH
    others = {"rotation": (of["xx"] + of["yy"]) / (WIDE**2 + HIGH**2), "scale": wide / high}
    kept = others.get(name, high)
    near = 0.02 if name in ("rotation", "scale") else 0.01
    torch.testing.assert_close(kept, torch.ones_like(kept), rtol=near, atol=0)


def test_shift_with_others_stays_within_its_pixels() -> None:
    of = copies(shift=3, rotation=0)
    assert_evenly_within(of["x"], 3)
    assert_evenly_within(of["y"], 3)
    assert abs(torch.corrcoef(torch.stack([of["x"], of["y"]]))[0, 1].item()) < 0.1


def test_elastic_moves_near_places_alike_and_far_ones_apart() -> None:
    """A copy of a ramp, whose grey is its place, shows in each pixel which place it comes from."""
    ramp = (torch.arange(28.0) / 28).expand(2000, 28, 28)
    ramps = (ramp, ramp.transpose(1, 2))
    across, down = ((augment(image, {"elastic": 1.5}, generator_for("a")) - image) * 28 for image in ramps)
    middle, beside, far = across[:, 13, 13], across[:, 14, 14], across[:, 6, 6]
    for moved in (middle, down[:, 13, 13]):  # a knot of the warp
        assert moved.std().item() == pytest.approx(1.5, rel=0.05)
        assert moved.mean().item() == pytest.approx(0, abs=0.1)
    correlation = torch.corrcoef(torch.stack([middle, beside, far, down[:, 13, 13]]))[0].abs()
    assert correlation[1] > 0.95 and correlation[2] < 0.15 and correlation[3] < 0.1


@pytest.mark.parametrize("changes", [{"shift": 2}, dict.fromkeys(AUGMENTATIONS, 0.2)])
def test_the_colours_of_an_image_change_alike(digits: Tensor, changes: dict[str, float]) -> None:
    coloured = digits[:150].reshape(50, 3, 28, 28)[:, :, :25]
    copies = augment(coloured, changes, generator_for("a"))
    assert copies.shape == coloured.shape
    for colour in range(3):
        of_one = augment(coloured[:, colour], changes, generator_for("a"))
        torch.testing.assert_close(copies[:, colour], of_one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_same_draws_give_the_same_copies_and_each_image_its_own(digits: Tensor, name: str) -> None:
    changes = {name: 2.0 if name in ("shift", "elastic") else 20.0 if name == "rotation" else 0.2}
    first, again, other = (augment(digits[:1].expand(50, 28, 28), changes, generator_for(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    fewest = 1 if name == "flip" else 15  # at most 25 for whole pixels, 2 for a flip
    assert len({tuple(image.flatten().tolist()) for image in first}) > fewest


@pytest.mark.parametrize("others", [{}, {"shift": 0}, {"scale": 0.0}])
def test_a_flip_swaps_left_and_right_of_as_many_images_as_its_probability_says(others: dict[str, float]) -> None:
    images = torch.rand(2000, 3, 4, generator=generator_for("images"))
    copies = augment(images, {"flip": 0.3, **others}, generator_for("a"))
    swapped = torch.isclose(copies, images.flip(-1), atol=1e-5).all(2).all(1)
    kept = torch.isclose(copies, images, atol=1e-5).all(2).all(1)
    assert (swapped ^ kept).all() and swapped.double().mean().item() == pytest.approx(0.3, abs=0.03)
