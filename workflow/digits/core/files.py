"""Files between commands: an output appears complete or not at all, and an input that has changed or is something else is named.

Beside each result lies its seal, `.<name>.sha256`, as sha256sum writes and checks it: the first line is the result's own
checksum, the others are those of the files that it was made from.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from digits.core.command import UserError


@contextlib.contextmanager
def whole_files(*targets: Path, made_from: Mapping[Path, str] | None = None) -> Iterator[list[Path]]:
    """Give a path to write for each target; when the block ends well, all are renamed into place, otherwise none stays.

    With the checksums of what they are `made_from` (`checked` returns them) each gets a seal. The temporary names hold the
    process's number: a job whose Snakemake was killed may still be at work when its successor begins, which removes them.
    """
    if folder := next((target for target in targets if target.is_dir()), None):
        raise IsADirectoryError(errno.EISDIR, "", str(folder))  # before any of them is renamed
    parts = [target.with_name(f".{target.name}.{os.getpid()}.part") for target in targets]
    for target, part in zip(targets, parts, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in set(target.parent.glob(f".{target.name}.*.part")) - {part}:
            left.unlink(missing_ok=True)
    try:
        yield parts
        if made_from is not None:
            for part, target in zip(parts, targets, strict=True):
                _write_seal(target, sha256(part), made_from)
        for part, target in zip(parts, targets, strict=True):
            part.replace(target)
    except OSError as error:
        if error.filename is None:  # a failed write does not say where
            error.filename = str(targets[0].parent)
        raise
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def seal_of(path: Path) -> Path:
    """Return where a file's seal lies."""
    return path.with_name(f".{path.name}.sha256")


def _write_seal(target: Path, own: str, made_from: Mapping[Path, str]) -> None:
    folder = target.parent.absolute()
    lines = [f"{own}  {target.name}"]
    lines += sorted(f"{value}  {os.path.relpath(path.absolute(), folder)}" for path, value in made_from.items())
    part = target.with_name(f".{target.name}.sha256.{os.getpid()}.part")
    try:
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        part.replace(seal_of(target))
    finally:
        part.unlink(missing_ok=True)


def read_seal(path: Path) -> dict[Path, str] | None:
    """Return the checksums in a file's seal, its own first; None where it has no seal, or one that cannot be read."""
    try:
        lines = seal_of(path).read_text(encoding="utf-8").splitlines()
        (own, name), *others = (line.split("  ", 1) for line in lines)
    except (OSError, ValueError):
        return None
    made_from = {Path(os.path.normpath(path.parent / other)): value for value, other in others}
    return {path: own, **made_from} if name == path.name else None


def checked(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the SHA-256 of each file; UserError, naming it, where it is not what its seal says."""
    found = {}
    for path in paths:
        found[path] = sha256(path)
        seal = read_seal(path)
        if seal is not None and seal[path] != found[path]:
            raise UserError(
                f"{path}: changed since it was made ({seal_of(path).name} has its checksum); delete it and start again"
            )
    return found


def made_anew(path: Path) -> Path | None:
    """Return a file that this one, or one before it, was made from, and that has been made anew since, by their seals."""
    for source, value in list((read_seal(path) or {}).items())[1:]:
        seal = read_seal(source)
        if seal is not None and seal[source] != value:
            return source
        if older := made_anew(source):
            return older
    return None


def sealed_files(folders: Iterable[Path]) -> list[Path]:
    """Return the files below folders that have seals, sorted in each; those that are gone are not among them."""
    seals = [seal for folder in folders for seal in sorted(folder.rglob(".*.sha256"))]
    files = [seal.with_name(seal.name.removeprefix(".").removesuffix(".sha256")) for seal in seals]
    return [path for path in files if path.is_file()]


def altered(files: Sequence[Path]) -> list[Path]:
    """Return those of the files that are not what their seals say, or have none."""

    def has_changed(path: Path) -> bool:
        seal = read_seal(path)
        return seal is None or seal[path] != sha256(path)

    with ThreadPoolExecutor(4) as pool:  # hashing leaves Python's lock
        return [path for path, other in zip(files, pool.map(has_changed, files), strict=True) if other]


@contextlib.contextmanager
def written_by(command: str, path: Path) -> Iterator[None]:
    """Make sense, in this block, of what a command wrote; UserError, naming both, where the file is something else."""
    try:
        yield
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else str(error)
        reason = " ".join(found.split())[:200]
        raise UserError(f"{path}: not a file that `{command}` wrote ({reason}); delete it and start again") from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
