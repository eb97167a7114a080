"""What the rules ask a scheduler for, held against what the jobs of `make report` took, as benchmarks/ has it."""

import pandas as pd
import pytest
from conftest import ROOT
from workflow.conftest import rules_of

SNAKEMAKE = 270  # megabytes of the two Snakemakes that a cluster job holds beside the rule's command, as measured
RULES = rules_of(ROOT)


@pytest.mark.parametrize("name", sorted(name for name in RULES if list((ROOT / "benchmarks").glob(f"{name}*"))))
def test_a_rule_asks_for_more_than_its_jobs_take(name: str) -> None:
    asked = RULES[name]["resources"]
    files = [*(ROOT / "benchmarks").glob(f"{name}.tsv"), *(ROOT / "benchmarks" / name).glob("*.tsv")]
    took = pd.concat([pd.read_csv(file, sep="\t") for file in files])
    assert took["max_rss"].max() + SNAKEMAKE < asked["mem_mb"]
    assert (
        2 * pd.to_numeric(took["cpu_time"]).max() < 60 * asked["runtime"]
    )  # not its wall time: other work may have been about
