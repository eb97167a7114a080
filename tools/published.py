"""Compare results with those published in docs/published/, by checksum: `published.py check`, or `published.py write`.

Published are the tensors and their datasheet, each run's weights and predictions, and the tables; of the default configuration the figures,
their numbers and the page as well. `check` names the first step whose file differs, by how much the run differs, and the likely cause.
"""

import argparse
import csv
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import digits  # noqa: F401 (first: it chooses how numbers are computed)
import numpy as np
import yaml
from digits.core.arithmetic import PORTABLE, processor
from digits.core.arrays import read_arrays
from digits.core.files import altered, read_seal, sealed_files, sha256
from digits.settings.config import complete_config
from digits.settings.fingerprint import locked_versions, source_files, source_fingerprint, with_needs

ROOT = Path(__file__).parents[1]
PUBLISHED, LOCK, PACKAGE = ROOT / "docs" / "published", ROOT / "requirements.lock", ROOT / "workflow" / "digits"
TABLES = ("metrics", "summary", "ladder", "comparisons", "mistakes", "learning", "experiment")
TRAIN = [PACKAGE / "train.py"]
Runs = dict[str, dict[str, Any]]


def names_to_publish(folder: Path, whole: bool) -> Iterator[str]:
    """Give the published files of a folder that holds results/, in the order in which they are made."""
    yield from (f"results/tensors/{name}" for name in ("train.safetensors", "test.safetensors", "datasheet.json"))
    runs = [f"results/runs/{run}" for run in measured(folder)]
    for name in ("weights", "predictions"):
        yield from (f"{run}/{name}.safetensors" for run in runs)
    tables = [f"results/{name}.csv" for name in TABLES]
    yield from (path for path in tables if (folder / path).exists())
    if whole:
        shown = json.loads((folder / "results" / "report.json").read_text(encoding="utf-8"))
        yield from [*shown["numbers"], *shown["figures"].values()]
        yield "results/report.html"


