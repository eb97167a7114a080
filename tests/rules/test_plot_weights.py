"""`digits.plot_weights`: the first-layer weights of each model's first seed."""

import json
from pathlib import Path

import numpy as np
import pytest
from digits.plot_weights import UNITS, draw_first_layers, read_filters, signed, smoothness
from digits.rendering.plotting import SHADES
from project import RUNS
from safetensors.numpy import load_file, save_file
from small import facts, recipe


def test_first_layers_show_the_weights_of_each_model(built: Path) -> None:
    weights = {run.split("/")[2]: load_file(built / run / "weights.safetensors") for run in RUNS[::2]}
    units = {
        "linear": weights["linear"]["w1"].T.reshape(10, 28, 28),
        "published": weights["published"]["w1"].T.reshape(20, 28, 28),
        "tiny-conv": weights["tiny-conv"]["convolutions.0.weight"].reshape(4, 3, 3),
    }
    filters = {run.split("/")[2]: read_filters(built / run / "weights.safetensors", (28, 28)) for run in RUNS[::2]}
    for panel, (model, all_units) in zip(draw_first_layers(filters).subfigs, units.items(), strict=True):
        norms = np.linalg.norm(all_units.reshape(len(all_units), -1).astype(float), axis=1)
        largest = sorted(sorted(range(len(norms)), key=lambda unit: -norms[unit])[:UNITS])
        shown = [np.asarray(axis.images[0].get_array()) for axis in panel.axes if axis.images]
        np.testing.assert_array_equal(np.stack(shown), [signed(unit) for unit in all_units[largest]])
        assert panel.get_suptitle() == f"{model}: {min(UNITS, len(all_units))} of {len(all_units)} units"


def test_a_weights_colour_is_its_sign_and_its_opacity_its_size() -> None:
    positive, none, negative = signed(np.array([2.0, 0.0, -1.0]))
    assert (positive.tolist(), none.tolist()) == ([0x00, 0x72, 0xB2, 255], [0, 0, 0, 0])
    assert negative.tolist()[:3] == [0xD5, 0x5E, 0x00] and abs(int(negative[3]) - 128) <= 255 / (SHADES - 1) / 2


def test_the_units_of_a_cropped_network_are_of_the_pixels_that_it_sees(tmp_path: Path) -> None:
    w1 = np.arange(6 * 2, dtype=np.float32).reshape(6, 2)  # of images of 4 × 5 pixels without their border
    save_file({"w1": w1}, tmp_path / "weights", {"training": json.dumps(facts(recipe(crop=1)))})
    np.testing.assert_array_equal(read_filters(tmp_path / "weights", (4, 5)), [w1[:, n].reshape(2, 3) for n in (0, 1)])


def test_neighbouring_weights_are_alike_in_shapes_and_not_in_noise() -> None:
    noise = np.random.default_rng(0).normal(size=(20, 28, 28)).astype(np.float32)
    assert abs(smoothness(noise)) < 0.02
    slope = np.arange(4.0)[None, :, None] + np.zeros((1, 4, 4))
    pairs = np.array([*zip(slope[0, :-1].ravel(), slope[0, 1:].ravel(), strict=True)])
    pairs = np.concatenate([pairs, [*zip(slope[0, :, :-1].ravel(), slope[0, :, 1:].ravel(), strict=True)]])
    assert smoothness(slope) == pytest.approx(np.corrcoef(pairs.T)[0, 1])
    assert np.isnan(smoothness(noise[:, :1, :1])) and np.isnan(smoothness(np.ones((2, 3, 3))))
