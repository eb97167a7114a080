"""A disk that is full and a folder that is read-only: one line, and what was there before stays."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import Refused, Result
from project import arguments, contents, outputs, start

COMMANDS = [
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
    "plot_ladder",
    "plot_workflow",
    "explore",
    "report",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full(built: Path, target: Path, refused: Refused, name: str) -> None:
    """The last output goes to /dev/full, where every write fails as on a full disk; those before it are whole."""
    last = target / list(outputs(name).values())[-1]
    last.parent.mkdir(parents=True)
    part = last.with_name(f".{last.name}.part")
    part.symlink_to("/dev/full")
    error = refused(name, built)
    folder = (target / next(iter(outputs(name).values()))).parent
    assert error == f"error: {folder}: the disk is full; free some space and start again"
    assert not part.is_symlink(), "it was written to, and removed"


@pytest.mark.parametrize("name", ["convert", "train", "summarise"])
def test_a_folder_that_is_read_only(measured: Path, target: Path, name: str) -> None:
    written = [target / path for path in outputs(name).values()]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from before")
    before = contents(target)
    folder = written[0].parent
    folder.chmod(0o555)
    # Permissions do not bind root unless this right is taken away.
    bound = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    process = start(name, arguments(name, measured, target), subprocess.PIPE, bound)
    _, said = process.communicate()
    folder.chmod(0o755)
    denied = "permission denied; check the permissions of the file and its folder"
    error = Result(process.returncode, said).error()
    assert error in [f"error: {path.with_name(f'.{path.name}.part')}: {denied}" for path in written]
    assert contents(target) == before
