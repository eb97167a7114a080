"""`digits.export_onnx`: a run as a file of ONNX and a model card, held against the run, and refused where they do not fit."""

import contextlib
import http.client
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import small
import yaml
from conftest import ROOT, Command, Result, process, require_onnx, until
from digits.core.files import whole_files
from digits.core.seeding import generator_for
from digits.data.resize import fitted
from digits.data.tensors import load_split
from digits.export_onnx import answers, of_mnist
from digits.networks.network import build_network, predict
from digits.rendering.model_card import Checked, model_card
from digits.settings.schema import schema_of
from PIL import Image
from project import DATASHEET, PAIR_RUNS, RUNS, TENSORS, arguments, contents, header, metrics, rewrite
from safetensors.numpy import load_file, save_file

FILES = ("weights.safetensors", "metrics.json", "predictions.safetensors")
LINEAR, CONVOLUTIONAL = RUNS[0], RUNS[4]
Export = Callable[..., Result]


@pytest.fixture
def export(command: Command, measured: Path, target: Path) -> Export:
    """Export a run of the small project, or of a copy of it, into the target."""

    def run(run: str, source: Path | None = None, *more: object) -> Result:
        source = source or measured
        line: list[object] = ["--images", source / TENSORS[1], "--datasheet", source / DATASHEET]
        line += ["--citation", ROOT / "CITATION.cff"]
        for name in FILES:
            line += [f"--{name.partition('.')[0]}", source / run / name]
        written = ("--model", target / "model.onnx", "--card", target / "README.md")
        return command("export_onnx", *line, *written, *more)

    return run


@pytest.mark.parametrize("run", [*RUNS[::2], *PAIR_RUNS])
def test_what_is_exported_answers_as_the_run_did(export: Export, measured: Path, target: Path, run: str) -> None:
    require_onnx()
    import onnxruntime

    said = export(run)
    assert said.status == 0, said.output
    assert re.search(
        r": on 200 test images the probabilities .* differ by at most \d\.\de-0[5-8] .*, and 0 answers", said.output
    )
    before = contents(target)
    assert sorted(before) == ["README.md", "model.onnx"]
    assert export(run).status == 0 and contents(target) == before

    session = onnxruntime.InferenceSession(target / "model.onnx")
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("images", "tensor(uint8)", ["N", 28, 28])
    assert (given.name, given.type, given.shape) == ("probabilities", "tensor(float)", ["N", 10])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list("0123456789")
    found = session.run(None, {"images": load_split(measured / TENSORS[1]).images})[0]
    logits = load_file(measured / run / "predictions.safetensors")["logits"].astype(float)
    temperature = metrics(measured, run)["temperature"]
    np.testing.assert_allclose(found, scipy.special.softmax(logits / (temperature or 1), axis=1), atol=1e-5)
    assert json.loads(facts["temperature"]) == temperature


def test_a_network_of_some_classes_has_their_outputs_alone(
    command: Command, export: Export, measured: Path, tmp_path: Path, target: Path
) -> None:
    require_onnx()
    recipe = {"epochs": 1, "batch_size": 10, "validation_size": 100, "classes": ["3", "1", "7"]}
    project = shutil.copytree(measured, tmp_path / "project")
    for name in ("train", "evaluate"):
        line = [*arguments(name, project, project, LINEAR), "--recipe", json.dumps(recipe)]
        assert command(name, *line).status == 0
    assert export(LINEAR, project).status == 0
    found = answers((target / "model.onnx").read_bytes(), load_split(project / TENSORS[1]).images)
    logits = load_file(project / LINEAR / "predictions.safetensors")["logits"]
    assert found.shape == (200, 3)
    assert (np.array([1, 3, 7])[found.argmax(axis=1)] == logits.argmax(axis=1)).all()
    assert "gives each of 3 classes" in (target / "README.md").read_text()


