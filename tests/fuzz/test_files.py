"""What the pipeline wrote and something damaged: refused in one line by its reader, or still what its declaration says."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digits.core.fields import Kind, read_json
from digits.core.tables import read_table
from digits.data.datasheet import load_datasheet
from digits.data.tensors import load_split
from digits.networks.export import portable_network
from digits.networks.weights import load_networks
from digits.plot_weights import read_filters
from digits.rendering.kinds import EXPLORER, REPORT
from digits.statistics.histories import read_history
from digits.statistics.kinds import EXPERIMENT, LADDER, LEARNING, LIKENESS, METRICS, MISTAKES, SMOOTHNESS, SUMMARY
from digits.statistics.predictions import load_predictions, load_validation
from digits.statistics.runs import read_measures
from project import RUNS

from fuzz.conftest import Tally, outcome
from fuzz.mutate import BYTES, JSON, SAFETENSORS, SURE, TABLES, mutants

Read = Callable[[Path], object]


def table(kind: Kind) -> Read:
    return lambda path: read_table(path, kind)


def json(kind: Kind) -> Read:
    return lambda path: read_json(path, kind)


def weights(path: Path) -> None:
    """Read them as `predict`, `plot_weights` and `explore` do."""
    networks, _, _ = load_networks(path)
    if len(networks) == 1:
        assert read_filters(path, (28, 28)).ndim == 3
    portable_network(path, list("0123456789"), np.zeros((3, 28, 28), np.uint8))


LINEAR, DENSE, CONVOLUTIONAL = RUNS[0], RUNS[2], RUNS[4]
READERS: dict[str, Read] = {
    "results/metrics.csv": table(METRICS),
    "results/summary.csv": table(SUMMARY),
    "results/ladder.csv": table(LADDER),
    "results/learning.csv": table(LEARNING),
    "results/experiment.csv": table(EXPERIMENT),
    "results/mistakes.csv": table(MISTAKES),
    "results/figures/class-means.csv": table(LIKENESS),
    "results/figures/first-layers.csv": table(SMOOTHNESS),
    f"{LINEAR}/history.csv": read_history,
    f"{LINEAR}/metrics.json": read_measures,
    f"{DENSE}/metrics.json": read_measures,
    "results/explorer.json": json(EXPLORER),
    "results/report.json": json(REPORT),
    "results/tensors/test.safetensors": load_split,
    "results/tensors/datasheet.json": load_datasheet,
    f"{DENSE}/weights.safetensors": weights,
    f"{CONVOLUTIONAL}/weights.safetensors": weights,
    "results/runs/tiny-conv-pair/seed-0/weights.safetensors": weights,
    f"{LINEAR}/predictions.safetensors": load_predictions,
    f"{LINEAR}/validation.safetensors": lambda path: load_validation(path, 10),
}
MUTATORS: dict[str, dict[str, Any]] = {".csv": TABLES, ".json": JSON, ".safetensors": SAFETENSORS}
INSTEAD = {
    "summary.csv": ",".join(SUMMARY.holds)
    + "\nlinear,2,30,,0.5,0.75,,0.5,1,100,25,0.5,0,1,0.5,0,1,0.5,0.5,one,0.2,1.5,,,,True\n",
    # The small project has no mistakes that all its runs share, and classes whose names are numbers.
    "mistakes.csv": "image,label,predicted,agree,runs\n7,3,5,2,2\n9,4,9,1,2\n12,0,6,1,2\n",
    "class-means.csv": "class,most_alike,correlation\na,b,0.6718698\nb,a,0.6718698\nc,a,-0.25\n",
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_refused_or_still_makes_sense(
    built: Path, tmp_path: Path, tally: Tally, inputs: int, name: str
) -> None:
    path = tmp_path / Path(name).name
    whole = INSTEAD[path.name].encode() if path.name in INSTEAD else (built / name).read_bytes()
    path.write_bytes(whole)
    assert outcome(READERS[name], path) == "accepted"
    counts = tally.setdefault(name.removeprefix("results/"), Counter())
    for how, content in mutants(whole, BYTES | MUTATORS[path.suffix], name, inputs):
        path.write_bytes(content)
        came = outcome(READERS[name], path)
        assert came == "refused" or how not in SURE, f"{how}: {content[:300]!r}"
        counts[came] += 1


def test_the_mutators_are_seeded() -> None:
    content = b"a,b\n1,2\n3,4\n"
    found = mutants(content, BYTES | TABLES, "seed", 50)
    random.random()
    assert found == mutants(content, BYTES | TABLES, "seed", 50) != mutants(content, BYTES | TABLES, "other", 50)
    assert len(found) > 40 and all(changed != content for _, changed in found)
