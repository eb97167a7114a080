# What the rules share: the checked configuration, the environment of the commands, the fingerprint of their source.
import json
import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
PACKAGE = ROOT / "workflow" / "digits"
LOCK = ROOT / "requirements.lock"

# Commands run as `python -m digits.…` with this Python and the package beside this Snakefile, wherever it is started.
sys.path.insert(0, str(PACKAGE.parent))
os.environ["PYTHONPATH"] = str(PACKAGE.parent)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
# Freed memory is kept for the next batch (glibc): a fifth of a convolutional training went into asking for it anew.
os.environ["MALLOC_MMAP_THRESHOLD_"] = str(2**30)
os.environ["MALLOC_TRIM_THRESHOLD_"] = str(2**31 - 1)

from digits.core.command import UserError
from digits.settings.config import complete_config, trained_rungs
from digits.settings.fingerprint import data_fingerprint, direct_libraries, locked_versions, source_fingerprint
from digits.settings.candidates import candidates

if not os.access(Path.cwd(), os.W_OK):
    sys.exit(
        f"error: {Path.cwd()}: permission denied; check the permissions of the folder, or name another by --directory"
    )
try:
    config = complete_config(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
except UserError as error:
    sys.exit(f"error: {error}")


wildcard_constraints:
    model="[a-z0-9][a-z0-9.-]*",
    seed="[0-9]+",


RUN = "results/runs/{model}/seed-{seed}"
RUNS = [RUN.format(model=m, seed=s) for m in config["models"] for s in config["seeds"]]
LADDER = trained_rungs(config)

# By a search's name, in an order that is not the user's: its seeds, and what each candidate changes, by its name.
SEARCHES = {
    name: {"seeds": search["seeds"], "candidates": candidates(name, search)}
    for name, search in sorted(config["searches"].items())
}
CANDIDATES = {name for search in SEARCHES.values() for name in search["candidates"]}
SEARCH_RUNS = [
    RUN.format(model=m, seed=s) for search in SEARCHES.values() for m in search["candidates"] for s in search["seeds"]
]


def source(*paths, libraries=()):
    """Return what a rule's result depends on beside its inputs and settings: a parameter, so that Snakemake sees a change."""
    return source_fingerprint([PACKAGE.parent / path for path in paths], PACKAGE, LOCK, libraries)


def growing(amount):
    """Return how much of a resource a job asks for (megabytes, minutes): as much again each time that it is tried again."""
    return lambda wildcards, attempt: attempt * amount


def require_writable(*folders):
    """Stop with one line where a folder, or one in it, is write-protected: Snakemake itself would show a traceback."""
    for folder in map(Path, folders):
        for place in [folder, *folder.rglob("*/")]:
            if place.exists() and not os.access(place, os.W_OK):
                sys.exit(f"error: {place}: permission denied; check the permissions of the folder")


def recipe(wildcards):
    """Return the recipe of a run as one line of JSON."""
    return json.dumps(config["recipes"][wildcards.model])


def shown_config():
    """Return the configuration as the report shows it: what decides the result, so no path, search or unused model."""
    dataset = {key: value for key, value in config["dataset"].items() if key != "path"}
    recipes = {model: config["recipes"][model] for model in config["models"]}
    ladder = [rung for rung in config["ladder"] if rung["model"] in recipes]
    shown = {**config, "ladder": ladder, "dataset": dataset, "recipes": recipes}
    del shown["searches"]
    return shown


def workflow_graph(target):
    """Return how many jobs of each rule a file needs, and which rule makes what which other one reads."""
    jobs, edges, todo = set(), set(), [(target, None)]
    while todo:
        path, reader = todo.pop()
        maker = next((r for r in workflow.rules if r.is_producer(path)), None)
        if maker is None:
            continue
        wildcards = maker.get_wildcards(path)
        job = (maker.name, tuple(wildcards.items()))
        if reader not in (None, maker.name):
            edges.add((maker.name, reader))
        if job not in jobs:
            jobs.add(job)
            todo += [(str(path), maker.name) for path in maker.expand_input(wildcards)[0]]
    counts = {r.name: sum(name == r.name for name, _ in jobs) for r in workflow.rules}
    return {"jobs": {name: count for name, count in counts.items() if count}, "edges": sorted(edges)}
