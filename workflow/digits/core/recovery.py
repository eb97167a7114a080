"""Before a run: what an earlier one left behind when it was killed, and what has changed on disk since it was made."""

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from digits.core.files import changed_files, seal_of, sha256

OURS = ("results/", "resources/")


def alone(state: Path) -> bool:
    """Return whether no other Snakemake of this project is alive here; if so, remove the locks that a killed one left.

    `state` is Snakemake's folder, .snakemake/. This process counts as alive until it ends, however it ends: the system
    releases what is held here.
    """
    state.mkdir(exist_ok=True)
    held = os.open(state / "alive", os.O_RDWR | os.O_CREAT)  # never closed
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for lock in state.glob("locks/*.lock"):
            # Another workflow may work in the same folder.
            if any(line.startswith(OURS) for line in lock.read_text(encoding="utf-8").splitlines()):
                lock.unlink()
        return True
    except OSError:  # another one, or a file system without locks
        return False
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)


def lost_records(state: Path, results: Path) -> bool:
    """Whether there are results, but no record of what they were made from: Snakemake would take any of them for current."""
    recorded = any(any((state / name).glob("**/*")) for name in ("metadata", "incomplete"))
    return not recorded and any(results.rglob(".*.sha256"))


def set_aside(results: Path) -> Path:
    """Rename a folder to the first of results.old, results.old-2, … that is free."""
    names = itertools.chain([f"{results.name}.old"], (f"{results.name}.old-{n}" for n in itertools.count(2)))
    free = next(place for place in map(results.with_name, names) if not place.exists())
    return results.rename(free)


def damaged_files(folders: Iterable[Path], expected: Mapping[Path, str]) -> list[Path]:
    """Return the files that have changed since they were made, or lack the checksum that is expected of them."""
    other = [path for path, value in expected.items() if path.is_file() and sha256(path) != value]
    return [*other, *(path for path in changed_files(folders) if path not in other)]


def remove(files: Iterable[Path]) -> None:
    """Remove files with their seals."""
    for path in files:
        path.unlink()
        seal_of(path).unlink(missing_ok=True)
