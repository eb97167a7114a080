"""Run every kind of job on the small data set in one process: `build.py FOLDER [PYTHON]`, the PYTHON of the report's kernel.

The commands' lines are those that Snakemake plans; DIGITS_TEST_PLAN names the file that has them (see tests/project.py).
"""

import gzip
import os
import sys
from pathlib import Path

from conftest import DATA, NAMES, PLOTS, call
from pictures import image_tree
from project import EXPERIMENT_RUNS, PAIR_RUNS, RUNS, SEARCH_RUNS, TENSORS, arguments

HERE = Path()
PLANNED = [
    ("convert", RUNS[0]),
    *(("train", run) for run in dict.fromkeys([*RUNS, *EXPERIMENT_RUNS, *SEARCH_RUNS])),
    *(("evaluate", run) for run in RUNS),
    *(("combine", run) for run in PAIR_RUNS),
    *((name, RUNS[0]) for name in ("summarise", "compare", "explain", "search", *PLOTS, "explore", "report")),
]


def build() -> None:
    """Build everything in the working folder, and what no plan of the small data set has: image files, predictions."""
    Path("resources").mkdir()
    for name in NAMES:
        Path("resources", name).write_bytes(gzip.decompress((DATA / "mnist" / f"{name}.gz").read_bytes()))
    for name, run in PLANNED:
        call(name, *arguments(name, HERE, HERE, run))
    files = image_tree(Path("images"), *map(Path, TENSORS))
    written = (
        "--train",
        "train.safetensors",
        "--test",
        "test.safetensors",
        "--datasheet",
        "datasheet.json",
        "--files",
        "files.csv",
    )
    call("convert", "images", "--source", "images", *written)
    weights = f"{PAIR_RUNS[-1]}/weights.safetensors"
    call("predict", "--weights", weights, "--images", *files[::100], "--table", "table.csv", "--page", "page.html")


if __name__ == "__main__":
    sys.executable = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    Path(sys.argv[1]).mkdir()
    os.chdir(sys.argv[1])
    build()
