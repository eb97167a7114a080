"""The design's rules about the code: which way imports run, what is imported where, and that every command explains itself."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Result

PACKAGE = ROOT / "workflow" / "digits"
COMMANDS = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
LIBRARY = sorted(path.stem for path in (PACKAGE / "lib").glob("*.py") if path.stem != "__init__")
TORCH = {"train", "evaluate", "predict"} | {
    f"lib.{name}"
    for name in (
        *("networks", "dense", "convolutional", "losses", "optimisers", "training", "sampling", "augmentation"),
        *("examples", "flops", "weights"),
    )
}
MATPLOTLIB = {"search", "lib.plotting"} | {name for name in COMMANDS if name.startswith("plot_")}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: relative import"
            found.add(node.module)
    return found


def test_there_are_commands() -> None:
    assert {"download", "convert", "train", "evaluate", "summarise", "report"} <= set(COMMANDS)


@pytest.mark.parametrize("name", [*COMMANDS, *(f"lib.{module}" for module in LIBRARY)])
def test_imports_run_one_way(name: str) -> None:
    found = imports(PACKAGE / f"{name.replace('.', '/')}.py")
    ours = {module.removeprefix("digits.") for module in found if module.startswith("digits.")}
    assert all(module.startswith("lib.") for module in ours), f"{name} imports a command: {ours}"
    tops = {module.split(".")[0] for module in found}
    assert "snakemake" not in tops
    assert "torch" not in tops or name in TORCH
    assert "matplotlib" not in tops or name in MATPLOTLIB


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_a_command(name: str, command: Callable[..., Result]) -> None:
    result = command(name, "--help")
    assert result.status == 0
    assert f"python -m digits.{name}" in result.output
    assert len(result.output.splitlines()) > 5


@pytest.mark.parametrize("name", ["convert", "download", "summarise", "compare"])
def test_light_commands_do_not_import_torch_or_matplotlib(name: str) -> None:
    code = f"import sys, digits.{name}; print(sorted({{'torch', 'matplotlib', 'sklearn', 'snakemake'}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "workflow"},
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]"