def measured(folder: Path) -> Runs:
    """Return, for each run of results/metrics.csv, its test accuracy and the norm of its weights."""
    with (folder / "results" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: Runs = {}
    for row in rows:
        run = f"{row['model']}/seed-{row['seed']}"
        arrays, _ = read_arrays(folder / "results" / "runs" / run / "weights.safetensors")
        norm = float(np.sqrt(sum(np.square(array, dtype=np.float64).sum() for array in arrays.values())))
        found[run] = {"test_accuracy": float(row["test_accuracy"]), "weights_norm": norm}
    return found


def write(folder: Path, name: str) -> None:
    """Publish the checksums and measures of results."""
    PUBLISHED.mkdir(exist_ok=True)
    lines = [f"{sha256(folder / path)}  {path}\n" for path in names_to_publish(folder, name == "config")]
    (PUBLISHED / f"{name}.sha256").write_text("".join(lines), encoding="utf-8")
    about = {"training": source_fingerprint(TRAIN, PACKAGE, LOCK), "runs": measured(folder)}
    (PUBLISHED / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{len(lines)} files of {name} published")


def check(folder: Path, name: str) -> str | None:
    """Compare results with the published ones; return what is wrong, if anything is."""
    if not (PUBLISHED / f"{name}.sha256").is_file():
        return f"docs/published/{name}.sha256: not there; published are {', '.join(sorted(p.stem for p in PUBLISHED.glob('*.sha256')))}"
    listed = [line.split("  ") for line in (PUBLISHED / f"{name}.sha256").read_text(encoding="utf-8").splitlines()]
    missing = [path for _, path in listed if not (folder / path).is_file()]
    if missing:
        return f"{missing[0]} is missing ({len(missing)} of {len(listed)} files are); build the results of config/{name}.yaml first"
    other = [path for checksum, path in listed if sha256(folder / path) != checksum]
    if not other:
        print(f"all {len(listed)} files as published (docs/published/{name}.sha256)")
        return broken_link(folder, [folder / path for _, path in listed])
    about = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    run = other[0].removeprefix("results/runs/").rpartition("/")[0]
    difference = how_much(about["runs"][run], measured(folder).get(run)) if run in about["runs"] else ""
    return (
        f"{len(other)} of {len(listed)} files are not as published; the first is {other[0]}{difference}. "
        f"Likely cause: {next(likely_causes(folder, name, other, about['training']))}."
    )


def broken_link(folder: Path, published: Sequence[Path] = ()) -> str | None:
    """Follow each result to what it was made from, by the seals; return the first that does not fit, if any does not."""
    unsealed = [path for path in published if read_seal(path) is None]
    if unsealed:
        return f"{unsealed[0].relative_to(folder)}: has no seal ({len(unsealed)} files have none); `snakemake --cores 4` makes it again"
    seals = {path: read_seal(path) for path in sealed_files([folder / "results"])}
    made_from = {path: list(seal or {})[1:] for path, seal in seals.items()}
    found = {
        path: sha256(path) for path in {*seals, *(p for paths in made_from.values() for p in paths)} if path.exists()
    }

    def depth(path: Path) -> int:
        return 1 + max(map(depth, made_from.get(path, [])), default=0)

    for path in sorted(seals, key=lambda path: (depth(path), path)):
        for source, value in (seals[path] or {path: "nothing that can be read"}).items():
            if found.get(source, value) != value:
                where = (
                    "changed since it was made" if source == path else f"made from another {source.relative_to(folder)}"
                )
                return f"{path.relative_to(folder)}: {where}; `snakemake --cores 4` makes it again"
    print(f"all {len(seals)} results are made from each other, as they are")
    return None


def how_much(published: dict[str, float], found: dict[str, float] | None) -> str:
    """Say by how much a run differs."""
    if found is None:
        return " (its run is not in results/metrics.csv)"
    accuracies = f"test accuracy {found['test_accuracy']:.2%}, published {published['test_accuracy']:.2%}"
    apart = abs(found["weights_norm"] / published["weights_norm"] - 1)
    return f" ({accuracies}; the norm of its weights differs by {100 * apart:.2g} %)"


def likely_causes(folder: Path, name: str, other: list[str], training: str) -> Iterator[str]:
    """Give what would explain that files differ, from the images on; the first is the likeliest."""
    weights = [path for path in other if path.endswith("/weights.safetensors")]
    if other[0].startswith("results/tensors/"):
        yield "other images; `dataset:` names another source, or limits them"
    if weights:
        header = json.loads(read_arrays(folder / weights[0])[1]["training"])
        if header["processors"] != [PORTABLE]:
            yield f"trained on {' and '.join(header['processors'])}; published results are those of {PORTABLE}"
        config = complete_config(merged(name))
        recipes = config["recipes"] | {of: config["recipes"][e["recipe"]] for of, e in config["ensembles"].items()}
        if changed := [key for key, value in recipes[header["model"]].items() if header["recipe"].get(key) != value]:
            yield f"another recipe; compare {', '.join(changed)} with config/"
    if processor() != PORTABLE:
        yield f"this is {processor()}; published results are those of {PORTABLE}"
    if broken := altered(sealed_files([folder / "results"])):
        yield f"{broken[0].relative_to(folder)} was changed after it was made; `snakemake --cores 4` makes it again"
    if installed := [pin for pin in locked() if not is_installed(pin)]:
        yield f"other libraries; requirements.lock has {', '.join(installed)}"
    if source_fingerprint(TRAIN, PACKAGE, LOCK) != training:
        yield "the code of digits.train, or a locked library that it uses, has changed since"
    if len(weights) == 1:
        yield "a changed or damaged file, as no other run's weights differ; delete it and build it again"
    yield "the code has changed since"


def merged(name: str) -> dict[str, Any]:
    """Return config/config.yaml with an overlay, as Snakemake merges them."""

    def over(base: Any, new: Any) -> Any:
        both = isinstance(base, dict) and isinstance(new, dict)
        return {**base, **{key: over(base.get(key), value) for key, value in new.items()}} if both else new

    files = [
        yaml.safe_load((ROOT / "config" / f"{part}.yaml").read_text(encoding="utf-8")) for part in ("config", name)
    ]
    found: dict[str, Any] = over(*files)
    return found


def locked() -> list[str]:
    """Return the locked versions of the libraries that a training computes with."""
    _, used = source_files(TRAIN, PACKAGE)
    return locked_versions(LOCK, with_needs(LOCK, used))


def is_installed(pin: str) -> bool:
    """Whether this version of a library is installed, or none that a marker may have left out."""
    name, version = pin.split("==")
    try:
        return importlib.metadata.version(name).split("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return True


def main() -> None:
    """Check or publish results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("check", "write"))
    parser.add_argument("--configuration", default="config", help="a file's name in config/, without .yaml")
    parser.add_argument("--directory", type=Path, default=Path(), help="the folder that holds results/")
    args = parser.parse_args()
    if args.task == "write":
        write(args.directory, args.configuration)
    elif problem := check(args.directory, args.configuration):
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
