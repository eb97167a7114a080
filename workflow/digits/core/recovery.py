"""Before a run: what an earlier one left behind when it was killed, and what has changed on disk since it was made."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from digits.core.files import altered, seal_of, sha256

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
            if any(line.startswith(OURS) for line in lock.read_text(encoding="utf-8", errors="replace").splitlines()):
                lock.unlink()
        return True
    except OSError:  # another one, or a file system without locks
        return False
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)


class Found(NamedTuple):
    """What a run finds of earlier ones."""

    changed: list[Path]  # files that are not as they were made
    unrecorded: list[Path]  # files below results/ of which Snakemake has no record: it would take them for current
    no_record: bool  # of anything below results/
    unreadable: list[Path]  # its records that hold nothing: it was killed, or the disk was


def look(state: Path, expected: Mapping[Path, str]) -> Found:
    """Hold downloads and results against their seals, the checksums `expected` of downloads, and Snakemake's records."""
    recorded, unreadable = _records(state)
    other = [path for path, value in expected.items() if path.is_file() and sha256(path) != value]
    ours = sorted(path for path in recorded - set(expected) if path.is_file() and f"{path}".startswith(OURS))
    there = [path for path in sorted(Path("results").rglob("[!.]*")) if path.is_file()]
    half_made = any((state / "incomplete").glob("**/*"))
    if any(state.glob("*.db")) or (half_made and not recorded):  # records in a database, or a first run that was killed
        there = []
    unrecorded = [path for path in there if path not in recorded]
    return Found([*other, *altered(ours)], unrecorded, len(unrecorded) == len(there), unreadable)


def _records(state: Path) -> tuple[set[Path], list[Path]]:
    """Return the files of which Snakemake has a record, and the records that it could not read.

    A record's path is its file's in base64, in pieces of which all but the last begin with @.
    """
    found, unreadable = set(), []
    for record in (state / "metadata").glob("**/*"):
        if record.is_file():
            text = "".join(part.removeprefix("@") for part in record.relative_to(state / "metadata").parts)
            try:
                json.loads(record.read_bytes())
                found.add(Path(base64.urlsafe_b64decode(text).decode()))
            except ValueError:
                unreadable.append(record)
    return found, unreadable


def set_aside(results: Path) -> Path:
    """Rename a folder, or the one that a link leads to, to the first of results.old, results.old-2, … that is free."""
    place = results.resolve()
    names = itertools.chain([f"{place.name}.old"], (f"{place.name}.old-{n}" for n in itertools.count(2)))
    old = place.rename(next(free for free in map(place.with_name, names) if not free.exists()))
    place.mkdir()
    return old


def remove(files: Iterable[Path]) -> None:
    """Remove files with their seals."""
    for path in files:
        seal = seal_of(path)
        shutil.rmtree(seal) if seal.is_dir() else seal.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
