"""Fingerprints: what a rule depends on beside its inputs and parameters, as one short text.

Snakemake reruns a job when a parameter changes, and compares parameters by content. So each rule has the fingerprint of
its source as a parameter: the bytes of its module and of every project module that it imports, and the locked versions
of the libraries that these import, with what those need. Nothing here looks at times.
"""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

# Libraries that check settings and show progress: no result is computed with them.
NOT_COMPUTED_WITH = {"jsonschema", "tqdm", "yaml"}
STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
# Libraries whose name in an import is not their name in the lock.
DISTRIBUTIONS = {"PIL": "pillow", "IPython": "ipython"}


def source_fingerprint(sources: Iterable[Path], package: Path, lock: Path, libraries: Iterable[str] = ()) -> str:
    """Return the fingerprint of source files: modules of the package, notebooks, and others by their bytes alone.

    `libraries` are locked ones that are used without being imported.
    """
    files, used = source_files(sources, package)
    digest = hashlib.sha256()
    for path in sorted(files):
        relative = path.relative_to(package.parent).as_posix()
        digest.update(f"{relative} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for line in locked_versions(lock, with_needs(lock, {*libraries, *used})):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()[:16]


def source_files(sources: Iterable[Path], package: Path) -> tuple[set[Path], set[str]]:
    """Return source files with all files of the package that they import, and the libraries that these compute with."""
    files: set[Path] = set()
    used: set[str] = set()
    todo = list(sources)
    while todo:
        path = todo.pop()
        if path in files:
            continue
        files.add(path)
        for module in imported_modules(path):
            top = module.split(".")[0]
            if top == package.name:
                todo += _package_files(module, package)
            elif top not in sys.stdlib_module_names and top not in NOT_COMPUTED_WITH:
                used.add(DISTRIBUTIONS.get(top, top))
    return files, used


def imported_modules(path: Path) -> set[str]:
    """Return the absolute names of the modules that a .py file or a notebook's cells import; none for other files."""
    if path.suffix == ".py":
        return _imports(path.read_text(encoding="utf-8"))
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return _imports("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    return set()


@cache  # most modules are imported by several commands
def _imports(code: str) -> set[str]:
    names = set()
    todo: list[ast.AST] = [ast.parse(code)]
    while todo:
        node = todo.pop()
        # Statements alone: no expression imports anything.
        todo += [child for child in ast.iter_child_nodes(node) if isinstance(child, STATEMENTS)]
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _package_files(module: str, package: Path) -> list[Path]:
    """Return the files that importing a module of the package runs: the module's and its packages' __init__.py."""
    parts = module.split(".")[1:]
    found = [package.joinpath(*parts[:depth], "__init__.py") for depth in range(len(parts) + 1)]
    if parts:
        found.append(package.joinpath(*parts).with_suffix(".py"))
    return [path for path in found if path.is_file()]


@cache
def _read_lock(text: str) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return each package's pin, and what each package needs, from the lock's `# via` notes."""
    pins: dict[str, str] = {}
    needs: dict[str, set[str]] = {}
    current = ""
    for line in text.splitlines():
        if pin := re.match(r"([a-z0-9][a-z0-9._-]*)==(\S+)", line):
            current = pin[1]
            pins[current] = pin[2]
        elif current and (via := re.match(r"\s+#\s+(?:via\s+)?([a-z0-9][a-z0-9._-]*)(?: \(pyproject.toml\))?$", line)):
            needs.setdefault(via[1], set()).add(current)
    return pins, needs


def locked_versions(lock: Path, libraries: Iterable[str]) -> list[str]:
    """Return `name==version` of locked libraries, sorted; KeyError, naming it, for one that is not in the lock."""
    pins, _ = _read_lock(lock.read_text(encoding="utf-8"))
    return sorted(f"{name}=={pins[name]}" for name in libraries)


def with_needs(lock: Path, libraries: Iterable[str]) -> set[str]:
    """Return the libraries and all that they need, by name."""
    _, needs = _read_lock(lock.read_text(encoding="utf-8"))
    found: set[str] = set()
    todo = list(libraries)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs.get(name, ())
    return found


def direct_libraries(lock: Path) -> set[str]:
    """Return the libraries that the project itself asks for (in pyproject.toml, without those for development)."""
    _, needs = _read_lock(lock.read_text(encoding="utf-8"))
    return needs["digits"]
