"""What Snakemake plans for a configuration: `python tests/plan.py CONFIG TARGET…` writes its jobs as JSON."""

import json
import logging
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from snakemake.cli import main

ROOT = Path(__file__).parents[1]


def job(record: logging.LogRecord) -> dict[str, Any]:
    """Describe a job by its rule, its run, what it writes and asks for, and the command line after `python -m digits.…`."""
    fields = vars(record)
    words = shlex.split(fields["shellcmd"])[3:-2]  # … 2> log
    # The notebook's path leads out of the working folder.
    line = [str(Path(word).resolve()) if word.startswith("../") else word for word in words]
    run = "{model}/seed-{seed}".format(**fields["wildcards"]) if fields["wildcards"] else None
    resources = {name: fields["resources"].get(name) for name in ("mem_mb", "runtime")}
    job = {"rule": fields["rule_name"], "run": run, "outputs": list(fields["output"]), "line": line}
    return {**job, "resources": resources}


def plan(config: str, *targets: str) -> list[dict[str, Any]]:
    """Return the jobs that Snakemake would run in an empty folder, which is the working one."""
    jobs: list[dict[str, Any]] = []

    def note(record: logging.LogRecord) -> bool:
        if getattr(record, "event", "") == "job_info" and vars(record)["shellcmd"]:
            jobs.append(job(record))
        return True

    logging.getLogger("snakemake.logging").addFilter(note)
    line = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", config, "--dry-run", "--cores", "1", *targets]
    said = StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            main(line)
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{said.getvalue()}\n{ended.code}")
    return jobs


if __name__ == "__main__":
    print(json.dumps(plan(*sys.argv[1:])))
