"""A rule reruns when, and only when, something that it depends on changed in content: its source, the notebook, a locked
library. Each table says what a change concerns; what follows from that is in conftest.AFTER. The configuration has a
file of its own, test_rebuilds_config.py.
"""

import ast
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, copy_project, planned, write_config

from workflow.conftest import AFTER, CANDIDATES, RESULTS, Project, asked, assert_reruns, checksums, jobs, plan, run

Changed = Callable[[str, Callable[[str], str]], set[str]]

EVERY = set(AFTER)
PLOTS = {"plot_results", "plot_mistakes", "plot_weights"}  # of all runs
FIGURES = {"search", "plot_data", "plot_ladder", "plot_workflow"} | PLOTS
NETWORKS = {"train", "evaluate"}
MEASURES = {"search", "evaluate", "combine", "summarise", "compare", "plot_results"}
TENSORS = EVERY - {"download", "plot_workflow", "plot_ladder"}  # read or write such files

# One module of each room, a command, and what the report consists of. The rest follows from the import statements.
SOURCES = {
    "digits/core/files.py": EVERY,
    "digits/settings/config.py": set[str](),  # what it makes of the configuration is in the rules' parameters
    "digits/data/idx.py": {"convert"},
    "digits/networks/dense.py": NETWORKS,
    "digits/training/losses.py": {"train"},
    "digits/statistics/runs.py": {"combine", "summarise", "compare", "explore", "report"} | PLOTS,
    "digits/rendering/words.py": {"report"},  # imported in the notebook
    "digits/predict.py": set[str](),  # of no rule
    "digits/combine.py": {"combine"},
    "notebooks/report.ipynb": {"report"},
    "notebooks/template/style.css": {"report"},
}

# The report names the version of each library that the project asks for itself.
LIBRARIES = {
    "torch": NETWORKS | {"report"},
    "numpy": EVERY - {"download"},
    "scipy": MEASURES | {"plot_mistakes", "explore", "report"},
    "pandas": {"combine", "summarise", "compare", "explore", "report"} | FIGURES,
    "matplotlib": FIGURES | {"report"},
    "pillow": {"convert", "explore"} | FIGURES | {"report"},  # figures: through matplotlib
    "safetensors": TENSORS,
    "pooch": {"download", "report"},
    "requests": {"download", "report"},
    **{name: {"report"} for name in ("papermill", "nbformat", "ipython", "nbconvert", "ipykernel", "pygments")},
    **{name: {"report"} for name in ("snakemake", "pyyaml", "jsonschema", "tqdm")},  # no result is computed with them
    # Some that others need.
    "sympy": NETWORKS,
    "contourpy": FIGURES,
    "urllib3": {"download", "report"},
    "pyzmq": {"report"},
    "psutil": {"report"},  # through ipython, not as the tests' own
}
# Those that only Snakemake itself or developers need.
OTHERS = ["pulp", "gitpython", "docutils", "black", "pytest", "pytest-xdist", "hypothesis", "scikit-learn", "mypy"]
OTHERS += [
    "ruff",
    "snakefmt",
    "playwright",
    "axe-playwright-python",
    "pypdf",
    "types-pyyaml",
    "types-tqdm",
    "pandas-stubs",
]


def sources() -> list[str]:
    files = [path for folder in ("digits", "notebooks") for path in (ROOT / "workflow" / folder).rglob("*.*")]
    return sorted(path.relative_to(ROOT / "workflow").as_posix() for path in files if "__pycache__" not in path.parts)


