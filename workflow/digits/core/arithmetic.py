"""How numbers are computed: alike on every x86-64 processor with AVX2, to the last bit.

Numerical libraries choose their kernels by the processor, and each kernel rounds in its own way. Here all of them are told
to take those for AVX2. They read it from the environment when they are loaded, so `digits/__init__.py` calls
`pin_arithmetic` before anything imports numpy or torch. tests/processors holds the results of several processors against
each other.
"""

import os
import sys
import warnings
from functools import cache
from pathlib import Path

PORTABLE = "x86-64-v3"  # the architecture level with AVX2 and FMA: https://gitlab.com/x86-psABIs/x86-64-ABI
LEVEL = {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"}  # its flags in /proc/cpuinfo

SETTINGS = {
    # PyTorch's own loops: https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.cpu
    "ATEN_CPU_CAPABILITY": "avx2",
    # Convolutions: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    # What else PyTorch leaves to MKL, whose AVX2 mode is for Intel's own processors: Intel oneMKL developer guide,
    # "Obtaining numerically reproducible results".
    "MKL_CBWR": "COMPATIBLE",
    # Matrix products of NumPy and SciPy: https://www.openmathlib.org/OpenBLAS/docs/runtime_variables/
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    # NumPy's exp, log, power, … for AVX-512: https://numpy.org/doc/stable/reference/simd/build-options.html
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


@cache
def processor() -> str:
    """Return the kind of this processor, as far as results depend on it: PORTABLE, or another architecture's name."""
    system, _, _, _, machine = os.uname()
    if (system, machine) == ("Linux", "x86_64"):
        return PORTABLE if has_level(Path("/proc/cpuinfo")) else "x86-64 without AVX2"
    return f"{machine} with {system}"


def has_level(cpuinfo: Path) -> bool:
    """Whether Linux's description of the processor has all that the architecture level asks for."""
    with cpuinfo.open(encoding="utf-8", errors="replace") as lines:
        flags = next((line for line in lines if line.startswith("flags")), "")
    return set(flags.split()) >= LEVEL


def pin_arithmetic() -> None:
    """Choose the kernels of all numerical libraries; a user's own settings of these libraries give way.

    On another kind of processor the libraries choose for themselves, and results say so (`processor`).
    """
    settings = SETTINGS if processor() == PORTABLE else {}
    prefixes = {name.partition("_")[0] + "_" for name in SETTINGS} | {"DNNL_"}  # oneDNN's former name
    foreign = [name for name in os.environ if name.startswith(tuple(prefixes)) and name not in settings]
    late = {"numpy", "torch"} & set(sys.modules) and any(os.environ.get(name) != settings[name] for name in settings)
    for name in foreign:
        del os.environ[name]
    os.environ.update(settings)
    if late:
        warnings.warn("numpy or torch was imported before digits; results may differ in the last digits", stacklevel=3)
