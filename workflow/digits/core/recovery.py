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

from digits.core.command import UserError
from digits.core.files import altered, read_seal, seal_of, sha256, whole_files

OURS = ("results/", "resources/")
SEALS = "seals.json"  # what `remember` writes into Snakemake's folder


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

    changed: list[Path]  # files that are not as they were made: damaged, exchanged, or no files any more
    unrecorded: list[Path]  # files below results/ of which Snakemake has no record: it would take them for current
    no_record: bool  # of anything below results/
    unreadable: list[Path]  # its records that hold nothing: it was killed, or the disk was


def look(state: Path, expected: Mapping[Path, str]) -> Found:
    """Hold downloads and results against their seals, the checksums `expected` of downloads, and Snakemake's records.

    UserError names a folder that is in the place of a file.
    """
    recorded, unreadable = _records(state)
    ours = sorted(path for path in recorded if path not in expected and f"{path}".startswith(OURS))
    files = [path for path in ours if path.is_file()]
    odd = [path for path in [*expected, *ours] if os.path.lexists(path) and not path.is_file()]
    if folder := next((path for path in odd if path.is_dir()), None):
        raise UserError(f"{folder}: a folder is in the place of this file; move it away")
    other = [path for path, value in expected.items() if path.is_file() and sha256(path) != value]
    changed = dict.fromkeys([*odd, *other, *altered(files), *_exchanged(state, recorded)])
    there = [path for path in sorted(Path("results").rglob("[!.]*")) if path.is_file()]
    half_made = any((state / "incomplete").glob("**/*"))
    if any(state.glob("*.db")) or (half_made and not recorded):  # records in a database, or a first run that was killed
        there = []
    unrecorded = [path for path in there if path not in recorded]
    return Found(list(changed), unrecorded, len(unrecorded) == len(there), unreadable)


def remember(state: Path) -> None:
    """Write down the checksum in the seal of each file that Snakemake has a record of, and when its job began."""
    seals = {path: (begun, read_seal(path)) for path, begun in _records(state)[0].items()}
    known = {f"{path}": [begun, seal[path]] for path, (begun, seal) in seals.items() if seal is not None}
    with whole_files(state / SEALS) as (part,):
        part.write_text(json.dumps(known), encoding="utf-8")


def _exchanged(state: Path, recorded: Mapping[Path, float]) -> list[Path]:
    """Return the files that have another seal than the same job left them with: they came from elsewhere, seal and all."""
    try:
        known = {Path(name): (begun, own) for name, (begun, own) in json.loads((state / SEALS).read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return []
    same = [path for path, begun in sorted(recorded.items()) if known.get(path, (None,))[0] == begun]
    return [path for path in same if (seal := read_seal(path)) is not None and seal[path] != known[path][1]]


def _records(state: Path) -> tuple[dict[Path, float], list[Path]]:
    """Return when the job of each file that Snakemake has a record of began, and the records that it could not read.

    A record's path is its file's in base64, in pieces of which all but the last begin with @.
    """
    found, unreadable = {}, []
    for record in (state / "metadata").glob("**/*"):
        if record.is_file():
            text = "".join(part.removeprefix("@") for part in record.relative_to(state / "metadata").parts)
            try:
                found[Path(base64.urlsafe_b64decode(text).decode())] = float(
                    json.loads(record.read_bytes())["starttime"]
                )
            except (ValueError, LookupError, TypeError):
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
