"""Seeded ways to damage a file's bytes, whatever it is, and what is inside tables, JSON and safetensors.

A mutator takes bytes and a random generator, and returns other bytes. Those in SURE leave nothing that a reader may accept.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

Mutator = Callable[[bytes, random.Random], bytes]

SIZES = (1, 1, 2, 7, 100)  # of what is deleted, doubled or inserted, in bytes
NUMBERS = ("-1", "0", "1", "2", "1.5", "-0.25", "7e9", "1e-30", "100", "inf", "-inf", "nan", "")
NO_NUMBERS = ("one", "1e400", "9" * 400, "0x10", "1_0", "１", "True", "a\nb", 'a"b', "x" * 10_000, "1;5", "\x1b[31m")
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    0.5,
    1.5,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "a\n\x1b[31m\0",
)
VALUES += ("x" * 10_000, [], {}, [[1]], {"a": 1}, "1", 2, "2")


def place(data: bytes, chance: random.Random) -> tuple[int, int]:
    """Choose a piece of the data: where it begins and ends."""
    start = chance.randrange(len(data) + 1)
    return start, start + chance.choice(SIZES)


def flip_bit(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def delete(data: bytes, chance: random.Random) -> bytes:
    start, end = place(data, chance)
    return data[:start] + data[end:]


def double(data: bytes, chance: random.Random) -> bytes:
    start, end = place(data, chance)
    return data[:end] + data[start:]


def insert(data: bytes, chance: random.Random) -> bytes:
    start, end = place(data, chance)
    return data[:start] + chance.randbytes(end - start) + data[start:]


def exchange(data: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.randrange(len(data)) for _ in range(2))
    changed = bytearray(data)
    changed[first], changed[second] = changed[second], changed[first]
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) - 1)].rstrip(b"\n")  # a table of fewer rows would be whole


BYTES: dict[str, Mutator] = {
    "a bit flipped": flip_bit,
    "bytes deleted": delete,
    "bytes doubled": double,
    "bytes inserted": insert,
    "two bytes exchanged": exchange,
    "cut off": cut,
    "emptied": lambda data, chance: b"",
    "UTF-16": lambda data, chance: data.decode(errors="replace").encode("utf-16"),
    "a NUL": lambda data, chance: b"\0".join((data[: len(data) // 2], data[len(data) // 2 :])),
}


def as_table(change: Callable[[list[list[str]], random.Random], object]) -> Mutator:
    """Make a mutator of a function that changes the rows of a CSV file, the heading first, in place."""

    def mutate(data: bytes, chance: random.Random) -> bytes:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
        change(rows, chance)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()

    return mutate


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def other_number(values: tuple[str, ...]) -> Mutator:
    """Put one of the texts in the place of a number."""

    def change(rows: list[list[str]], chance: random.Random) -> None:
        # Not in a column that has texts: names of models and classes may be anything.
        columns = [i for i in range(len(rows[0])) if all(not row[i] or is_number(row[i]) for row in rows[1:])]
        columns = [i for i in columns if rows[0][i] not in ("label", "predicted")]
        row, column = chance.randrange(1, len(rows)), chance.choice(columns)
        rows[row][column] = chance.choice(values)

    return as_table(change)


def swap_fields(rows: list[list[str]], chance: random.Random) -> None:
    row, other = chance.choice(rows), chance.choice(rows)
    i, j = (chance.randrange(len(rows[0])) for _ in range(2))
    row[i], other[j] = other[j], row[i]


def lose_column(rows: list[list[str]], chance: random.Random) -> None:
    """Not one of those of which there may be any number: its loss leaves nothing to see."""
    column = chance.choice([i for i, name in enumerate(rows[0]) if not name.startswith(("gradient_", "recall_"))])
    for row in rows:
        del row[column]


def double_column(rows: list[list[str]], chance: random.Random) -> None:
    column = chance.randrange(len(rows[0]))
    for row in rows:
        row.append(row[column])


def shuffle_columns(rows: list[list[str]], chance: random.Random) -> None:
    order = chance.sample(range(len(rows[0])), len(rows[0]))
    rows[:] = [[row[i] for i in order] for row in rows]


def shuffle_rows(rows: list[list[str]], chance: random.Random) -> None:
    rows[1:] = chance.sample(rows[1:], len(rows) - 1)


TABLES: dict[str, Mutator] = {
    "another number": other_number(NUMBERS),
    "no number": other_number(NO_NUMBERS),
    "fields swapped": as_table(swap_fields),
    "a field lost": as_table(lambda rows, chance: chance.choice(rows).pop()),
    "a field more": as_table(lambda rows, chance: chance.choice(rows).insert(0, "0.5")),
    "a row lost": as_table(lambda rows, chance: rows.pop(chance.randrange(1, len(rows)))),
    "a row twice": as_table(lambda rows, chance: rows.append(chance.choice(rows[1:]))),
    "rows shuffled": as_table(shuffle_rows),
    "a column lost": as_table(lose_column),
    "a column twice": as_table(double_column),
    "a column renamed": as_table(lambda rows, chance: rows[0].__setitem__(chance.randrange(len(rows[0])), "other")),
    "columns shuffled": as_table(shuffle_columns),
    "a heading alone": as_table(lambda rows, chance: rows.__delitem__(slice(1, None))),
}


def places(value: Any, chance: random.Random) -> tuple[Any, Any]:
    """Choose a value somewhere in JSON's objects and lists: return what holds it, and its key or number."""
    while True:
        key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if not isinstance(value[key], dict | list) or not value[key] or chance.random() < 0.2:
            return value, key
        value = value[key]


