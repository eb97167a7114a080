"""Files between commands: an output appears complete or not at all, and an input that is something else is named."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from digits.core.command import UserError


@contextlib.contextmanager
def whole_files(*targets: Path) -> Iterator[list[Path]]:
    """Give a path to write for each target; when the block ends well, all are renamed into place, otherwise none stays.

    The temporary name is fixed, so that a job that was killed leaves at most one such file, and its successor replaces it.
    """
    parts = []
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        parts.append(target.with_name(f".{target.name}.part"))
    try:
        yield parts
        for part, target in zip(parts, targets, strict=True):
            part.replace(target)
    except OSError as error:
        if error.filename is None:  # a failed write does not say where
            error.filename = str(targets[0].parent)
        raise
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def written_by(command: str, path: Path) -> Iterator[None]:
    """Make sense, in this block, of what a command wrote; UserError, naming both, where the file is something else."""
    try:
        yield
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        found = f"no {error}" if isinstance(error, KeyError) else str(error)
        reason = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(found.split())[:200])
        raise UserError(f"{path}: not a file that `{command}` wrote ({reason}); delete it and start again") from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
