"""What every command writes: the same bytes each time, whole files or none, and neither when nor where it was made."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import PLOTS, Ran, Refused, process
from drawings import assert_plain
from project import PAIR_RUNS, ROOT, RUNS, arguments, built_by, contents, outputs

COMMANDS = ("convert", "train", "search", "evaluate", "combine", "summarise", "compare", *PLOTS, "explore", "report")
CASES = [(name, PAIR_RUNS[0] if name == "combine" else RUNS[0]) for name in COMMANDS]


@pytest.mark.parametrize(("name", "run"), [*CASES, *[(name, RUNS[4]) for name in ("train", "evaluate")]])
def test_elsewhere_it_writes_the_same_bytes(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, built: Path, tmp_path: Path, name: str, run: str
) -> None:
    project = shutil.copytree(built, tmp_path / "else where" / "project")
    for path in outputs(name, run).values():
        (project / path).unlink()
    monkeypatch.chdir(project)
    if name == "report":
        ran("convert", Path(), Path())  # whose seals have the checksums of the raw files
    said = ran(name, Path(), Path(), run=run)
    assert built_by(name, project, run) == built_by(name, built, run)
    assert name not in PLOTS or said == ""
    for written in map(project.joinpath, outputs(name, run).values()):
        if "figures" in written.parts and written.suffix != ".csv":
            assert_plain(written)
        elif written.suffix != ".safetensors":
            text = written.read_text()
            assert not [place for place in (built, project, ROOT) if str(place) in text]
            assert not re.search(r"20\d\d-\d\d-\d\d", text)


@pytest.mark.parametrize(("name", "run"), CASES)
def test_a_disk_that_is_full(built: Path, target: Path, refused: Refused, name: str, run: str) -> None:
    """The last output goes to /dev/full, where every write fails as on a full disk; those before it are whole."""
    *_, last = [target / path for path in outputs(name, run).values()]
    last.parent.mkdir(parents=True)
    part = last.with_name(f".{last.name}.{os.getpid()}.part")
    part.symlink_to("/dev/full")
    assert refused(name, built, run=run).startswith(f"error: {last.parent}: the disk is full; ")
    assert not part.is_symlink(), "it was written to, and removed"


def test_a_folder_that_is_read_only(measured: Path, target: Path) -> None:
    written = [target / path for path in outputs("train").values()]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from before")
    before = contents(target)
    folder = written[0].parent
    folder.chmod(0o555)
    # Permissions do not bind root unless this right is taken away.
    bound = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    line = [*bound, sys.executable, "-m", "digits.train", *arguments("train", measured, target)]
    error = process(line, env={**os.environ, "PYTHONPATH": str(ROOT / "workflow")}).error()
    folder.chmod(0o755)
    assert error.startswith(f"error: {folder}/.history.csv.")
    assert contents(target) == before
