"""A command keeps the variables that are known to belong there, and starts anew where others may have changed Python."""

import os
import sys

import pytest
from digits.core.environment import clean_environment


@pytest.fixture
def started_anew(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    calls: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "LC_ALL": "C", "SLURM_JOB_ID": "1", "PYTHONPATH": "x"})
    return calls


@pytest.mark.parametrize(("name", "again"), [("JUPYTER_PATH", False), ("MPLBACKEND", False), ("PYTHONOPTIMIZE", True)])
def test_a_command_removes_what_is_foreign(
    started_anew: list[object], monkeypatch: pytest.MonkeyPatch, name: str, again: bool
) -> None:
    line = [sys.executable, "-m", "digits.train", "--help"]
    monkeypatch.setattr(sys, "orig_argv", line)
    known = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    os.environ[name] = "x"
    clean_environment()
    assert os.environ == known
    assert started_anew == ([(sys.executable, line)] if again else [])


def test_who_imports_the_package_keeps_their_environment(
    started_anew: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", "pytest"])
    os.environ["MINE"] = "x"
    clean_environment()
    assert os.environ["MINE"] == "x" and not started_anew
