"""What libraries read of how to compute is the same on every processor with AVX2, whatever a user has set."""

import contextlib
import os
from pathlib import Path

import pytest
from conftest import python
from digits.core import arithmetic
from digits.core.arithmetic import PORTABLE, SETTINGS, has_level, pin_arithmetic, processor

HASWELL = "fpu sse sse2 fma movbe avx f16c bmi1 avx2 bmi2"


@pytest.mark.parametrize(("flags", "expected"), [(HASWELL, True), (f"{HASWELL} avx512f", True), ("fpu sse avx", False)])
def test_the_level_is_read_from_the_processors_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: other\n")
    assert has_level(path) is expected


@pytest.mark.parametrize(("kind", "expected"), [(PORTABLE, SETTINGS), ("aarch64 with Linux", {})])
def test_a_users_own_settings_give_way(monkeypatch: pytest.MonkeyPatch, kind: str, expected: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith(("ATEN_", "MKL_", "ONEDNN_", "OPENBLAS_", "NPY_"))]:
        monkeypatch.delenv(name)
    for name in ("OPENBLAS_L2_SIZE", "MKL_CBWR", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setattr(arithmetic, "processor", lambda: kind)
    before = set(os.environ)
    with pytest.warns(UserWarning, match="imported before digits") if expected else contextlib.nullcontext():
        pin_arithmetic()
    found = {name: value for name, value in os.environ.items() if name in SETTINGS or value == "theirs"}
    assert found == expected
    assert set(os.environ) - before <= set(expected)


def test_numpy_before_digits_is_warned_of() -> None:
    late, early = (python(f"import {first}; import digits, numpy").output for first in ("numpy", "digits"))
    assert "imported before digits" in late and early == ""


def test_this_processor_is_one_of_those_that_agree() -> None:
    """The tests compare bits with those of other processors. On others they cannot pass."""
    if processor() != PORTABLE:
        pytest.skip(f"this is {processor()}")
    import numpy as np
    import torch

    assert torch.backends.cpu.get_cpu_capability() == "AVX2"
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    assert features["X86_V3"] and not features["X86_V4"]
