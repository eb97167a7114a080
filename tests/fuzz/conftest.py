"""What the tests of mutated inputs share: how many, what a reader may do with one, and the table of what came of them."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from digits.core.command import UserError

INPUTS = int(os.environ.get("DIGITS_FUZZ", "300"))  # of each kind
LONGEST = 300  # characters of a message, beside the path

Tally = dict[str, Counter[str]]


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """What came of the inputs of each kind; shown at the end, with pytest's -s."""
    found: Tally = {}
    yield found
    print(f"\n{'kind':32}{'tried':>8}{'refused':>9}{'accepted':>10}")
    for kind, counts in found.items():
        print(f"{kind:32}{counts.total():8,}{counts['refused']:9,}{counts['accepted']:10,}")


def outcome(read: Callable[[Path], object], path: Path) -> str:
    """Read a file: `accepted`, or `refused` in one clean line that names it; any other exception is a fault of ours."""
    try:
        read(path)
    except UserError as error:
        message = str(error)
        assert message.startswith(f"{path}: ") and len(message) <= LONGEST + len(str(path)), message
        assert message.isprintable() and message.endswith("; delete it and start again"), message
        return "refused"
    return "accepted"
