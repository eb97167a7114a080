"""Trying a network on the page about other data: few or many classes, long or hostile names, images of any form, one network."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from browsing import computed, page_of
from digits.core.seeding import generator_for
from digits.data.collection import Form
from digits.data.form import CENTRED, INK, PICTURE
from digits.data.resize import fitted, read_fitted
from digits.networks.export import encode, portable_network
from digits.networks.network import build_network, predict
from digits.networks.weights import learned, save_weights
from digits.rendering.explorer import drawing_html
from digits.rendering.form import last_axis
from digits.settings.recipes import Recipe
from PIL import Image
from playwright.sync_api import Page, expect
from small import convolutional, facts, recipe

from browser.conftest import Open

LONG = [f"a class with quite a long name, number {number}" for number in range(40)]
HOSTILE = ["x", "<img src=x onerror=alert(1)>", "a-name-that-nothing-breaks-" * 3]


def network(name: str, inputs: int, classes: int, sigmoids: bool, channels: int = 1) -> dict[str, Any]:
    """A made-up network of one hidden layer, as `digits.networks.export` describes it."""
    numbers = np.random.default_rng(0)
    layers = [
        {
            "kind": "dense",
            "inputs": inputs,
            "outputs": outputs,
            "weights": encode(numbers.normal(size=(inputs, outputs)) / 4, "<f4"),
            "biases": encode(np.zeros(outputs), "<f4"),
        }
        for inputs, outputs in ((inputs, 9), (9, classes))
    ]
    return {
        "model": name,
        "seed": 0,
        "outputs": list(range(classes)),
        "crop": 0,
        "shift": 0,
        "sigmoids": sigmoids,
        "half": False,
        "changed": 0,
        "none": None,
        "members": [{"mean": [0.0] * channels, "std": [1.0] * channels, "layers": layers}],
    }


def page_about(
    folder: Path,
    names: list[str],
    shape: tuple[int, ...],
    sigmoids: bool = False,
    form: str = CENTRED,
    fit: str = "pad",
) -> Path:
    """Write a page with nothing but a drawing, or an image to choose, and one network; an image's shape may end in channels."""
    height, width, channels = *shape, *[1][: 3 - len(shape)]
    image = encode(np.repeat(np.tri(height, width) * 200, channels), "u1")
    explorer = {
        "classes": names,
        "shape": [height, width],
        "channels": channels,
        "form": form,
        "labels": encode(np.zeros(1), "u1"),
        "models": [{"name": "only", "seed": 0, "temperature": None}],
        "networks": [network("only", height * width * channels, len(names), sigmoids, channels)],
        "examples": [{"number": 0, "label": len(names) - 1, "pixels": image}],
    }
    return page_of(folder, "Drawing", drawing_html(explorer, fit), explorer)


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(
    ("names", "shape", "sigmoids", "form"),
    [
        (LONG, (12, 12), False, CENTRED),
        (HOSTILE, (64, 64), True, INK),
        (["a", "b"], (5, 5), False, CENTRED),
        (["a", "b", "c"], (20, 31), False, INK),
        (LONG, (24, 33, 3), False, PICTURE),
    ],
)
def test_one_network_for_other_images(
    open_page: Open, tmp_path: Path, width: int, colours: str, names: list[str], shape: Any, sigmoids: bool, form: str
) -> None:
    path = page_about(tmp_path, names, shape, sigmoids, form)
    page = open_page(path, viewport={"width": width, "height": 800}, color_scheme=colours)
    listed = page.locator(".answer tr:visible")
    expect(listed).to_have_count(min(len(names), 12))
    page.get_by_role("button", name="Test image no. 0").click()
    expect(page.get_by_role("status")).to_contain_text(f"which is {names[-1]}: only ")
    expect(listed).to_have_count(min(len(names), 12))
    page.locator(".inside summary").click()
    expect(page.locator(".parts figcaption")).to_contain_text("Which parts matter", timeout=20_000)
    assert page.locator(".units canvas").count() == 8
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def chosen(page: Page, path: Path) -> np.ndarray:
    """What the networks see of a file that is chosen: [height, width, 4]."""
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_role("status")).to_contain_text(f"{path.name}: only predicts")
    shape, pixels = page.locator("#seen").evaluate(
        "(c) => [[c.height, c.width, 4], [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"
    )
    return np.array(pixels).reshape(shape)


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("colour", [True, False])
def test_an_image_is_scaled_as_convert_does(open_page: Open, tmp_path: Path, fit: str, colour: bool) -> None:
    """But for the filter, which is the browser's own: a thing, of another colour at each end, on a ground of a third."""
    image = Image.new("RGB", (400, 700), "seagreen")
    image.paste("red", (100, 60, 300, 350))
    image.paste("navy", (100, 350, 300, 600))
    image.save(tmp_path / "a photo.png")
    expected = fitted(image, (20, 24), fit, colour)
    shape = (20, 24, 3) if colour else (20, 24)
    seen = chosen(open_page(page_about(tmp_path, ["a", "b"], shape, form=PICTURE, fit=fit)), tmp_path / "a photo.png")
    assert (seen[..., 3] == 255).all()
    wanted = last_axis(expected[None])[0] if colour else np.stack([expected] * 3, axis=-1)
    assert np.abs(seen[..., :3] - wanted.astype(int)).mean() < 8


