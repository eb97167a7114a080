"""Time the project against others, in turn in one run, and write the table of docs/benchmarks.md.

Each row is run in processes of its own, ours and the other in turn, one thread each (image files: two workers); the ratio
is taken pair by pair. The other side's libraries choose their own kernels; ours are those of core/arithmetic.py.
"""

import datetime
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
PAIRS = 5
# What is timed, ours, the other's, and the goal for the ratio.
ROWS = [
    ("an epoch of `published`, against its bare products by the fastest BLAS here", "published", "products", 1.15),
    ("an epoch of `published`, against the tutorial's own loop", "published", "tutorial_epoch", 0.4),
    ("time to 99 %: `fast`, against the published record recipe", "fast", "record", 0.2),
    ("70,000 PNG files to tensors, against the tutorial's loop", "files", "tutorial_files", 0.4),
]


def recipe_of(name: str) -> Any:
    """Return a recipe of config/config.yaml or config/fast.yaml."""
    import yaml
    from digits.settings.config import complete_config
    from digits.settings.recipes import Recipe

    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    config["recipes"] |= yaml.safe_load((ROOT / "config" / "fast.yaml").read_text(encoding="utf-8"))["recipes"]
    return Recipe(**complete_config(config)["recipes"][name])


def training_of(name: str, folder: Path) -> Any:
    """Return a training that is about to begin, as digits.train begins it."""
    import torch
    from digits.data.tensors import load_split
    from digits.train import begin, repeatable

    repeatable()
    split = load_split(folder / "results" / "tensors" / "train.safetensors")
    return begin(split, recipe_of(name), name, 0, device=torch.device("cpu"))[0]


def published(folder: Path) -> float:
    """An epoch of the tutorial's recipe."""
    from peers import timed

    training = training_of("published", folder)
    training.train_epoch(1)
    with timed() as spent:
        training.train_epoch(2)
    return spent[0]


def fast(folder: Path) -> float:
    """A training of `fast` from its first to its last step."""
    from digits.data.tensors import load_split
    from digits.networks.network import predict
    from digits.training.loop import fit
    from peers import timed

    training = training_of("fast", folder)
    nothing = training.train._replace(chosen=training.train.chosen[:0], y=training.train.y[:0])
    with timed() as spent:
        list(fit(training, nothing))
    test = load_split(folder / "results" / "tensors" / "test.safetensors")
    right = (predict(training.network, test.images).argmax(1).numpy() == test.labels).mean()
    print(f"fast: {right:.2%}")
    return spent[0]


def files(folder: Path) -> float:
    """digits.convert on image files, with two workers, from its first to its last step."""
    from digits.data.image_trees import read_image_tree
    from peers import timed

    with timed("perf_counter") as spent:
        read_image_tree(folder / "images", workers=2)
    return spent[0]


OURS: dict[str, Callable[[Path], float]] = {"published": published, "fast": fast, "files": files}


def write_images(folder: Path) -> None:
    """Write the images of the tensors as PNG files, one folder per class."""
    import numpy as np
    from PIL import Image
    from safetensors.numpy import load_file

    for part, name in (("training", "train"), ("testing", "test")):
        data = load_file(folder / "results" / "tensors" / f"{name}.safetensors")
        for label in np.unique(data["labels"]):
            (folder / "images" / part / str(label)).mkdir(parents=True)
        for number, (image, label) in enumerate(zip(data["images"], data["labels"], strict=True)):
            Image.fromarray(image).save(folder / "images" / part / str(label) / f"{number}.png")


def seconds(name: str, folder: Path) -> float:
    """Run one side of a row in a process of its own."""
    # Freed memory stays with the process, as for the rules (workflow/rules/common.smk), on both sides.
    malloc = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
    line = [sys.executable, __file__, name, str(folder)]
    done = subprocess.run(line, env={**os.environ, **malloc}, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    *said, last = done.stdout.splitlines()
    for text in said:
        print(f"    {text}", file=sys.stderr)
    return float(last)


def machine() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))


def main() -> None:
    """Run one side (its name and a folder are given), or all rows."""
    if len(sys.argv) > 1:
        name, folder = sys.argv[1], Path(sys.argv[2])
        if name in OURS:
            import digits  # noqa: F401 (first: it chooses how numbers are computed)
        import peers

        print((OURS[name] if name in OURS else getattr(peers, name))(folder))
        return
    tensors = ROOT / "results" / "tensors"
    if not tensors.is_dir():
        sys.exit("error: results/tensors: not there yet; `make report` makes it")
    table = ["| what | ours, s | the other, s | ratio | goal |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "results").mkdir()
        (folder / "results" / "tensors").symlink_to(tensors)
        write_images(folder)
        for what, ours, other, goal in ROWS:
            print(what, file=sys.stderr)
            pairs = [(seconds(ours, folder), seconds(other, folder)) for _ in range(PAIRS)]
            ratios = [a / b for a, b in pairs]
            a, b, ratio = (statistics.median(column) for column in (*zip(*pairs, strict=True), ratios))
            table.append(
                f"| {what} | {a:.2f} | {b:.2f} | **{ratio:.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) | {goal} |"
            )
            print(table[-1], file=sys.stderr)
    about = f"Measured on {datetime.date.today()}, on {os.cpu_count()} cores of {machine()}, by `make bench`."
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- table -->\n")
    _, end, tail = rest.partition("<!-- end -->\n")
    PAGE.write_text(f"{head}<!-- table -->\n{about}\n\n" + "\n".join(table) + f"\n\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
