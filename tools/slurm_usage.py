"""Say from SLURM's completion log how busy each node was, between the first start and the last end of the last COUNT jobs.

python tools/slurm_usage.py COUNT [LOG]
"""

import re
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path

LOG = "/var/lib/digits-slurm/completed.txt"


def main() -> None:
    """Print jobs, wall time, and for each node its jobs and the share of the time in which it had one."""
    count, log = int(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else LOG)
    jobs = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in log.read_text().splitlines()[-count:]]
    spans = [tuple(datetime.fromisoformat(job[key]) for key in ("StartTime", "EndTime")) for job in jobs]
    wall = (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()
    busy: dict[str, list[float]] = defaultdict(list)
    for job, (start, end) in zip(jobs, spans, strict=True):
        busy[job["NodeList"]].append((end - start).total_seconds())
    print(f"{len(jobs)} jobs in {wall:.0f} s")
    for node, seconds in sorted(busy.items()):
        print(f"{node}: {len(seconds)} jobs, busy {sum(seconds) / wall:.0%} of the time")


if __name__ == "__main__":
    main()
