"""`digits.train` as a process: what a terminal shows, and what is left when it is killed in the middle."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from conftest import Ran, unsealed
from project import RECIPES, ROOT, RUNS, arguments, built_by, contents

LINEAR = RUNS[0]


def start(trained: Path, target: Path, *more: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the command in a process of its own, as the rule does."""
    line = [sys.executable, "-m", "digits.train", *arguments("train", trained, target), *more]
    return subprocess.Popen(line, stderr=stderr, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "workflow")})


def test_a_terminal_gets_a_progress_bar_and_a_new_process_the_same_bits(trained: Path, target: Path) -> None:
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 120))
    process = start(trained, target, stderr=its_end)
    os.close(its_end)
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(terminal)
    assert process.wait() == 0, said
    last = (trained / LINEAR / "history.csv").read_text().splitlines()[-1].split(",")
    loss, accuracy = f"{float(last[2]):.4f}", f"{float(last[5]):.2%}"
    bar = rf"\r100%\|█+\| 3/3 \[.*epoch/s, training loss {loss}, validation accuracy {accuracy}, "
    assert re.search(bar, said.decode()), said
    assert b"epoch 1/3" not in said
    assert built_by("train", target) == built_by("train", trained)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 128 + 15), (signal.SIGKILL, -9)])
def test_a_killed_job_leaves_no_result(ran: Ran, trained: Path, target: Path, number: int, status: int) -> None:
    """And the next run gives the same bits."""
    endless = json.dumps({**RECIPES["linear"], "epochs": 10**6})
    (target / LINEAR).mkdir(parents=True)
    (target / LINEAR / "weights.safetensors").write_text("from before")
    process = start(trained, target, "--recipe", endless)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("epoch 1/1000000: training loss ")
        parts = {path.name for path in (target / LINEAR).iterdir()}
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status
    assert "Traceback" not in rest
    part = f".history.csv.{process.pid}.part"
    assert parts == {"weights.safetensors", part}, "it was in the middle"
    left = contents(target)
    assert left.pop(f"{LINEAR}/weights.safetensors") == b"from before"
    assert set(left) == ({f"{LINEAR}/{part}"} if number == signal.SIGKILL else set())
    ran("train", trained, target)
    unsealed(target)
    assert contents(target) == built_by("train", trained, LINEAR)
