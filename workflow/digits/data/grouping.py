"""Groups of images that are to stay together, found by a pattern in each file's name."""

import re
import signal
from collections.abc import Sequence
from typing import NoReturn

from digits.core.command import UserError

MOST_SECONDS = 10.0  # of searching in all names; a pattern may take for ever in a single one


def groups_of(names: Sequence[str], group: str, columns: Sequence[str]) -> list[str]:
    """Return what a pattern finds in each name; UserError where it is no pattern, finds nothing or takes too long.

    `columns` are those of the table, for the message. For the main thread, which alone gets signals.
    """
    try:
        pattern = re.compile(group)
    except re.error:
        pattern = re.compile("")
    if pattern.groups != 1:
        named = f"a column ({', '.join(columns)}) nor " if columns else ""
        raise UserError(
            f"dataset.group: '{group}' is {'neither ' if named else 'not '}{named}a regular expression with one group in parentheses"
        )

    def stop(*_: object) -> NoReturn:
        raise UserError(
            f"dataset.group: '{group}' takes more than {MOST_SECONDS:g} s to search the files' names; avoid nested "
            "repetition, such as (a+)+"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        found = [pattern.search(name) for name in names]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    groups = [match and match[1] for match in found]
    if None in groups:
        raise UserError(
            f"dataset.group: '{group}' finds nothing in {names[groups.index(None)]}; every image needs a group"
        )
    return [text for text in groups if text is not None]
