"""How every command starts, speaks and fails."""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

# Failures of the user's disk rather than of our code, and what to do about each.
DISK_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space and start again",
    errno.EDQUOT: "your disk quota is used up; free some space and start again",
    errno.EROFS: "the file system is read-only; choose a folder that can be written",
    errno.EACCES: "permission denied; check the permissions of the file and its folder",
    errno.EPERM: "not permitted; check the permissions of the file and its folder",
    errno.ENOENT: "no such file or folder",
    errno.EEXIST: "a file is in the place of this folder; move it away, or name another place",
    errno.EISDIR: "this is a folder, not a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.ELOOP: "links that lead in a circle; remove them",
    errno.ENAMETOOLONG: "the name is too long",
}

LONGEST_MESSAGE = 1000  # characters
NAMED = 5  # files in a message


class UserError(Exception):
    """Something that the user can put right. The message is one line: what is wrong, where, and what would be right."""

    def __str__(self) -> str:
        """Return the message as one line that a terminal can show, whatever names and contents it quotes."""
        text = one_line(super().__str__())
        return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"


def one_line(text: str) -> str:
    """Return a text that may quote a file or a name, with control characters and what is no text escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def listed(files: Sequence[object]) -> str:
    """Name files, the first few of many."""
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return f"{', '.join(map(str, files[:NAMED]))}{more}"


def log(message: str) -> None:
    """Print one line for the person who watches, on standard error."""
    print(message, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Print one line that is said again when the whole workflow ends (`say_warnings` in workflow/rules/common.smk)."""
    log(f"warning: {message}")


def watched() -> bool:
    """Whether a person watches on a terminal (progress bars) or a log file does (plain lines)."""
    return sys.stderr.isatty()


@contextlib.contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """End the process with status 1 and one line where this block meets a mistake of the user's or a failure of the disk."""
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno not in DISK_ADVICE:
            raise
        sys.exit(f"error: {one_line(os.fsdecode(error.filename or 'write'))}: {DISK_ADVICE[error.errno]}")


def run(main: Callable[[], None]) -> None:
    """Run a command; end with status 1 and one line for a user's mistake, 130 or 143 if stopped, a traceback for ours."""
    # Stopped by a scheduler: unwind like Ctrl-C, so that nothing half-written stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with mistakes_in_one_line():
            main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
