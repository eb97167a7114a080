"""What the rules ask a scheduler for, held against what the jobs of `make report` took, as benchmarks/ has it."""

import re

import pandas as pd
import pytest
from conftest import ROOT
from workflow.test_dag import sections, written_rules

# Megabytes of the two Snakemakes that a cluster job holds beside the rule's command (135 each, as measured).
SNAKEMAKE = 270
RULES = dict(written_rules())


@pytest.mark.parametrize(
    "name", sorted(RULES.keys() - {"download", "search"})
)  # which have no benchmark, or do not run
def test_a_rule_asks_for_more_than_its_jobs_take(name: str) -> None:
    asked = dict(entry.split("=", 1) for entry in sections(RULES[name])["resources"])
    megabytes, minutes = (min(map(int, re.findall(r"\d+", asked[key]))) for key in ("mem_mb", "runtime"))
    files = [*(ROOT / "benchmarks").glob(f"{name}.tsv"), *(ROOT / "benchmarks" / name).glob("*.tsv")]
    took = pd.concat([pd.read_csv(file, sep="\t") for file in files])
    assert took["max_rss"].max() + SNAKEMAKE < megabytes
    assert 2 * pd.to_numeric(took["cpu_time"]).max() < 60 * minutes  # not its wall time: other work may have been about
