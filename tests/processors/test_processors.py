"""Every file that any command writes has the same bytes on other processors, which Valgrind and QEMU emulate.

Both compute floating point exactly, and know no AVX-512. QEMU 7.2 computes AVX2's masked gathers wrongly (differences of
0.1, where Valgrind and real processors agree to the last bit): PyTorch's interpolation uses them, so warped images are left
to Valgrind, whose processor is an Intel.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, process, skip
from digits.core.arithmetic import PORTABLE, processor
from project import PLAN, RUNS, arguments, contents, header, jobs

if processor() != PORTABLE:
    pytest.skip("this processor is none of those whose results agree", allow_module_level=True)

WARPS = {"rotation": 10, "scale": 0.1, "stretch": 0.1, "shear": 0.1, "elastic": 0.5}
# A user's own settings of the numerical libraries, as far as this processor can follow them.
OWN = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "AUTO",
    "MKL_NUM_THREADS": "2",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OPENBLAS_L2_SIZE": "1024",
    "OPENBLAS_NUM_THREADS": "2",
    "NPY_ENABLE_CPU_FEATURES": "X86_V3",
    "OMP_NUM_THREADS": "2",
}
PATH = f"{ROOT / 'workflow'}:{ROOT / 'tests'}"
Build = Callable[..., dict[str, bytes]]


def emulated(command: str) -> str:
    """Return the command line of an emulator; the test is skipped, or fails, where it is not installed."""
    program = command.split(maxsplit=1)[0]
    if shutil.which(program) is None:
        skip(f"no {program} found; on Debian: apt install valgrind qemu-user")
    return command


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build everything in a folder of its own, on a processor, with or without warped training images; return the files."""
    natively: dict[bool, dict[str, bytes]] = {}

    def run(emulator: str = "", warped: bool = True, own: dict[str, str] | None = None) -> dict[str, bytes]:
        if not emulator and own is None and warped in natively:
            return natively[warped]
        folder = tmp_path_factory.mktemp("processor")
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec {emulator} {sys.executable} "$@"\n')
        python.chmod(0o755)
        plan = json.dumps(list(jobs().values()))
        for name, most in WARPS.items() if not warped else ():
            text = json.dumps(json.dumps(name))[1:-1]
            assert f"{text}: {most}" in plan
            plan = plan.replace(f", {text}: {most}", "")
        (folder / "plan.json").write_text(plan)
        environment = {**os.environ, **(own or {}), PLAN: str(folder / "plan.json"), "PYTHONPATH": PATH}
        line = [python, ROOT / "tests" / "processors" / "build.py", folder / "project", python]
        done = process(line, env=environment)
        assert done.status == 0, done.output
        found = contents(folder / "project")
        shutil.rmtree(folder / "project")
        if not emulator and own is None:
            natively[warped] = found
        return found

    return run


def assert_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert found.keys() == expected.keys() and len(found) > 780  # 700 of them images
    assert [name for name in found if found[name] != expected[name]] == []


def test_a_users_own_settings_change_nothing(build: Build) -> None:
    assert_same(build(own=OWN), build())


def test_an_intel_with_avx2(build: Build) -> None:
    assert_same(build(emulated("valgrind -q --tool=none")), build())


@pytest.mark.parametrize("cpu", ["Haswell", "EPYC", "max"])
def test_others_with_avx2(build: Build, cpu: str) -> None:
    assert_same(build(emulated(f"qemu-x86_64 -cpu {cpu}"), warped=False), build(warped=False))


def test_one_without_avx2_trains_and_says_so(trained: Path, tmp_path: Path) -> None:
    qemu = emulated(f"qemu-x86_64 -L {tmp_path} -cpu Nehalem")  # -L: whose /proc/cpuinfo is read
    described = Path("/proc/cpuinfo").read_text().replace(" avx2 ", " ")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(described)
    line = [*qemu.split(), sys.executable, "-m", "digits.train", *arguments("train", trained, tmp_path, RUNS[2])]
    done = process(line, env={**os.environ, "PYTHONPATH": PATH})
    assert done.status == 0, done.output
    assert "Training on x86-64 without AVX2: results differ in the last digits" in done.output
    assert header(tmp_path / RUNS[2] / "weights.safetensors")["processors"] == ["x86-64 without AVX2"]
