"""What the tests share: the small real data set, and ways to run a command or Snakemake as a user would."""

import dataclasses
import functools
import gzip
import importlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest
import yaml
from digits.core.command import run as run_main
from project import EXPERIMENT_RUNS, PAIR_RUNS, RUNS, SEARCH_RUNS, Line, arguments, contents, outputs

T = TypeVar("T")
FORK = multiprocessing.get_context("fork")
ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PLOTS = (
    "plot_data",
    "plot_experiment",
    "plot_results",
    "plot_mistakes",
    "plot_weights",
    "plot_ladder",
    "plot_workflow",
)
PROJECT_FILES = ("Snakefile", "CITATION.cff", "config", "workflow", "profiles", "requirements.lock", "pyproject.toml")


@dataclasses.dataclass
class Result:
    """What a command said and how it ended."""

    status: int
    output: str

    def error(self) -> str:
        """The one line of a user's mistake: no traceback, nothing but `error: …` at the end, a status that says so."""
        assert self.status != 0, self.output
        assert "Traceback" not in self.output, self.output
        lines = [line for line in self.output.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.output
        return lines[0]


Command = Callable[..., Result]
Ran = Callable[..., str]
Refused = Callable[..., str]


def call(name: str, *arguments: object) -> None:
    """Call the main function of `digits.<name>` with a command line, in the environment that the rules give it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "workflow"))
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        importlib.import_module(f"digits.{name}").main()


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command of the package in this process, as `python -m digits.<name> <arguments>` does."""

    def run(name: str, *arguments: object) -> Result:
        capfd.readouterr()
        status = exit_status(lambda: run_main(functools.partial(call, name, *arguments)))
        captured = capfd.readouterr()
        return Result(status, captured.out + captured.err)

    return run


def exit_status(main: Callable[[], object]) -> int:
    """Call what ends as a process does; return the status of its exit."""
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):  # what the interpreter does with a message
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    return 0


