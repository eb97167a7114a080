"""Say from SLURM's completion log how busy each node was, between the first start and the last end of the last COUNT jobs."""

import argparse
import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path

LOG = Path("/var/lib/digits-slurm/completed.txt")  # of the cluster that tools/slurm.sh starts


def main() -> None:
    """Print jobs, wall time, and for each node its jobs and the share of the time in which it had one."""
    parser = argparse.ArgumentParser(prog="python tools/slurm_usage.py", description=__doc__)
    parser.add_argument("count", type=int, metavar="COUNT", help="how many of the last jobs to look at")
    parser.add_argument("--log", type=Path, default=LOG, help="SLURM's file of completed jobs (jobcomp/filetxt)")
    args = parser.parse_args()

    jobs = [
        dict(re.findall(r"(\w+)=(\S*)", line))
        for line in args.log.read_text(encoding="utf-8").splitlines()[-args.count :]
    ]
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for job in jobs:
        spans[job["NodeList"]].append(
            (datetime.fromisoformat(job["StartTime"]), datetime.fromisoformat(job["EndTime"]))
        )
    every = [span for of_node in spans.values() for span in of_node]
    wall = (max(end for _, end in every) - min(start for start, _ in every)).total_seconds()
    print(f"{len(jobs)} jobs in {wall:.0f} s")
    for node, of_node in sorted(spans.items()):
        print(f"{node}: {len(of_node)} jobs, busy {busy(of_node) / max(wall, 1):.0%} of the time")


def busy(spans: list[tuple[datetime, datetime]]) -> float:
    """Return the seconds that at least one of the spans covers."""
    seconds, covered = 0.0, datetime.min
    for start, end in sorted(spans):
        seconds += max((end - max(start, covered)).total_seconds(), 0)
        covered = max(covered, end)
    return seconds


if __name__ == "__main__":
    main()
