"""`tools/venv.sh`, behind every make target: an environment once, and one line where that cannot be."""

import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, Result, process


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the script and a lock without packages."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "venv.sh", tmp_path / "tools")
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    return tmp_path


def set_up(project: Path, **environment: str) -> Result:
    variables = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "TORCH_INDEX": "", **environment}
    return process(["tools/venv.sh"], cwd=project, env=variables)


def fake_python(project: Path, script: str) -> str:
    path = project / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def quick_python(project: Path) -> str:
    """This Python, but its virtual environments are only links to itself: real ones take seconds."""
    make = f"mkdir -p .venv/bin && ln -s {sys.executable} .venv/bin/python"
    return fake_python(project, f'[ "$*" = "-m venv .venv" ] && {{ {make}; exit; }}\nexec {sys.executable} "$@"')


def test_a_real_environment_with_pip(project: Path) -> None:
    assert "Making .venv" in set_up(project).output
    python = project / ".venv" / "bin" / "python"
    listed = process([python, "-m", "pip", "list"]).output
    assert "pip" in listed and "torch" not in listed


def test_once_and_again_only_when_the_lock_changes_or_its_python_is_gone(project: Path) -> None:
    python = quick_python(project)
    for change in ("", "echo '# still nothing' > requirements.lock", "ln -sf /nowhere/python .venv/bin/python"):
        subprocess.run(["sh", "-c", change], cwd=project, check=True)
        assert "Making .venv" in set_up(project, PYTHON=python).output
        assert set_up(project, PYTHON=python) == Result(0, "")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit 1", "error: no Python 3.11 or newer found; install one, or name it: make report PYTHON=/path/to/python3"),
        (
            f'case "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"',
            "error: this Python has no venv module; on Debian or Ubuntu: apt install python3-venv",
        ),
    ],
    ids=["too old", "without venv"],
)  # fmt: skip
def test_a_python_that_will_not_do(project: Path, script: str, error: str) -> None:
    assert set_up(project, PYTHON=fake_python(project, script)).error() == error


class Index(http.server.BaseHTTPRequestHandler):
    """A package index that has nothing but one page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/cpu/torch/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("path", "device", "said"),
    [
        ("cpu", "cpu", "torch: the build for the CPU, from {index}."),
        ("gone", "cpu", "torch: the build from pip's own index, as {index} does not answer."),
        ("cpu", "cuda", None),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyPI's build is the one for the CPU")
def test_torch_for_the_cpu_comes_from_its_own_index(project: Path, path: str, device: str, said: str | None) -> None:
    (project / "config").mkdir()
    (project / "config" / "config.yaml").write_text(f"seeds: [0]\ndevice: {device}\n")
    (project / "requirements.lock").write_text("no-such-package==1.0\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever).start()
        index = f"http://127.0.0.1:{server.server_address[1]}/{path}"
        pip = {"PIP_INDEX_URL": index, "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INPUT": "1"}
        output = set_up(project, PYTHON=quick_python(project), TORCH_INDEX=index, **pip).output
        server.shutdown()
    if said is None:
        assert "torch:" not in output
    else:
        assert said.format(index=index) in output.splitlines()


def test_no_network(project: Path) -> None:
    (project / "requirements.lock").write_text("no-such-package==1.0\n")
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    nobody["PYTHON"] = quick_python(project)
    error = set_up(project, **nobody).error()
    assert error.startswith("error: the packages could not be installed; is the network there? pip says: ERROR: No mat")
    assert "Making .venv" in set_up(project, **nobody).output, "the next call tries again"