def skip(reason: str) -> NoReturn:
    """Skip tests for want of something that not every machine has; with DIGITS_REQUIRE_ALL=1, as in .ci/run, fail."""
    if os.environ.get("DIGITS_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def process(line: Sequence[object], **options: Any) -> Result:
    """Run a process; return how it ended and all that it said."""
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(list(map(str, line)), check=False, **options)
    return Result(done.returncode, done.stdout)


def python(code: str, *arguments: object) -> Result:
    """Run code in a process of its own, which finds the package, and nothing else of this process's environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "workflow")}
    return process([sys.executable, "-c", code, *arguments], env=environment)


def until(condition: Callable[[], T | None], seconds: float = 300) -> T:
    """Wait until a condition holds; return what it gives."""
    ends = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)
    return value


@pytest.fixture(autouse=True)
def no_open_figures() -> Iterator[None]:
    """Close the figures that a test left open, where it drew any; matplotlib keeps them all."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small data set's raw IDX files."""
    folder = tmp_path_factory.mktemp("raw")
    for name in NAMES:
        (folder / name).write_bytes(gzip.decompress((DATA / "mnist" / f"{name}.gz").read_bytes()))
    return folder


@pytest.fixture(scope="session")
def tensors(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small data set's tensor files."""
    from digits.convert import from_idx
    from digits.data.tensors import save_split

    folder = tmp_path_factory.mktemp("tensors")
    for name, split in from_idx([raw / name for name in NAMES]).items():
        save_split(folder / f"{name}.safetensors", split)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A project's folder to write to."""
    return tmp_path / "target"


@pytest.fixture
def ran(command: Command) -> Ran:
    """Run a command that must succeed, on one project's folder and into another's; return its output."""

    def run_well(name: str, source: Path, target: Path, *more: object, run: str = RUNS[0]) -> str:
        result = command(name, *arguments(name, source, target, run), *more)
        assert result.status == 0, result.output
        return result.output

    return run_well


@pytest.fixture
def refused(command: Command, target: Path) -> Refused:
    """Run a command that must fail where its outputs are there from before; return its error line.

    Checks that the outputs from before are as they were, and that nothing else is there.
    """

    def run_refused(name: str, source: Path, *more: object, run: str = RUNS[0], line: Line = arguments) -> str:
        for path in outputs(name, run).values():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(f"{path} from before")
        before = contents(target)
        error = command(name, *line(name, source, target, run), *more).error()
        assert contents(target) == before
        return error

    return run_refused


def unsealed(project: Path) -> Path:
    """Remove the seals of results, so that tests may change them and see what their readers say."""
    for seal in project.rglob(".*.sha256"):
        seal.unlink()
    return project


@pytest.fixture(scope="session")
def trained(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the small data set's raw files, tensors and trained runs. Not to be changed by a test."""
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(raw, project / "resources")
    call("convert", *arguments("convert", project, project))
    for run in dict.fromkeys([*RUNS, *EXPERIMENT_RUNS, *SEARCH_RUNS]):
        call("train", *arguments("train", project, project, run))
    return unsealed(project)


@pytest.fixture(scope="session")
def measured(trained: Path) -> Path:
    """The project's folder with the measures of each run and the tables too."""
    for run in RUNS:
        call("evaluate", *arguments("evaluate", trained, trained, run))
    for run in PAIR_RUNS:
        call("combine", *arguments("combine", trained, trained, run))
    for name in ("summarise", "compare", "explain"):
        call(name, *arguments(name, trained, trained))
    return unsealed(trained)


@pytest.fixture(scope="session")
def built(measured: Path) -> Path:
    """The project's folder with figures and report too: all that the pipeline makes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(measured)
        for name in ("search", *PLOTS, "explore", "convert", "report"):  # convert: so that the report finds its seals
            call(name, *arguments(name, Path(), Path()))
    return unsealed(measured)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy of all that the pipeline makes, which a test may change."""
    return shutil.copytree(built, tmp_path / "project")


def copy_project(target: Path) -> Path:
    """Copy what a clone of the project holds and the pipeline needs."""
    target.mkdir(parents=True, exist_ok=True)
    for name in PROJECT_FILES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target / name)
    return target


def write_config(path: Path, **changes: object) -> Path:
    """Write the small data set's configuration, with changes to its top-level keys, as a file for --configfile.

    It has no experiment, unless that is among the changes.
    """
    config = yaml.safe_load((DATA / "config.yaml").read_text())
    config["experiment"] = {"explains": None, "beside": None, "recipes": []}
    config["dataset"]["path"] = str(DATA / "mnist")
    for key, value in changes.items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(config))
    return path


def forked(work: Callable[[], T]) -> T:
    """Return what a call gives in a child of this process: Snakemake's own state goes with the child."""
    ours, childs = FORK.Pipe()

    def child() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "digits"]:
            del sys.modules[name]  # the package in a project's folder is meant, not the one that is tested elsewhere
        childs.send(work())

    process = FORK.Process(target=child)
    process.start()
    childs.close()
    try:
        answer: T = ours.recv()
    finally:
        process.join()
    return answer


def snakemake(folder: Path, *arguments: object) -> Result:
    """Run Snakemake in a folder."""
    log = folder.parent / f"{folder.name}.snakemake.log"

    def run() -> int:
        os.chdir(folder)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
        from snakemake.cli import main

        sys.argv = ["snakemake", *map(str, arguments)]  # as if typed
        status = exit_status(lambda: main(sys.argv[1:]))
        sys.stdout.flush()
        return status

    return Result(forked(run), log.read_text(errors="replace"))


def planned(result: Result) -> set[str]:
    """Return the rules that a dry run would run, from its table of jobs."""
    assert result.status == 0, result.output
    if "Nothing to be done" in result.output:
        return set()
    lines = result.output.split("Job stats:")[1].splitlines()[3:]
    rules = set()
    for line in lines:
        if not line.strip() or line.startswith("total"):
            break
        rules.add(line.split()[0])
    return rules - {"all"}
