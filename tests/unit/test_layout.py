"""The design's rules about the code: which way imports run, what is imported where, and that every command explains itself."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Result

PACKAGE = ROOT / "workflow" / "digits"
COMMANDS = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
# Each room, and the rooms that it may import from beside itself.
ROOMS = {
    "core": set[str](),
    "settings": {"core"},
    "data": {"core", "settings"},
    "networks": {"core", "settings", "data"},
    "training": {"core", "settings", "data", "networks"},
    "statistics": {"core", "networks"},
    "rendering": {"core", "settings", "data", "statistics"},
}
MODULES = sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))
TORCH = {"core/seeding", "data/examples", "data/splitting", "train", "evaluate", "predict"} | {
    f"networks/{name}" for name in ("dense", "convolutional", "network", "weights")
}
MATPLOTLIB = {"search", "rendering/plotting"} | {name for name in COMMANDS if name.startswith("plot_")}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: relative import"
            found.add(node.module)
    return found


def texts_in_the_locales_encoding(code: str) -> list[str]:
    """Return the calls that read or write text in an encoding that they do not name, which then is the user's locale's."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            called, named = ast.unparse(node.func), {word.arg for word in node.keywords}
            texts = called.endswith((".read_text", ".write_text")) or "text" in named
            if called.split(".")[-1] == "open" and called not in ("tarfile.open", "gzip.open", "Image.open"):
                texts = not any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in node.args)
            if texts and "encoding" not in named:
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("folder", ["workflow", "tools"])
def test_no_text_is_in_the_locales_encoding(folder: str) -> None:
    """Ruff's PLW1514 looks for the same, and misses each path whose type it does not know."""
    found = [
        f"{path}: {call}"
        for path in (ROOT / folder).rglob("*.py")
        for call in texts_in_the_locales_encoding(path.read_text())
    ]
    for path in (ROOT / folder).rglob("*.ipynb"):
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        found += [
            f"{path}: {call}" for cell in cells for call in texts_in_the_locales_encoding("".join(cell["source"]))
        ]
    assert found == []


@pytest.mark.parametrize(
    "call", ["path.read_text()", "path.write_text(x)", "path.open('w')", "open(p)", "subprocess.run(c, text=True)"]
)
def test_a_text_in_the_locales_encoding_is_found(call: str) -> None:
    assert texts_in_the_locales_encoding(call) == [call]


@pytest.mark.parametrize("call", ["path.read_text(encoding='utf-8')", "path.open('rb')", "tarfile.open(path)"])
def test_other_reading_is_not(call: str) -> None:
    assert texts_in_the_locales_encoding(call) == []


def test_there_are_commands() -> None:
    assert {"download", "convert", "train", "evaluate", "summarise", "report"} <= set(COMMANDS)


def test_the_rooms_are_there_and_their_order_has_no_circle() -> None:
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} == set(ROOMS)
    order = list(ROOMS)
    assert all(order.index(other) < order.index(room) for room, others in ROOMS.items() for other in others)


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way(name: str) -> None:
    found = imports(PACKAGE / f"{name}.py")
    room = name.split("/", maxsplit=1)[0] if "/" in name else None
    ours = {module.split(".")[1] for module in found if module.startswith("digits.")}
    assert ours <= ({room, *ROOMS[room]} if room else set(ROOMS)), f"{name} imports from {ours}"
    tops = {module.split(".")[0] for module in found}
    assert "snakemake" not in tops
    assert "torch" not in tops or name in TORCH or room == "training"
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
