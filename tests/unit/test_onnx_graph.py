"""The graph of ONNX of every kind of network answers as the network itself does."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
import yaml
from conftest import ROOT, require_onnx
from digits.core.seeding import generator_for
from digits.networks.ensembles import mean_logits
from digits.networks.network import NETWORKS, Network, build_network, predict
from digits.settings.config import complete_config
from digits.settings.fitting import fitted
from digits.settings.recipes import Recipe, make_recipe
from small import CLASSES, SHAPE, convolutional, recipe

CONFIGURATIONS = ("config", "ladder", "best", "fast")
MOVED = {"crop": 1, "test_time_shift": 2, "pixels": "normalised"}  # further than the crop, so that zeros come in
SMALL: dict[str, Recipe] = {
    "linear": recipe(hidden=[]),
    "deep": recipe(hidden=[12, 7]),
    "normalised": recipe(pixels="normalised"),
    "shifted": recipe(test_time_shift=1),
    "cropped and shifted": recipe(**MOVED),
    "convolutional": convolutional(),
    "without batch norm": convolutional(batch_norm=False),
    "without padding": convolutional(padding=False, convolutions=[[3, 3, 1]]),
    "an even kernel": convolutional(convolutions=[[3, 2, 1], [4, 4, 2]]),
    "convolutional, cropped and shifted": convolutional(hidden=[6, 5], convolutions=[[3, 3, 1]], **MOVED),
}


def of_the_configurations() -> dict[str, Recipe]:
    """The recipes of the project's own files."""
    found: dict[str, Any] = {}
    for name in CONFIGURATIONS:
        found |= yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["recipes"]
    completed = complete_config({"models": ["linear"], "seeds": [0], "recipes": found})["recipes"]
    return {name: fitted(make_recipe(fields), (28, 28), 60_000) for name, fields in completed.items()}


OURS = of_the_configurations()


@torch.no_grad()
def trained(settings: Recipe, shape: tuple[int, ...], seed: int) -> Network:
    """A network whose every array is random, as after a training."""
    generator = generator_for("trained", seed)
    network = build_network(settings, shape, CLASSES, generator)
    for name, array in network.state_dict().items():
        positive = name.endswith(("running_var", "pixel_std", "norms.0.weight"))
        change = torch.randn(array.shape, generator=generator) * 0.3
        array.copy_(change.abs() + 0.5 if positive else array + change)
    return network


def images(shape: tuple[int, ...], count: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(256, size=(count, *shape), dtype=np.uint8)


def tolerance(*scores: np.ndarray) -> float:
    """How far probabilities may differ: float32 has seven digits of a score, and a few are lost on the way."""
    return 1e-6 * max(1.0, *(float(abs(part).max()) for part in scores))


@pytest.fixture
def exported() -> Callable[..., np.ndarray]:
    """Make a file of networks, and return what onnxruntime says to images."""
    require_onnx()
    import onnx
    from digits.export_onnx import answers
    from digits.networks.onnx_graph import onnx_model

    def run(networks: list[Network], settings: Recipe, x: np.ndarray, temperature: float | None = None) -> np.ndarray:
        facts = {"classes": ["é", "b"], "temperature": temperature}
        made = [onnx_model(networks, settings.network, x.shape[1:], temperature, facts) for _ in range(2)]
        assert made[0] == made[1], "the same bytes twice"
        model = onnx.load_from_string(made[0])
        onnx.checker.check_model(model, full_check=True)
        assert {prop.key: json.loads(prop.value) for prop in model.metadata_props} == facts
        found: np.ndarray = answers(made[0], x)
        assert found.dtype == np.float32
        return found

    return run


def test_every_network_has_a_graph() -> None:
    require_onnx()
    from digits.networks.onnx_graph import GRAPHS

    assert GRAPHS.keys() == NETWORKS.keys()


@pytest.mark.parametrize(
    ("name", "shape"),
    [*((name, (*colours, *SHAPE)) for name in SMALL for colours in ((), (3,))), *((name, (28, 28)) for name in OURS)],
)
def test_it_answers_as_the_network_does(exported: Callable[..., np.ndarray], name: str, shape: tuple[int, ...]) -> None:
    settings = SMALL[name] if name in SMALL else OURS[name]
    network, x = trained(settings, shape, 0), images(shape)
    scores = predict(network, x).numpy().astype(np.float64)
    expected = scipy.special.softmax(scores / 1.7, axis=1)
    np.testing.assert_allclose(exported([network], settings, x, 1.7), expected, atol=tolerance(scores))


def test_another_runtime_says_the_same() -> None:
    """ONNX's own reference, which knows nothing that only onnxruntime allows."""
    require_onnx()
    import onnx
    from digits.export_onnx import answers
    from digits.networks.onnx_graph import onnx_model
    from onnx.reference import ReferenceEvaluator

    settings, shape = SMALL["convolutional, cropped and shifted"], (3, *SHAPE)
    members, x = [trained(settings, shape, seed) for seed in range(2)], images(shape)
    model = onnx_model(members, settings.network, shape, 0.5, {})
    (found,) = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"images": x})
    np.testing.assert_allclose(answers(model, x), found, atol=1e-5)


@pytest.mark.parametrize("size", [1, 1e3])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_an_ensemble_is_the_mean_of_its_members(
    exported: Callable[..., np.ndarray], temperature: float | None, size: float
) -> None:
    """Of members whose scores are so large that exp would overflow, too."""
    settings = convolutional(hidden=[6], convolutions=[[3, 3, 1]], **MOVED)
    members, x = [trained(settings, SHAPE, seed) for seed in range(3)], images(SHAPE)
    with torch.no_grad():
        for member in members:
            for parameter in member.body.layers()[-1]:
                parameter.mul_(size)
    scores = [predict(member, x).numpy() for member in members]
    expected = scipy.special.softmax(mean_logits(scores) / (temperature or 1), axis=1)
    np.testing.assert_allclose(exported(members, settings, x, temperature), expected, atol=tolerance(*scores))