def blocks(card: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", card, re.DOTALL)


def test_the_code_in_the_card_runs(export: Export, measured: Path, target: Path) -> None:
    require_onnx()
    assert export(CONVOLUTIONAL).status == 0
    classify, serve = blocks((target / "README.md").read_text())
    image = load_split(measured / TENSORS[1]).images[0]
    Image.fromarray(image).save(target / "image.png")
    logits = load_file(measured / CONVOLUTIONAL / "predictions.safetensors")["logits"][0].astype(float)
    expected = scipy.special.softmax(logits / (metrics(measured, CONVOLUTIONAL)["temperature"] or 1))

    name, probability = process([sys.executable, "-c", classify], cwd=target).output.split()
    assert int(name) == expected.argmax()
    assert float(probability) == pytest.approx(expected.max(), abs=1e-5)

    assert len(serve.splitlines()) <= 10 and serve.count("8000") == 1
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    content = (target / "image.png").read_bytes()
    line = [sys.executable, "-c", serve.replace("8000", port)]
    with subprocess.Popen(line, cwd=target, stderr=subprocess.DEVNULL) as server:

        def ask() -> dict[str, float] | None:
            assert server.poll() is None
            with contextlib.suppress(ConnectionRefusedError):
                answer: dict[str, float] = json.loads(post(int(port), content))
                return answer
            return None

        try:
            answer = until(ask, 60)
        finally:
            server.terminate()
    assert answer == pytest.approx(dict(zip("0123456789", expected, strict=True)), abs=1e-5)


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
def test_the_code_of_a_card_about_coloured_images_runs(measured: Path, tmp_path: Path, fit: str) -> None:
    """An image of other proportions, of one colour and its middle of another: the filters at the edges differ a little."""
    require_onnx()
    from digits.networks.onnx_graph import onnx_model

    settings, classes = small.convolutional(pixels="normalised", crop=1), [f"class {n}" for n in range(small.CLASSES)]
    network = build_network(settings, (3, 20, 30), small.CLASSES, generator_for("colour"))
    facts = {"classes": classes}
    (tmp_path / "model.onnx").write_bytes(onnx_model([network.eval()], settings.network, (3, 20, 30), None, facts))
    image = Image.new("RGB", (120, 50), "seagreen")
    image.paste("navy", (50, 10, 90, 40))
    image.save(tmp_path / "image.png")
    scores = predict(network, fitted(image, (20, 30), fit, colour=True)[None]).numpy()[0].astype(float)
    expected = scipy.special.softmax(scores)
    classify, _ = blocks(card(measured, LINEAR, of_mnist=False, shape=[3, 20, 30], fit=fit))
    name, probability = process([sys.executable, "-c", classify], cwd=tmp_path).output.strip().rsplit(" ", 1)
    assert name == classes[expected.argmax()]
    assert float(probability) == pytest.approx(expected.max(), abs=1e-5)


def post(port: int, content: bytes) -> bytes:
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    connection.request("POST", "/", content)
    return connection.getresponse().read()


def front_matter(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(front)
    return found


def card(
    project: Path,
    run: str,
    of_mnist: bool = True,
    test: Mapping[str, object] | None = None,
    fit: str | None = None,
    **changes: object,
) -> str:
    training, measures = {**header(project / run / FILES[0]), **changes}, metrics(project, run)
    measures["test"] |= test or {}
    citation = {**yaml.safe_load((ROOT / "CITATION.cff").read_text()), "year": 2026}
    return model_card(
        training=training,
        measures=measures,
        classes=training["classes"],
        checked=Checked(200, 1.2e-6, 3),
        citation=citation,
        weights_sha256="0" * 64,
        of_mnist=of_mnist,
        fit=fit,
    )


@pytest.mark.parametrize("run", [LINEAR, CONVOLUTIONAL, PAIR_RUNS[0]])
def test_the_card_says_what_was_measured(measured: Path, run: str) -> None:
    alike = {"balanced_accuracy": 0.5, "balanced_accuracy_interval": [0.4, 0.6], "macro_f1": 0.3}
    alike |= {"macro_f1_interval": [0.2, 0.5]}
    text, measures = card(measured, run, test=alike), metrics(measured, run)
    front, test = front_matter(text), measures["test"]
    assert (front["license"], front["library_name"], front["datasets"]) == ("mit", "onnx", ["ylecun/mnist"])
    (named,) = front["model-index"]
    (result,) = named["results"]
    assert [(row["type"], row["value"]) for row in result["metrics"]] == [
        *(("accuracy", test["accuracy"]), ("balanced_accuracy", 0.5), ("f1", 0.3))
    ]
    assert "| macro F1 | 30.00\u202f% (95 % bootstrap interval 20.00 to 50.00\u202f%) |" in text
    low, high = (100 * end for end in test["interval"])
    assert f"| {100 * test['accuracy']:.2f}\u202f% (95 % Wilson interval {low:.2f} to {high:.2f}\u202f%) |" in text
    assert f"{measures['parameters']:,} parameters" in text and "0" * 64 in text
    assert ("An ensemble of 2 networks" in text) is ("mean of the members'" in text) is (run in PAIR_RUNS)
    assert "differ by at most 1.2e-06, and 3 answers differ" in text
    temperature = measures["temperature"]
    size = "" if temperature is None else "> 1,000" if temperature > 1000 else f"{temperature:.2f}"
    assert (f"a temperature of {size}, fitted" if size else "not calibrated") in text


def test_a_card_about_images_of_ones_own(measured: Path) -> None:
    """It is silent on MNIST, leaves the licence to its user, and shows names as they are."""
    odd = {"class": "a|b\nc", "images": 7, "recall": 0.5}
    names = ["<b>a</b>", "`b`", *map(str, range(98))]
    text = card(measured, LINEAR, of_mnist=False, classes=names, shape=[3, 20, 30], test={"per_class": [odd] * 5})
    assert "MNIST" not in text.replace("Digits: MNIST", "") and front_matter(text)["license"] == "unknown"
    assert "`<b>a</b>`, `` `b` ``, `0`" in text and "`17` …" in text and "`18`" not in text
    assert (
        r"| lowest recall | 50.00 %, of `a\|b\nc`, `a\|b\nc`, `a\|b\nc` and 2 more |".replace(" %", "\u202f%") in text
    )
    assert "one coloured image of 20×30 pixels" in text and "uint8 [N, 3, 20, 30]" in text
    for code in blocks(text):
        assert 'convert("RGB")' in code and "image.resize((30, 20))" in code and ".transpose(0, 3, 1, 2)" in code
        compile(code, "card", "exec")


def of_other_images(path: Path) -> None:
    arrays = load_file(path)
    save_file({**arrays, "labels": arrays["labels"][::-1].copy()}, path)


def of_scores(path: Path) -> None:
    arrays = load_file(path)
    save_file({**arrays, "logits": arrays["logits"] * 2}, path)


@pytest.mark.parametrize(
    ("file", "damage", "error"),
    [
        ("weights.safetensors", Path.unlink, "{path}: not there; choose by MODEL= and SEED= among "),
        ("metrics.json", Path.unlink, "{path}: no such file or folder"),
        ("weights.safetensors", lambda path: rewrite(path, seed=7), "metrics.json: of seed 0, but {path} is of 7"),
        (
            "weights.safetensors",
            lambda path: rewrite(path, classes=[*"abcdefghij"]),
            "of another size or other classes than {path} ",
        ),
        ("predictions.safetensors", of_other_images, "{path}: not about the same images as "),
        ("predictions.safetensors", of_scores, "{path}: not the predictions of "),
    ],
)
def test_files_that_do_not_belong_together(
    export: Export,
    measured: Path,
    tmp_path: Path,
    target: Path,
    file: str,
    damage: Callable[[Path], object],
    error: str,
) -> None:
    require_onnx()
    project = shutil.copytree(measured, tmp_path / "project")
    damage(project / LINEAR / file)
    assert error.format(path=project / LINEAR / file) in export(LINEAR, project).error()
    assert not target.exists()


def test_without_the_libraries_it_names_what_installs_them(
    export: Export, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert export(LINEAR).error() == "error: onnx and onnxruntime are not installed; install them with make export-env"
    assert not target.exists()


def test_only_what_was_made_from_mnist_is_said_to_be(tmp_path: Path) -> None:
    files = schema_of("dataset")["properties"]["sha256"]["properties"]
    raw = {tmp_path / name: file["default"] for name, file in files.items()}
    for number, made_from in enumerate((raw, dict(list(raw.items())[:-1]), None)):
        path = tmp_path / f"{number}.safetensors"
        with whole_files(path, made_from=made_from) as (part,):
            part.write_text("images")
        assert of_mnist(path) is (made_from is raw)
