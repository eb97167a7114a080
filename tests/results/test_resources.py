"""What the rules ask a scheduler for, held against what the jobs of `make report` took, as benchmarks/ has it."""

import pandas as pd
import pytest
from conftest import ROOT
from project import jobs

# Megabytes of the two Snakemakes that a cluster job holds beside the rule's command (135 each, as measured).
SNAKEMAKE = 270
ASKED = {rule: [job["resources"] for (name, _), job in jobs().items() if name == rule] for rule, _ in jobs()}


# The others have no benchmark, or do not run.
@pytest.mark.parametrize("name", sorted(ASKED.keys() - {"download", "search", "combine"}))
def test_a_rule_asks_for_more_than_its_jobs_take(name: str) -> None:
    megabytes, minutes = (min(asked[key] for asked in ASKED[name]) for key in ("mem_mb", "runtime"))
    files = [*(ROOT / "benchmarks").glob(f"{name}.tsv"), *(ROOT / "benchmarks" / name).glob("*.tsv")]
    took = pd.concat([pd.read_csv(file, sep="\t") for file in files])
    assert took["max_rss"].max() + SNAKEMAKE < megabytes
    assert 2 * pd.to_numeric(took["cpu_time"]).max() < 60 * minutes  # not its wall time: other work may have been about
