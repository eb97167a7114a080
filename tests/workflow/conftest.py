"""What the tests of the whole workflow share: the small data set built once, and what Snakemake says about a workflow."""

import contextlib
import dataclasses
import fcntl
import hashlib
import importlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from conftest import ROOT, Result, copy_project, forked, snakemake, write_config
from digits.settings.candidates import changed
from snakemake.io import is_flagged

T = TypeVar("T")

# Of tests/data/config.yaml.
MODELS, SEEDS = ("linear", "published", "tiny-conv"), (0, 1)
CANDIDATES = ("rate.learning-rate-20", "rate.learning-rate-50")  # of the search `rate`, with seed 0

# For each rule, the rules that read what it makes, directly or through others.
PLOTS = {"plot_results", "plot_mistakes", "plot_weights"}  # of all runs
RESULTS = {"summarise", "compare", "plot_ladder", "explore", "report"} | PLOTS
AFTER = {
    "download": {"convert", "train", "search", "evaluate", "combine", "plot_data"} | RESULTS,
    "convert": {"train", "search", "evaluate", "combine", "plot_data"} | RESULTS,
    "train": {"search", "evaluate", "combine"} | RESULTS,
    "search": set[str](),
    "evaluate": {"combine"} | RESULTS,
    "combine": RESULTS,
    "summarise": PLOTS | {"explore", "report"},
    "compare": {"plot_ladder", "report"},
    **{rule: {"report"} for rule in (*PLOTS, "plot_data", "plot_workflow", "plot_ladder", "explore")},
    "report": set[str](),
}
EXPERIMENT_RULES = {"explain", "plot_experiment"}  # of which test_experiment.py tells; the small data set has none
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
            make(project, "--cores", 4)
            (shared / "done").touch()
    return project


@contextlib.contextmanager
def copied(build: Project, folder: Path) -> Iterator[Project]:
    """Give a copy of a project, for this block."""
    copy = Project(folder / "project", folder / "config.yaml")
    shutil.copytree(build.folder, copy.folder)
    shutil.copy(build.config, copy.config)
    yield copy
    shutil.rmtree(copy.folder, ignore_errors=True)


@pytest.fixture
def project(build: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the built project, which a test may change."""
    with copied(build, tmp_path) as copy:
        yield copy


def run(project: Project, *arguments: object) -> Result:
    """Run Snakemake in a project."""
    return snakemake(project.folder, "--cores", 2, *arguments, "--configfile", project.config)


def make(project: Project, *arguments: object) -> Result:
    """Run Snakemake in a project, which must succeed."""
    result = run(project, *arguments)
    assert result.status == 0, result.output
    return result


def set_keys(path: Path, changes: dict[str, Any]) -> None:
    """Change keys of a configuration file, each written as a path: `recipes.linear.epochs`."""
    config = changed(yaml.safe_load(path.read_text()), changes)
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def plan(project: Project, *arguments: object) -> Plan:
    """Ask Snakemake for the state of every output, and what it would do about it."""
    result = snakemake(project.folder, "--configfile", project.config, *arguments, "--summary")
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


def asked(folder: Path, config: Path | None, question: Callable[[Any], T]) -> T:
    """Return what a question gets from the workflow that Snakemake reads in a folder."""

    def ask() -> T:
        from snakemake.api import SnakemakeApi
        from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            settings = ConfigSettings(configfiles=[config] if config else [])
            place = {"snakefile": folder / "Snakefile", "workdir": folder}
            return question(api.workflow(ResourceSettings(cores=1), config_settings=settings, **place)._workflow)

    return forked(ask)


def rules_of(config: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return what Snakemake has read of each rule but `all`, and what a job of it asks for at the first and third attempt."""

    def described(rule: Any) -> dict[str, Any]:
        info = rule.ruleinfo
        entries = [info.output[:2], info.params, *([info.input[:2]] if info.input else [])]
        attempts = [rule.expand_resources({"model": "linear", "seed": "0"}, [], attempt) for attempt in (1, 3)]
        return {
            "command": rule.shellcmd,
            "log": bool(rule.log),
            "message": bool(rule.message),
            "benchmark": rule.benchmark is not None,
            "local": info.localrule,
            "source": rule.params.get("source"),
            # How many have a name, and how many none; `unpack` brings names.
            "entries": [(len(named), sum(not is_flagged(x, "unpack") for x in unnamed)) for unnamed, named in entries],
            "resources": [{key: asked.get(key) for key in ("mem_mb", "runtime", "gpu")} for asked in attempts],
        }

    return asked(ROOT, config, lambda workflow: {r.name: described(r) for r in workflow.rules if r.name != "all"})


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The rules of the small data set's workflow; `convert` has another form for image files."""
    config = write_config(tmp_path_factory.mktemp("rules") / "config.yaml")
    idx = rules_of(config)
    set_keys(config, {"dataset.format": "images"})
    return {**idx, "convert images": rules_of(config)["convert"]}


def run_of(output: str) -> list[str]:
    """Return model and seed of a run's output; nothing for others."""
    parts = Path(output).parts
    return [parts[2], parts[3].removeprefix("seed-")] if parts[:2] == ("results", "runs") else []


def jobs(
    rules: Iterable[str],
    models: Iterable[object] = MODELS,
    seeds: Iterable[object] = SEEDS,
    candidates: Iterable[object] = CANDIDATES,
    ensembles: Mapping[str, Iterable[object]] | None = None,
) -> set[str]:
    """Return all jobs of rules: `train linear` means each of its seeds, `train` each model and seed, and candidates.

    `combine` means each ensemble with each of its seeds; the small data set has none.
    """
    found = set()
    for name in rules:
        rule, *run = name.split()
        if rule in ("train", "evaluate"):
            found |= {f"{rule} {m} {s}" for m in (run[:1] or models) for s in (run[1:] or seeds)}
            if name == "train":
                found |= {f"train {candidate} 0" for candidate in candidates}
        elif rule == "combine":
            found |= {f"combine {m} {s}" for m, own in (ensembles or {}).items() for s in own}
        else:
            found.add(name)
    return found


def followers(rules: Iterable[str]) -> set[str]:
    """Return what runs after jobs, for the same models and seeds where those are named."""
    found = set()
    for name in rules:
        rule, *run = name.split()
        if rule == "combine":  # which has no job on the small data set
            continue
        after_it = AFTER[rule] - (LADDER_RULES if run and run[0] not in MODELS else set())
        if rule == "train" and run:
            after_it = {"search"} if run[0].startswith("rate.") else after_it - {"search"}
        found |= {" ".join([after, *run]) if after == "evaluate" else after for after in after_it}
    return found


def assert_reruns(project: Project, what: str, rules: Iterable[str]) -> None:
    """Hold what Snakemake would run against what a change concerns by itself, and what follows from that."""
    found = plan(project)
    assert found.triggered == jobs(rules), what
    assert found.all == jobs(rules) | jobs(followers(rules)), what


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder but the seals, by its path there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.match(".*.sha256")
    }