@pytest.mark.parametrize(("thing", "paper"), [("khaki", 0), ("navy", 255)])
@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_what_is_transparent_lies_on_the_paper_that_convert_lays_it_on(
    open_page: Open, tmp_path: Path, thing: str, paper: int, fit: str
) -> None:
    image = Image.new("RGBA", (400, 700))
    image.paste(thing, (100, 60, 300, 640))
    image.save(tmp_path / "thing.png")
    expected, _ = read_fitted("thing.png", (tmp_path / "thing.png").read_bytes(), Form((20, 24), fit, colour=True))
    assert (expected[:, 10, 0] == paper).all()
    seen = chosen(
        open_page(page_about(tmp_path, ["a", "b"], (20, 24, 3), form=PICTURE, fit=fit)), tmp_path / "thing.png"
    )
    assert np.abs(seen[..., :3] - last_axis(expected[None])[0].astype(int)).mean() < 8


@pytest.mark.parametrize(("upper", "lower"), [("white", "black"), ("black", "white")])
def test_where_images_are_light_on_black_one_on_a_light_ground_is_inverted(
    open_page: Open, tmp_path: Path, upper: str, lower: str
) -> None:
    """The ground is above; the thing, in the middle of the lower half, is what is light to the network, and shown as ink."""
    image = Image.new("RGB", (300, 300), upper)
    image.paste(lower, (100, 160, 200, 260))
    image.save(tmp_path / "thing.png")
    seen = chosen(open_page(page_about(tmp_path, ["a", "b"], (15, 15), form=INK)), tmp_path / "thing.png")[..., 3]
    assert seen[10, 7] == 255 and not seen[:6].any()


def test_the_box_for_an_image_holds_its_text_and_can_be_used_from_the_keyboard(open_page: Open, tmp_path: Path) -> None:
    page = open_page(
        page_about(tmp_path, ["a", "b"], (16, 16, 3), form=PICTURE), viewport={"width": 375, "height": 800}
    )
    box, *inside = (
        page.locator(path).bounding_box()
        for path in (".drop", ".drop .button", ".drop span:not(.button)", ".drop input")
    )
    assert box
    for part in inside:
        assert part and box["x"] <= part["x"] and part["x"] + part["width"] <= box["x"] + box["width"]
    field = page.get_by_label("Choose an image or drop one here")
    assert field.evaluate("(input) => getComputedStyle(input).opacity") == "0", "which would say that no file is chosen"
    page.keyboard.press("Tab")
    while not field.evaluate("(input) => input === document.activeElement"):
        page.keyboard.press("Tab")
    assert page.locator(".drop").evaluate("(box) => getComputedStyle(box).outlineStyle") == "solid"


def test_an_image_can_be_dropped(open_page: Open, tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "seagreen").save(tmp_path / "leaf.png")
    page = open_page(page_about(tmp_path, ["a", "b"], (16, 16, 3), form=PICTURE))
    content = base64.b64encode((tmp_path / "leaf.png").read_bytes()).decode()
    dropped = page.evaluate_handle(
        """(text) => {
          const files = new DataTransfer();
          files.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], "leaf.png", { type: "image/png" }));
          return files;
        }""",
        content,
    )
    page.dispatch_event(".drop", "dragover", {"dataTransfer": dropped})
    expect(page.locator(".drop")).to_have_class(re.compile("over"))
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("status")).to_contain_text("leaf.png: only predicts")
    expect(page.locator(".drop")).not_to_have_class(re.compile("over"))


def test_a_file_that_is_no_image_is_named(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("no image")
    page = open_page(page_about(tmp_path, ["a", "b"], (16, 16, 3), form=PICTURE))
    page.locator("input[type=file]").set_input_files(tmp_path / "list.txt")
    expect(page.get_by_role("status")).to_have_text("list.txt is no image that this browser can read.")


def test_a_drawing_of_other_things_is_scaled_as_a_whole(open_page: Open, tmp_path: Path) -> None:
    page = open_page(page_about(tmp_path, ["a", "b"], (10, 20), form=INK))
    box = page.locator("#pad").bounding_box()
    assert box and box["width"] / box["height"] == pytest.approx(2, rel=0.05)
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("status")).to_contain_text("Your drawing: only predicts")
    ink = page.locator("#seen").evaluate(
        "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 3)"
    )
    rows, columns = np.nonzero(np.array(ink).reshape(10, 20) > 25)
    assert rows.mean() == pytest.approx(4.5, abs=1) and columns.mean() == pytest.approx(4.5, abs=1), (
        "where it was drawn"
    )


@pytest.mark.parametrize("make", [convolutional, recipe])
def test_coloured_networks_compute_what_pytorch_does(
    open_page: Open, tmp_path: Path, make: Callable[..., Recipe]
) -> None:
    shift = 2 if make is convolutional else 0  # without it a dense network is rounded
    settings, names = make(pixels="normalised", crop=1, test_time_shift=shift), list("01234")
    images = np.random.default_rng(0).integers(0, 256, (20, 3, 11, 14)).astype(np.uint8)
    network = build_network(settings, images.shape[1:], len(names), generator_for("a"))
    network.pixel_mean.copy_(torch.tensor([0.2, 0.4, 0.6]).reshape(3, 1, 1))
    network.pixel_std.copy_(torch.tensor([0.5, 0.25, 0.3]).reshape(3, 1, 1))
    save_weights(tmp_path / "weights", learned(network), {**facts(settings), "shape": [3, 11, 14]})
    page = open_page(page_about(tmp_path, names, (11, 14, 3), form=PICTURE))
    plain = portable_network(tmp_path / "weights", names, images)
    expected = predict(network, images).softmax(dim=1).numpy()
    assert np.abs(computed(page, plain, last_axis(images)) - expected).max() < (2e-3 if plain["half"] else 1e-5)
    assert expected.std(axis=0).max() > 0.05, "networks that say the same of all would prove little"
