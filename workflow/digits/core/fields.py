"""What files between commands may hold: each kind of file is declared once, and what is read is held against it.

A declaration has the form of the content: a dict of names and what each holds, [spec] for a list of any length, a tuple for
one of that length, and a Field for each value; None is for anything. A name that ends in * stands for any number of names
that begin so.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from digits.core.files import written_by

LARGEST = sys.float_info.max  # so that no number is infinite
LARGEST_COUNT = 2**53  # which a float64 still has exactly


@dataclass(frozen=True)
class Field:
    """A value: of which type, a number between which bounds."""

    what: str  # after "is not"
    kind: type
    low: float = -LARGEST
    high: float = LARGEST

    def allows(self, value: Any) -> bool:
        """Whether the value is one of these; NaN is none."""
        if isinstance(value, bool | str) or not isinstance(value, int | float):
            return type(value) is self.kind
        return (self.kind is float or type(value) is self.kind) and self.low <= value <= self.high


class Maybe(NamedTuple):
    """What may be lacking: null in JSON, an empty field in a table."""

    spec: Any


TEXT, FLAG = Field("a text", str), Field("True or False", bool)
COUNT = Field("a whole number from 0", int, 0, LARGEST_COUNT)
BIG_COUNT = replace(COUNT, high=LARGEST)  # of floating-point operations
ORDINAL = replace(COUNT, what="a whole number from 1", low=1)
NUMBER, AMOUNT = Field("a finite number", float), Field("a finite number from 0", float, 0)
SHARE = Field("a share of 0 to 1", float, 0, 1)


class Rule(NamedTuple):
    """What must hold between the values of an object, or of each row of a table."""

    name: str  # the value that is named where it does not hold
    what: str  # after "is not"
    holds: Callable[[Any], Any]  # of an object: bool; of a table: one per row


class Kind(NamedTuple):
    """A kind of file."""

    command: str  # that writes it
    holds: Any
    rules: Sequence[Rule] = ()
    may_be_empty: bool = False  # a table without rows


def refusal(where: str, value: object, what: str) -> ValueError:
    """Return the error that a value is not what it should be."""
    text = "nothing" if value is None else str(value)
    return ValueError(f"{where}: {text if len(text) <= 40 else text[:40] + '…'} is not {what}")


def named(names: Sequence[str], declared: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return what each name holds; KeyError where one lacks, ValueError where one is unknown or there twice."""
    for name in declared:
        if name not in names and not name.endswith("*"):
            raise KeyError(f"{where}{name}")
    starts = {name[:-1]: spec for name, spec in declared.items() if name.endswith("*")}
    found = {}
    for name in names:
        specs = [declared[name]] if name in declared else [starts[start] for start in starts if name.startswith(start)]
        if not specs or name in found:
            raise ValueError(f"{where}{name[:40]}: {'there twice' if name in found else 'unknown'}")
        found[name] = specs[0]
    return found


def check(value: Any, spec: Any, where: str = "") -> None:
    """Hold a value against what it should be; ValueError or KeyError, naming the key, where it is something else."""
    if spec is None:
        return
    if isinstance(spec, Maybe):
        if value is not None:
            check(value, spec.spec, where)
    elif isinstance(spec, Field):
        if not spec.allows(value):
            raise refusal(where, value, spec.what)
    elif isinstance(spec, Mapping):
        if not isinstance(value, dict):
            raise refusal(where or "it", value, "an object")
        for name, part in named(list(value), spec, f"{where}." if where else "").items():
            check(value[name], part, f"{where}.{name}" if where else name)
    else:
        wanted = len(spec) if isinstance(spec, tuple) else None
        if not isinstance(value, list) or wanted not in (None, len(value)):
            raise refusal(where or "it", value, "a list" if wanted is None else f"a list of {wanted}")
        for number, part in enumerate(value):
            check(part, spec[number if wanted else 0], f"{where}[{number}]")


def read_text(path: Path) -> str:
    """Read a text; ValueError where it is none."""
    text = path.read_bytes().decode("utf-8")
    if "\0" in text:
        raise ValueError("a NUL in a text")
    return text


def parse_json(text: str, kind: Kind) -> Any:
    """Read JSON and hold it against its declaration; ValueError or KeyError where it is something else."""
    value = json.loads(text, object_pairs_hook=_each_once)
    check(value, kind.holds)
    for rule in kind.rules:
        if not rule.holds(value):
            raise ValueError(f"{rule.name} is not {rule.what}")
    return value


def read_json(path: Path, kind: Kind) -> Any:
    """Read a JSON file of this kind; UserError, naming the file and the key, where it is something else."""
    with written_by(kind.command, path):
        return parse_json(read_text(path), kind)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key twice: {', '.join(name for name, _ in pairs)}")
    return found
