"""A rule reruns when, and only when, something that it depends on changed in content: its source, the notebook, a locked
library. Each table says what a change concerns; what follows from that is in conftest.AFTER. The configuration has a
file of its own, test_rebuilds_config.py.
"""

import os
import shutil
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT, planned, snakemake

from workflow.conftest import AFTER, Project, assert_reruns, checksums, jobs, plan

EVERY = set(AFTER)
TENSORS = {
    "convert",
    "train",
    "search",
    "evaluate",
    "summarise",
    "compare",
    "plot_data",
    "plot_results",
    "plot_mistakes",
    "plot_weights",
    "explore",
    "report",
}  # read or write such files
NETWORKS = {"train", "evaluate"}
PLOTS = {"plot_results", "plot_mistakes", "plot_weights"}  # of all runs
FIGURES = {"search", "plot_data", "plot_ladder", "plot_workflow"} | PLOTS
MEASURES = {"search", "evaluate", "summarise", "compare", "plot_results"}

# One module of each room, and of the report's files; tests/unit/test_fingerprint.py has all others.
SOURCES = {
    "digits/core/files.py": EVERY,
    "digits/settings/config.py": set(),  # what it makes of the configuration is in the rules' parameters
    "digits/settings/recipes.py": NETWORKS,
    "digits/data/idx.py": {"convert"},
    "digits/networks/dense.py": NETWORKS,
    "digits/training/losses.py": {"train"},
    "digits/statistics/significance.py": {"compare"},
    "digits/rendering/page.py": {"report"},  # imported in the notebook
    "digits/summarise.py": {"summarise"},
    "digits/predict.py": set(),  # of no rule
    "notebooks/report.ipynb": {"report"},
    "notebooks/template/network.js": {"report"},
}

# The report names the version of each library that the project asks for itself.
LIBRARIES = {
    "torch": NETWORKS | {"report"},
    "numpy": EVERY - {"download"},
    "scipy": MEASURES | {"plot_mistakes", "explore", "report"},
    "scikit-learn": MEASURES | {"report"},
    "statsmodels": MEASURES | {"report"},
    "pandas": MEASURES | PLOTS | {"plot_ladder", "report"},  # evaluate: through statsmodels
    "matplotlib": FIGURES | {"report"},
    "pillow": {"convert", "explore"} | FIGURES | {"report"},  # figures: through matplotlib
    "safetensors": TENSORS | {"report"},
    "tqdm": {"report"},
    "pooch": {"download", "report"},
    "requests": {"download", "report"},
    "papermill": {"report"},
    "nbformat": {"report"},
    "ipython": {"report"},
    "nbconvert": {"report"},
    "ipykernel": {"report"},
    "pyyaml": {"report"},
    "jsonschema": {"report"},
    "pygments": {"report"},
    "snakemake": {"report"},
    # Some that others need.
    "sympy": NETWORKS,
    "joblib": MEASURES,
    "contourpy": FIGURES,
    "urllib3": {"download", "report"},
    "pyzmq": {"report"},
    "psutil": {"report"},  # through ipython, not as the tests' own
    # Those that only Snakemake itself or developers need.
    **{name: set[str]() for name in ("pulp", "gitpython", "docutils", "black")},
    **{name: set[str]() for name in ("pytest", "pytest-xdist", "hypothesis", "mypy", "ruff", "snakefmt")},
    **{name: set[str]() for name in ("playwright", "axe-playwright-python", "pypdf")},
    **{name: set[str]() for name in ("types-pyyaml", "types-tqdm", "pandas-stubs")},
}


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_the_table_of_libraries_is_complete() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked_for = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {name.split("==")[0] for name in asked_for} <= set(LIBRARIES)


def test_nothing_changed_and_nothing_reruns(project: Project) -> None:
    assert_reruns(project, "nothing", set())


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_file_concerns_the_rules_that_run_it(project: Project, name: str) -> None:
    append(project.folder / "workflow" / name, "# a comment\n" if name.endswith(".py") else "\n")
    assert_reruns(project, f"`workflow/{name}`", SOURCES[name])


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_a_locked_version_concerns_the_rules_that_compute_with_it(project: Project, name: str) -> None:
    lock = project.folder / "requirements.lock"
    before = lock.read_text()
    assert f"\n{name}==" in before
    lock.write_text(before.replace(f"\n{name}==", f"\n{name}==99."))
    assert_reruns(project, f"locked version of {name}", LIBRARIES[name])


def test_a_rules_command_concerns_that_rule_and_the_report_that_shows_it(project: Project) -> None:
    rules = project.folder / "workflow" / "rules" / "evaluation.smk"
    rules.write_text(rules.read_text().replace("python -m digits.summarise", "python -B -m digits.summarise"))
    assert_reruns(project, "command of the rule summarise", {"summarise", "report"})


def test_texts_around_the_pipeline_concern_no_rule(project: Project) -> None:
    changed = [
        "Snakefile",
        "pyproject.toml",
        "requirements.lock",
        "config/config.yaml",
        "config/quick.yaml",
        "config/search.yaml",
    ]
    changed += ["config/README.md", "profiles/default/config.yaml", "workflow/schemas/config.schema.yaml"]
    changed += [
        f"workflow/rules/{name}.smk"
        for name in ("common", "data", "training", "search", "evaluation", "figures", "report")
    ]
    changed += [f"workflow/report/{path.name}" for path in (ROOT / "workflow" / "report").iterdir()]
    for name in changed:
        append(project.folder / name, "# a comment\n")
    for name in ("README.md", "Makefile", "CHANGELOG.md", "tests/test_new.py", "workflow/digits/notes.txt"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        append(project.folder / name, "# new\n")
    named = "comments in Snakefile, rules, schema, lock, config, profile; captions; README, Makefile, tests"
    assert_reruns(project, named, set())


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
        ("runs/linear/seed-0/weights.safetensors", {"train linear 0", "evaluate linear 0"} | AFTER["evaluate"]),
        (
            "runs/published/seed-1/snapshots.safetensors",
            {"train published 1", "evaluate published 1"} | AFTER["evaluate"],
        ),
        (
            "runs/tiny-conv/seed-0/validation.safetensors",
            {"train tiny-conv 0", "evaluate tiny-conv 0"} | AFTER["evaluate"],
        ),
        ("figures/samples.png", {"plot_data", "report"}),
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


def test_a_dry_run_says_the_same(project: Project) -> None:
    append(project.folder / "workflow" / "digits" / "evaluate.py", "# a comment\n")
    dry = snakemake(project.folder, "--cores", 1, "--configfile", project.config, "--dry-run")
    assert planned(dry) == {"evaluate"} | AFTER["evaluate"]


def test_what_reruns_after_a_comment_gives_the_same_bits(project: Project) -> None:
    before = checksums(project.folder / "results")
    append(project.folder / "workflow" / "digits" / "summarise.py", "# a comment\n")
    result = snakemake(project.folder, "--cores", 2, "--configfile", project.config)
    assert result.status == 0, result.output
    assert planned(result) == {"summarise", "explore", "report"} | PLOTS
    assert checksums(project.folder / "results") == before
    assert_reruns(project, "nothing, after a rerun", set())