def run_by(command: str) -> set[str]:
    """Return the source files that a rule's command runs, from the import statements in them."""
    module = re.match(r"python -m digits\.(\w+)", command)
    assert module
    todo, found = {f"digits/{module[1]}.py"}, set[str]()
    if module[1] == "report":
        todo |= {name for name in sources() if name.startswith("notebooks/")}
    while todo:
        name = todo.pop()
        found.add(name)
        text = (ROOT / "workflow" / name).read_text()
        if name.endswith(".ipynb"):
            text = "\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code")
        for node in ast.walk(ast.parse(text if name.endswith((".py", ".ipynb")) else "")):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [f"{of}.{alias.name}" for of in names for alias in getattr(node, "names", [])]
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for parts in (dotted.split(".") for dotted in names if dotted.split(".")[0] == "digits"):
                packages = ["/".join([*parts[: depth + 1], "__init__.py"]) for depth in range(len(parts))]
                todo |= {path for path in [*packages, "/".join(parts) + ".py"] if path in sources()} - found
    return found


def fingerprints(folder: Path, config: Path) -> dict[str, list[str]]:
    """Return what each rule depends on beside inputs and settings, and what the report says of libraries."""

    def question(workflow: Any) -> dict[str, list[str]]:
        found = {rule.name: [rule.params.source] for rule in workflow.rules if rule.name != "all"}
        found["report"].append(workflow.get_rule("report").params.about(None))
        return found

    return asked(folder, config, question)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    """Return the rules that a change of a file concerns, by their fingerprints, and undo the change."""
    base = tmp_path_factory.mktemp("changed")
    folder, config = copy_project(base / "project"), write_config(base / "config.yaml")
    before = fingerprints(folder, config)

    def rules(name: str, change: Callable[[str], str]) -> set[str]:
        text = (folder / name).read_text()
        assert change(text) != text
        (folder / name).write_text(change(text))
        after = fingerprints(folder, config)
        (folder / name).write_text(text)
        return {rule for rule in before if after[rule] != before[rule]}

    return rules


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def commented(text: str) -> str:
    """Return a source file's text with another line; a notebook is JSON, to which none can be added but an empty one."""
    return text + ("\n" if text.startswith("{") else "# a comment\n")


def test_the_tables_are_complete() -> None:
    rooms = {path.parent.name for path in (ROOT / "workflow" / "digits").glob("*/__init__.py")}
    assert {Path(name).parent.name for name in SOURCES} >= rooms
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked_for = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {name.split("==")[0] for name in asked_for} <= {*LIBRARIES, *OTHERS}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_file_concerns_the_rules_that_run_it(project: Project, name: str) -> None:
    path = project.folder / "workflow" / name
    path.write_text(commented(path.read_text()))
    assert_reruns(project, name, SOURCES[name])


def test_each_source_file_counts_where_it_is_imported(rules: dict[str, dict[str, Any]], changed: Changed) -> None:
    runs = {name: run_by(rule["command"]) for name, rule in rules.items() if name in AFTER}
    for name in sources():
        expected = {rule for rule, files in runs.items() if name in files}
        assert expected == SOURCES.get(name, expected), name
        assert changed(f"workflow/{name}", commented) == expected, name


def another_version(*names: str) -> Callable[[str], str]:
    """Return what changes the locked version of libraries."""

    def change(lock: str) -> str:
        for name in names:
            assert f"\n{name}==" in lock, name
            lock = lock.replace(f"\n{name}==", f"\n{name}==99.")
        return lock

    return change


def test_a_locked_version_concerns_the_rules_that_compute_with_it(changed: Changed) -> None:
    found = {n: changed("requirements.lock", another_version(n)) for n in LIBRARIES}
    assert found == LIBRARIES
    assert changed("requirements.lock", another_version(*OTHERS)) == set()


@pytest.mark.parametrize("name", ["tqdm", "contourpy", "mypy"])
def test_snakemake_reruns_what_computes_with_a_locked_version(project: Project, name: str) -> None:
    lock = project.folder / "requirements.lock"
    lock.write_text(another_version(name)(lock.read_text()))
    assert_reruns(project, name, LIBRARIES.get(name, set()))


def test_a_rules_command_concerns_that_rule(project: Project) -> None:
    rules = project.folder / "workflow" / "rules" / "evaluation.smk"
    rules.write_text(rules.read_text().replace("python -m digits.summarise", "python -B -m digits.summarise"))
    assert_reruns(project, "command of the rule summarise", {"summarise"})


