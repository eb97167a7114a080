# What the rules share: the checked configuration, the environment of the commands, and functions for parameters.
import json
import os
import re
import sys
import warnings
from pathlib import Path

ROOT = Path(workflow.current_basedir).parents[1]
PACKAGE = ROOT / "workflow" / "digits"
LOCK = ROOT / "requirements.lock"

# Commands run as `python -m digits.…` with this Python and the package beside this Snakefile, wherever it is started.
sys.path.insert(0, str(PACKAGE.parent))
os.environ.update(
    PYTHONPATH=str(PACKAGE.parent),
    PYTHONSAFEPATH="1",  # a random.py of the user's, where Snakemake runs, is no module of ours
    PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    # Freed memory stays with the process (glibc): returning it cost a fifth of a convolutional training.
    MALLOC_MMAP_THRESHOLD_=str(2**30),
    MALLOC_TRIM_THRESHOLD_=str(2**31 - 1),
)

with warnings.catch_warnings(action="ignore"):  # of numpy, which Snakemake may have imported: nothing is computed here
    from digits.core.arithmetic import PORTABLE, processor
from digits.core.command import mistakes_in_one_line
from digits.data.layout import fingerprint
from digits.settings.candidates import candidates
from digits.settings.config import complete_config, dataset_path, image_options, require_plain
from digits.settings.fingerprint import direct_libraries, locked_versions, source_fingerprint
from digits.settings.plan import (
    member_seeds,
    planned_experiment,
    planned_runs,
    shown_config,
    trained_rungs,
)

if not os.access(Path.cwd(), os.W_OK):
    sys.exit(
        f"error: {Path.cwd()}: permission denied; check the permissions of the folder, or name another by --directory"
    )
CONFIG = f"{ROOT}/config/config.yaml"
with mistakes_in_one_line():
    for path in {CONFIG, *workflow.overwrite_configfiles}:
        require_plain(Path(path))


configfile: CONFIG


with mistakes_in_one_line():
    config = complete_config(config)

DATASET = config["dataset"]
ENSEMBLES = config["ensembles"]
# Wildcards: the run of an ensemble is combined from others, that of a network is trained.
ENSEMBLE, NETWORK = ("|".join(map(re.escape, names)) or "(?!)" for names in (ENSEMBLES, config["recipes"]))


wildcard_constraints:
    model=NETWORK,
    seed="[0-9]+",


RUN = "results/runs/{model}/seed-{seed}"
PLANNED = planned_runs(config)
RUNS = [RUN.format(model=model, seed=seed) for model, seeds in PLANNED.items() for seed in seeds]
# The models as the page shows them, each by its first seed.
FIRST_RUNS = {model: RUN.format(model=model, seed=seeds[0]) for model, seeds in PLANNED.items()}
LADDER = trained_rungs(config)
EXPERIMENT = planned_experiment(config)

# By a search's name, in an order that is not the user's: what decides, its seeds, and what each candidate changes, by its name.
SEARCHES = {
    name: {"criterion": search["criterion"], "seeds": search["seeds"], "candidates": candidates(name, search)}
    for name, search in sorted(config["searches"].items())
}
CANDIDATES = {name for search in SEARCHES.values() for name in search["candidates"]}
SEARCH_RUNS = [
    RUN.format(model=m, seed=s) for search in SEARCHES.values() for m in search["candidates"] for s in search["seeds"]
]


def growing(amount):
    """Return how much of a resource a job asks for (megabytes, minutes): as much again at each retry."""
    return lambda wildcards, attempt: attempt * amount


