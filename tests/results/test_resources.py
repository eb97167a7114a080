"""What the rules ask a scheduler for, held against what the jobs of `make report` took, as benchmarks/ has it."""

from typing import Any

import pandas as pd
import pytest
from conftest import ROOT
from workflow.conftest import AFTER, rules_of

# Megabytes of the two Snakemakes that a cluster job holds beside the rule's command (135 each, as measured).
SNAKEMAKE = 270


@pytest.fixture(scope="module")
def asked_for() -> dict[str, dict[str, Any]]:
    """What the first attempt of a job of each rule asks for; a training, that of a dense network."""
    return {name: rule["resources"][0] for name, rule in rules_of().items()}


@pytest.mark.parametrize("name", sorted(AFTER.keys() - {"download", "search", "combine"}))  # no benchmark, or not run
def test_a_rule_asks_for_more_than_its_jobs_take(name: str, asked_for: dict[str, dict[str, Any]]) -> None:
    files = [*(ROOT / "benchmarks").glob(f"{name}.tsv"), *(ROOT / "benchmarks" / name).glob("*.tsv")]
    took = pd.concat([pd.read_csv(file, sep="\t") for file in files])
    asked = asked_for[name]
    assert took["max_rss"].max() + SNAKEMAKE < asked["mem_mb"]
    assert (
        2 * pd.to_numeric(took["cpu_time"]).max() < 60 * asked["runtime"]
    )  # not its wall time: other work may have been about
