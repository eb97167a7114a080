"""The design's rules about the code: which way imports run, what is imported where, and that every command explains itself."""

import ast
import json
from pathlib import Path

import pytest
from conftest import ROOT, Command, python

PACKAGE = ROOT / "workflow" / "digits"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem != "__init__"
}
COMMANDS = [name for name in MODULES if "." not in name]
# What each room may import beside itself: rooms, or modules of one. None imports a command, and there is no circle.
ROOMS = {
    "core": (),
    "settings": ("core",),
    "data": ("core", "settings"),
    "networks": ("core", "settings", "data"),
    "training": ("core", "settings", "data", "networks"),
    "statistics": ("core", "networks.ensembles"),
    "rendering": ("core", "settings", "data", "statistics"),
}
TORCH = {
    *("train", "evaluate", "predict", "core.seeding", "data.examples", "data.splitting"),
    *(f"networks.{name}" for name in ("dense", "convolutional", "network", "weights", "flops")),
    *(name for name in MODULES if name.startswith("training.")),
}
MATPLOTLIB = {"search", "rendering.plotting"} | {name for name in COMMANDS if name.startswith("plot_")}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: relative import"
            found.add(node.module)
    return found


def test_the_rooms_are_these_without_a_circle() -> None:
    assert {name.split(".")[0] for name in MODULES if "." in name} == set(ROOMS)
    for number, allowed in enumerate(ROOMS.values()):
        assert {room.split(".")[0] for room in allowed} <= set(list(ROOMS)[:number])


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_one_way(name: str) -> None:
    found = imports(MODULES[name])
    ours = {module.removeprefix("digits.") for module in found if module.startswith("digits.")}
    room = name.rpartition(".")[0]
    allowed = (room, *ROOMS[room]) if room else tuple(ROOMS)
    assert all(f"{module}.".startswith(tuple(f"{part}." for part in allowed)) for module in ours), ours
    tops = {module.split(".")[0] for module in found}
    assert "snakemake" not in tops
    assert "torch" not in tops or name in TORCH
    assert "matplotlib" not in tops or name in MATPLOTLIB


def texts_in_the_locales_encoding(code: str) -> list[str]:
    """Return the calls that read or write text in an encoding that they do not name, which then is the user's locale's."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            called, named = ast.unparse(node.func), {word.arg for word in node.keywords}
            texts = called.endswith((".read_text", ".write_text")) or "text" in named
            if called.split(".")[-1] == "open" and called not in ("tarfile.open", "gzip.open", "Image.open", "os.open"):
                texts = not any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in node.args)
            if texts and "encoding" not in named:
                found.append(ast.unparse(node))
    return found


def test_no_text_is_in_the_locales_encoding() -> None:
    """Ruff's PLW1514 looks for the same, and misses each path whose type it does not know."""
    codes = [(path, path.read_text()) for folder in ("workflow", "tools") for path in (ROOT / folder).rglob("*.py")]
    for path in (ROOT / "workflow").rglob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        codes += [(path, "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    assert [f"{path}: {call}" for path, code in codes for call in texts_in_the_locales_encoding(code)] == []
    for call in ("path.read_text()", "path.open('w')", "open(p)", "subprocess.run(c, text=True)"):
        assert texts_in_the_locales_encoding(call) == [call]
    for call in ("path.read_text(encoding='utf-8')", "path.open('rb')", "tarfile.open(path)"):
        assert texts_in_the_locales_encoding(call) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_a_command(name: str, command: Command) -> None:
    result = command(name, "--help")
    assert result.status == 0
    assert f"python -m digits.{name}" in result.output
    assert len(result.output.splitlines()) > 5


@pytest.mark.parametrize("name", ["combine", "convert", "download", "summarise", "compare"])
def test_light_commands_do_not_import_torch_or_matplotlib(name: str) -> None:
    code = f"import sys, digits.{name}; print(sorted({{'torch', 'matplotlib', 'snakemake'}} & set(sys.modules)))"
    assert python(code).output.strip() == "[]"