def growing_with_input(amount):
    """Return likewise how much memory: so many megabytes, and those that the input has as soon as it is there."""

    def megabytes(wildcards, input, attempt):
        return attempt * (amount + sum(Path(name).stat().st_size for name in input if Path(name).exists()) // 10**6)

    return megabytes


# What every job asks for that does not say otherwise.
LIGHT = {"mem_mb": growing(1000), "runtime": growing(5)}


def source(*paths, libraries=()):
    """Return what a rule's result depends on beside its inputs and settings: a parameter, so that Snakemake sees a change."""
    return source_fingerprint([PACKAGE.parent / path for path in paths], PACKAGE, LOCK, libraries)


def figures(*names):
    """Return the paths of figures by what their rules call them."""
    return {Path(name).stem.replace("-", "_"): f"results/figures/{name}" for name in names}


def narrow(*names):
    """Return the paths of figures drawn for a small screen."""
    return {f"narrow_{name}": f"results/figures/narrow/{path}" for path in names for name in figures(path)}


def numbers(*names):
    """Return the paths of the tables beside figures that hold what they draw."""
    return {f"{name}_table": path for name, path in figures(*(f"{name}.csv" for name in names)).items()}


def captioned(results, category, kind="figure"):
    """Mark results for `snakemake --report`, each with its caption in workflow/report/ and a label for the list.

    The caption of results/ladder.csv is ladder-table.rst, that of results/figures/ladder.svg is ladder.rst.
    """
    return {
        name: report(
            path,
            caption=f"../report/{Path(path).stem}{'-table' if kind == 'table' else ''}.rst",
            category=category,
            labels={kind: Path(path).stem.replace("-", " ")},
        )
        for name, path in results.items()
    }


def require_writable(*folders):
    """Stop with one line where a folder, or one in it, is write-protected: Snakemake itself would show a traceback."""
    for folder in map(Path, folders):
        for place in [folder, *folder.rglob("*/")]:
            if place.exists() and not os.access(place, os.W_OK):
                sys.exit(f"error: {place}: permission denied; check the permissions of the folder")


def say_processor():
    """Say where results will differ from the published ones, before anybody waits for them."""
    if processor() != PORTABLE:
        print(f"This is {processor()}: results differ in the last digits from those published.", file=sys.stderr)


def say_warnings():
    """Repeat at the end, once for each model, what its trainings warned of in their logs, and what the images' reader did."""
    trained = [(model, [f"logs/train/{model}-{seed}.log" for seed in seeds]) for model, seeds in PLANNED.items()]
    for name, paths in [("images", ["logs/convert.log"]), *trained]:
        logs = [log for path in paths if (log := Path(path)).exists()]
        lines = [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
        for line in dict.fromkeys(line for line in lines if line.startswith("warning: ")):
            print(f"{name}: {line}", file=sys.stderr)


def sources():
    """Return where the raw files may come from: the user's own folder alone, if one is named."""
    return [str(dataset_path(DATASET))] if DATASET["path"] else DATASET["sources"]


def recipe(wildcards):
    """Return the recipe of a run as one line of JSON."""
    return json.dumps(config["recipes"][wildcards.model])


def features(wildcards):
    """Return the weights whose features a recipe reuses: those of the run of another model with the same seed."""
    model = config["recipes"][wildcards.model]["features_of"]
    return {"features": f"{RUN.format(model=model, seed=wildcards.seed)}/weights.safetensors"} if model else {}


def minutes_to_train(wildcards, attempt):
    """Return how long a training may take: longer if its network has convolutions."""
    return attempt * (30 if config["recipes"][wildcards.model]["network"] == "convolutional" else 10)


def members(name):
    """Return a function that names a file of each member of an ensemble's run."""

    def files(wildcards):
        ensemble = ENSEMBLES[wildcards.model]
        seeds = member_seeds(ensemble, int(wildcards.seed))
        return [f"{RUN.format(model=ensemble['recipe'], seed=seed)}/{name}" for seed in seeds]

    return files


def workflow_graph(target):
    """Return how many jobs of each rule a file needs, which rule makes what which other one reads, and a file of each rule."""
    jobs, edges, files, todo = set(), set(), {}, [(target, None)]
    while todo:
        path, reader = todo.pop()
        maker = next((r for r in workflow.rules if r.is_producer(path)), None)
        if maker is None:
            continue
        wildcards = maker.get_wildcards(path)
        job = (maker.name, tuple(wildcards.items()))
        files[maker.name] = min(str(path), files.get(maker.name, str(path)))
        if reader not in (None, maker.name):
            edges.add((maker.name, reader))
        if job not in jobs:
            jobs.add(job)
            todo += [(str(path), maker.name) for path in maker.expand_input(wildcards)[0]]
    counts = {r.name: sum(name == r.name for name, _ in jobs) for r in workflow.rules}
    counted = {name: count for name, count in counts.items() if count}
    return {"jobs": counted, "edges": sorted(edges), "files": files}
