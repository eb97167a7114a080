"""What the tests of mutated inputs share: how many, what a reader may do with one, and the table of what came of them."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from digits.core.command import UserError

INPUTS = 200  # of each kind, unless DIGITS_FUZZ says how many of all kinds together
LONGEST = 300  # characters of a message, beside the path

Tally = dict[str, Counter[str]]


@pytest.fixture(scope="session")
def inputs(request: pytest.FixtureRequest) -> int:
    """How many inputs of each kind to try."""
    kinds = sum("inputs" in getattr(item, "fixturenames", ()) for item in request.session.items)
    return -(-int(os.environ["DIGITS_FUZZ"]) // kinds) if "DIGITS_FUZZ" in os.environ else INPUTS


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """What came of the inputs of each kind; shown at the end, with pytest's -s."""
    found: Tally = {}
    yield found
    print(f"\n{'kind':50}{'tried':>8}{'refused':>9}{'accepted':>10}")
    for kind, counts in [*found.items(), ("all", sum(found.values(), Counter()))]:
        print(f"{kind:50}{counts.total():8,}{counts['refused']:9,}{counts['accepted']:10,}")


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
