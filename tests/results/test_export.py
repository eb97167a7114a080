"""`digits.export_onnx` on real runs: every answer to the 10,000 test images is that of PyTorch."""

import re
from pathlib import Path

import pytest
from conftest import ROOT, Command, require_onnx
from digits.networks.headers import read_weights

RUNS = ROOT / "results" / "runs"
NAMES = {"weights": "weights.safetensors", "predictions": "predictions.safetensors", "metrics": "metrics.json"}


def ensemble(command: Command, folder: Path) -> Path:
    """Combine the three runs of the convnet."""
    line: list[object] = ["--model", "three", "--seed", 0]
    for name, file in {**NAMES, "validation": "validation.safetensors"}.items():
        line += [f"--member-{name}", *(RUNS / "convnet" / f"seed-{seed}" / file for seed in range(3))]
        line += [f"--{name}", folder / file]
    assert command("combine", *line).status == 0
    return folder


@pytest.mark.parametrize("model", ["linear", "small", "published", "repaired", "convnet", "three"])
def test_no_answer_changes(command: Command, tmp_path: Path, model: str) -> None:
    require_onnx()
    run = ensemble(command, tmp_path) if model == "three" else RUNS / model / "seed-0"
    line: list[object] = [word for name, file in NAMES.items() for word in (f"--{name}", run / file)]
    tensors = ROOT / "results" / "tensors"
    line += ["--images", tensors / "test.safetensors", "--datasheet", tensors / "datasheet.json"]
    line += ["--citation", ROOT / "CITATION.cff"]
    result = command("export_onnx", *line, "--model", tmp_path / "model.onnx", "--card", tmp_path / "README.md")
    print(result.output)
    assert result.status == 0
    assert " on 10,000 test images " in result.output and " and 0 answers differ" in result.output
    (difference,) = re.findall(r"at most (\S+) from PyTorch's", result.output)
    (said,) = re.findall(r"no probability by more than (\S+) ", (ROOT / "docs" / "results.md").read_text())
    assert float(difference) <= float(said)
    assert read_weights(run / NAMES["weights"])[1]["members"] == (3 if model == "three" else 1)
    assert "ylecun/mnist" in (tmp_path / "README.md").read_text()