def as_json(change: Callable[[Any, Any, random.Random], object]) -> Mutator:
    """Make a mutator of a function that changes a value of JSON, given what holds it and its key, in place."""

    def mutate(data: bytes, chance: random.Random) -> bytes:
        value = json.loads(data)
        change(*places(value, chance), chance)
        return json.dumps(value).encode()

    return mutate


def other_value(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(VALUES)


def swap_values(holder: Any, key: Any, chance: random.Random) -> None:
    other = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


def one_more(holder: Any, key: Any, chance: random.Random) -> None:
    if isinstance(holder, dict):
        holder[f"{key} "] = holder[key]
    else:
        holder.append(holder[key])


def key_twice(data: bytes, chance: random.Random) -> bytes:
    key = str(chance.choice(list(json.loads(data))))
    return data.replace(b"{", b"{" + json.dumps(key).encode() + b": 1,", 1)


JSON: dict[str, Mutator] = {
    "another value": as_json(other_value),
    "values swapped": as_json(swap_values),
    "a key lost": as_json(lambda holder, key, chance: holder.pop(key)),
    "a key more": as_json(one_more),
    "a key twice": key_twice,
    "nested": lambda data, chance: b"[" * 100_000 + data,
    "nested inside": lambda data, chance: data.replace(b":", b":" + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b',"b":', 1),
    "in a list": lambda data, chance: b"[" + data + b"]",
    "a number": lambda data, chance: b"9" * 5000,
}


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file, and the bytes of its arrays."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def joined(header: bytes, arrays: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + arrays


def in_header(mutate: Mutator) -> Mutator:
    """Make a mutator of safetensors of one of JSON: it changes names, dtypes, shapes and places of arrays."""

    def in_file(data: bytes, chance: random.Random) -> bytes:
        header, arrays = parts(data)
        return joined(mutate(json.dumps(header).encode(), chance), arrays)

    return in_file


def in_texts(mutate: Mutator) -> Mutator:
    """Likewise, of the JSON in the header's texts; of the header where it has none."""

    def in_file(data: bytes, chance: random.Random) -> bytes:
        header, arrays = parts(data)
        if texts := header.get("__metadata__"):
            name = chance.choice(list(texts))
            texts[name] = mutate(texts[name].encode(), chance).decode(errors="replace")
            return joined(json.dumps(header).encode(), arrays)
        return joined(mutate(json.dumps(header).encode(), chance), arrays)

    return in_file


def other_dtype(data: bytes, chance: random.Random) -> bytes:
    header, arrays = parts(data)
    names = [name for name in header if name != "__metadata__"]
    if names:
        header[chance.choice(names)]["dtype"] = chance.choice(
            ("F16", "BF16", "F8_E4M3", "I8", "F64", "BOOL", "U16", "X")
        )
    return joined(json.dumps(header).encode(), arrays)


def no_finite_number(data: bytes, chance: random.Random) -> bytes:
    """Write NaN or infinity over float32 numbers, where there are any."""
    header, arrays = parts(data)
    floats = [
        it for it in header.values() if it.get("dtype") == "F32" and it["data_offsets"][1] > it["data_offsets"][0]
    ]
    if not floats:
        return data
    first, last = chance.choice(floats)["data_offsets"]
    at = first + 4 * chance.randrange((last - first) // 4)
    bad = chance.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f"))
    return joined(json.dumps(header).encode(), arrays[:at] + bad + arrays[at + 4 :])


def length(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((0, 1, 7, 2**31, 2**63, 2**64 - 1)).to_bytes(8, "little") + data[8:]


SAFETENSORS: dict[str, Mutator] = {
    "another dtype": other_dtype,
    "no finite number": no_finite_number,
    "another length of the header": length,
    **{f"header: {how}": in_header(mutate) for how, mutate in {**BYTES, **JSON}.items()},
    **{f"text: {how}": in_texts(mutate) for how, mutate in {**BYTES, **JSON}.items()},
}

SURE = {
    *("cut off", "emptied", "UTF-16", "a NUL", "no number", "a field lost", "a field more", "a column lost"),
    *("a column twice", "a column renamed", "a key twice", "nested", "nested inside", "in a list", "a number"),
}


def mutants(content: bytes, mutators: Mapping[str, Mutator], seed: str, count: int) -> list[tuple[str, bytes]]:
    """Return so many damaged forms of a file's content, each with how it was damaged; those that change nothing are left out."""
    found = []
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        how = chance.choice(list(mutators))
        if (changed := mutators[how](content, chance)) != content:
            found.append((how, changed))
    return found
