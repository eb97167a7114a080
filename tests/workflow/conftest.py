"""What the tests of the whole workflow share: the small data set built once, and what Snakemake would do after a change."""

import dataclasses
import fcntl
import hashlib
import importlib
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import copy_project, snakemake, write_config

# Of tests/data/config.yaml.
MODELS, SEEDS = ("linear", "published", "tiny-conv"), (0, 1)
CANDIDATES = ("rate.learning-rate-20", "rate.learning-rate-50")  # of the search `rate`, with seed 0

# For each rule, the rules that read what it makes, directly or through others.
PLOTS = {"plot_results", "plot_mistakes", "plot_weights"}  # of all runs
RESULTS = {"summarise", "compare", "plot_ladder", "explore", "report"} | PLOTS
AFTER = {
    "download": {"convert", "train", "search", "evaluate", "plot_data"} | RESULTS,
    "convert": {"train", "search", "evaluate", "plot_data"} | RESULTS,
    "train": {"search", "evaluate"} | RESULTS,
    "search": set[str](),
    "evaluate": RESULTS,
    "summarise": PLOTS | {"explore", "report"},
    "compare": {"plot_ladder", "report"},
    "plot_data": {"report"},
    "plot_results": {"report"},
    "plot_mistakes": {"report"},
    "plot_weights": {"report"},
    "plot_workflow": {"report"},
    "plot_ladder": {"report"},
    "explore": {"report"},
    "report": set[str](),
}
LADDER_RULES = {"compare", "plot_ladder"}  # which read the runs of models on the ladder alone


@dataclasses.dataclass(frozen=True)
class Project:
    """A copy of the project in a folder of its own, with the configuration that it was built from."""

    folder: Path
    config: Path


@dataclasses.dataclass(frozen=True)
class Plan:
    """What Snakemake would run: the jobs that something of their own calls for, and all, with those that follow."""

    triggered: set[str]
    all: set[str]


@pytest.fixture(scope="session", autouse=True)
def _snakemake_loaded() -> None:
    """Load what Snakemake loads, once: the processes forked for each test then have it."""
    for name in ("pandas", "snakemake.report", "snakemake.cli"):
        module = importlib.import_module(name)
    module.get_argument_parser()


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small data set built with four cores; only to be read. The first of pytest's processes builds for all."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "build"
    shared.mkdir(exist_ok=True)
    project = Project(shared / "project", shared / "config.yaml")
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            copy_project(project.folder)
            write_config(project.config)
            result = snakemake(project.folder, "--cores", 4, "--configfile", project.config)
            assert result.status == 0, result.output
            (shared / "done").touch()
    return project


@pytest.fixture
def project(build: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the built project, which a test may change."""
    copy = Project(tmp_path / "project", tmp_path / "config.yaml")
    shutil.copytree(build.folder, copy.folder)
    shutil.copy(build.config, copy.config)
    yield copy
    shutil.rmtree(copy.folder, ignore_errors=True)


def set_keys(path: Path, changes: dict[str, Any]) -> None:
    """Change keys of a configuration file, each written as a path: `recipes.linear.epochs`."""
    config = yaml.safe_load(path.read_text())
    for dotted, value in changes.items():
        *parents, key = dotted.split(".")
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = value
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def plan(project: Project, *arguments: object) -> Plan:
    """Ask Snakemake for the state of every output, and what it would do about it."""
    result = snakemake(project.folder, "--cores", 1, "--configfile", project.config, *arguments, "--summary")
    assert result.status == 0, result.output
    triggered, everything = set(), set()
    for line in result.output.split("output_file\t")[1].splitlines()[1:]:
        output, _, rule, _, state, intention = line.split("\t")
        job = " ".join([rule, *run_of(output)])
        if state != "ok":
            triggered.add(job)
        if intention == "update pending":
            everything.add(job)
    return Plan(triggered, everything)


def rules_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Ask Snakemake what each rule of a project's default configuration says, by its name; in a child, as its state stays."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_rules_of, (folder,))


def _rules_of(folder: Path) -> dict[str, dict[str, Any]]:
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

    os.chdir(folder)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        flow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=folder / "Snakefile")
        flow.list_rules()
        return {
            rule.name: {
                "local": rule.name in flow._workflow._localrules,
                "log": bool(rule.log),
                "message": bool(rule.message),
                "shell": rule.shellcmd,
                "resources": {
                    key: rule.resources[key]._value(SimpleNamespace(model="linear"), attempt=1)
                    for key in ("mem_mb", "runtime")
                    if key in rule.resources
                },
                "params": set(rule.params.keys()),
            }
            for rule in flow._workflow.rules
        }


def run_of(output: str) -> list[str]:
    """Return model and seed of a run's output; nothing for others."""
    parts = Path(output).parts
    return [parts[2], parts[3].removeprefix("seed-")] if parts[:2] == ("results", "runs") else []


def jobs(
    rules: Iterable[str],
    models: Iterable[object] = MODELS,
    seeds: Iterable[object] = SEEDS,
    candidates: Iterable[object] = CANDIDATES,
) -> set[str]:
    """Return all jobs of rules: `train linear` means each of its seeds, `train` each model and seed, and candidates."""
    found = set()
    for name in rules:
        rule, *run = name.split()
        if rule in ("train", "evaluate"):
            found |= {f"{rule} {m} {s}" for m in (run[:1] or models) for s in (run[1:] or seeds)}
            if name == "train":
                found |= {f"train {candidate} 0" for candidate in candidates}
        else:
            found.add(name)
    return found


def followers(rules: Iterable[str]) -> set[str]:
    """Return what runs after jobs, for the same models and seeds where those are named."""
    found = set()
    for name in rules:
        rule, *run = name.split()
        after_it = AFTER[rule] - (LADDER_RULES if run and run[0] not in MODELS else set())
        if rule == "train" and run:
            after_it = {"search"} if run[0].startswith("rate.") else after_it - {"search"}
        found |= {" ".join([after, *run]) if after == "evaluate" else after for after in after_it}
    return found


def assert_reruns(project: Project, changed: str, rules: Iterable[str]) -> None:
    """Hold what Snakemake would run against what a change concerns by itself, and what follows from that.

    With REBUILDS_TABLE=<file> in the environment, each call adds its line to a table there.
    """
    found = plan(project)
    assert found.triggered == jobs(rules), changed
    assert found.all == jobs(rules) | jobs(followers(rules)), changed
    if "REBUILDS_TABLE" in os.environ:
        order = list(AFTER).index
        own, then = (
            ", ".join(sorted(names, key=lambda name: (order(name.split()[0]), name))) or "–"
            for names in (set(rules), followers(rules) - set(rules))
        )
        with Path(os.environ["REBUILDS_TABLE"]).open("a") as table:
            fcntl.flock(table, fcntl.LOCK_EX)
            if table.tell() == 0:
                table.write("| what changed | what reruns | what follows |\n|---|---|---|\n")
            table.write(f"| {changed} | {own} | {then} |\n")


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by its path there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