def test_texts_around_the_pipeline_concern_no_rule(project: Project) -> None:
    changed = ["Snakefile", "pyproject.toml", "requirements.lock", "config/README.md", "profiles/default/config.yaml"]
    changed += [f"config/{name}.yaml" for name in ("config", "quick", "search")]
    for folder in ("rules", "report", "schemas"):
        changed += [f"workflow/{folder}/{path.name}" for path in (ROOT / "workflow" / folder).iterdir()]
    for name in changed:
        append(project.folder / name, "# a comment\n")
    schema = project.folder / "workflow" / "schemas" / "config.schema.yaml"
    reworded = schema.read_text().replace("description: ", "description: In other words, ")
    schema.write_text(reworded.replace('In other words, "', '"In other words, '))
    for name in ("README.md", "Makefile", "CHANGELOG.md", "tests/test_new.py", "workflow/digits/notes.txt"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        append(project.folder / name, "# new\n")
    assert_reruns(project, "texts", set())


@pytest.mark.parametrize("order", ["all at once", "inputs newer than outputs", "outputs newer than inputs", "long ago"])
def test_a_touch_reruns_nothing(project: Project, order: str) -> None:
    files = [path for path in project.folder.rglob("*") if path.is_file() and ".snakemake" not in path.parts]
    made = sorted((path for path in files if "results" in path.parts), key=lambda path: path.stat().st_mtime_ns)
    first = 1e8 if order == "long ago" else 2e9
    step = {"inputs newer than outputs": -1, "outputs newer than inputs": 1}.get(order, 0)
    for number, path in enumerate([*(path for path in files if path not in made), *made]):
        os.utime(path, (first + number * step, first + number * step))
    assert_reruns(project, f"the time of every file: {order}", set())


@pytest.mark.parametrize(
    ("name", "made_again"),
    [
        ("tensors/test.safetensors", {"convert"} | AFTER["convert"]),
        ("runs/linear/seed-0/weights.safetensors", {"train linear 0", "evaluate linear 0"} | RESULTS),
        ("runs/published/seed-1/snapshots.safetensors", {"train published 1", "evaluate published 1"} | RESULTS),
        ("runs/tiny-conv/seed-0/validation.safetensors", {"train tiny-conv 0", "evaluate tiny-conv 0"} | RESULTS),
        (f"runs/{CANDIDATES[1]}/seed-0/history.csv", {f"train {CANDIDATES[1]} 0", "search"}),
        ("figures/samples.svg", {"plot_data", "report"}),
        ("figures/curves.svg", {"plot_results", "report"}),
        ("mistakes.csv", {"plot_mistakes", "report"}),
        ("report.ipynb", {"report"}),
    ],
)
def test_a_deleted_result_is_made_again(project: Project, name: str, made_again: set[str]) -> None:
    (project.folder / "results" / name).unlink()
    assert plan(project).all == jobs(made_again)


def test_another_branch_and_back_reruns_nothing(project: Project) -> None:
    files = {path: path.read_bytes() for path in (project.folder / "workflow").rglob("*.*") if path.is_file()}
    for path in files:
        if path.suffix == ".py":
            append(path, "# on a branch\n")
    assert plan(project).triggered
    for path, content in files.items():
        path.unlink()
        path.write_bytes(content)
    assert_reruns(project, "another branch and back", set())


def test_another_folder_reruns_nothing(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where" / "clone"
    shutil.copytree(project.folder, elsewhere, copy_function=shutil.copyfile)
    assert_reruns(Project(elsewhere, project.config), "a clone elsewhere, with the results copied", set())


def test_what_reruns_after_a_comment_gives_the_same_bits(project: Project) -> None:
    before = checksums(project.folder / "results")
    append(project.folder / "workflow" / "digits" / "summarise.py", "# a comment\n")
    assert planned(run(project)) == {"summarise", "explore", "report"} | PLOTS
    assert checksums(project.folder / "results") == before
    assert_reruns(project, "nothing, after a rerun", set())
