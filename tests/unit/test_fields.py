"""Declarations of files: what they allow, and how what they refuse is named."""

from pathlib import Path
from typing import Any

import pytest
from digits.core.command import UserError
from digits.core.fields import COUNT, FLAG, NUMBER, SHARE, TEXT, Kind, Maybe, Rule, read_json
from digits.core.tables import read_table

COLUMNS = {"model": TEXT, "share": SHARE, "count": COUNT, "maybe": Maybe(NUMBER), "flag": FLAG, "more_*": Maybe(SHARE)}
TABLE = Kind("digits.make", COLUMNS, [Rule("count", "below 9", lambda table: table["count"] < 9)])
HEADING = "model,share,count,maybe,flag,more_a\n"
JSON = Kind(
    "digits.make",
    {"list": [{"share": SHARE}], "pair": (TEXT, COUNT), "maybe": Maybe({"flag": FLAG}), "open": {"*": None}},
    [Rule("pair", "of a model and its length", lambda value: len(value["pair"][0]) == value["pair"][1])],
)


def refusal(path: Path, content: str | bytes, kind: Kind) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        (read_json if kind is JSON else read_table)(path, kind)
    start, end = f"{path}: not a file that `digits.make` wrote (", "); delete it and start again"
    message = str(error.value)
    assert message.startswith(start) and message.endswith(end) and message.isprintable(), message
    assert len(message) < len(str(path)) + 300
    return message[len(start) : -len(end)]


def test_a_table_as_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADING + "NA,1,0,,True,0.5\n7,0,8,-1e300,False,\n")
    table = read_table(tmp_path / "a.csv", TABLE)
    assert table["model"].tolist() == ["NA", "7"] and table["flag"].tolist() == [True, False]
    assert table["maybe"].isna().tolist() == [True, False] and table["count"].tolist() == [0, 8]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,1.7,1,,True,", "row 2, share: 1.7 is not a share of 0 to 1"),
        *(
            (f"a,{share},1,,True,", "row 2, share: ")
            for share in ("-1", "nan", "inf", "1e400", "x", "0x1", "True", "1" * 400)
        ),
        ("a,,1,,True,", "row 2, share: nothing is not a share of 0 to 1"),
        *((f"a,1,{count},,True,", "row 2, count: ") for count in ("-1", "1.0", "1e1", "", "9" * 30)),
        ("a,1,1,inf,True,", "row 2, maybe: inf is not a finite number"),
        ("a,1,1,nan,True,", "row 2, maybe: nan is not a finite number"),
        ("a,1,1,,1,", "row 2, flag: 1 is not True or False"),
        ("a,1,1,,,", "row 2, flag: nothing is not True or False"),
        (",1,1,,True,", "row 2, model: nothing is not a text"),
        ("a,1,1,,True,2", "row 2, more_a: 2 is not a share of 0 to 1"),
        ("a,1,9,,True,", "row 2, count: 9 is not below 9"),
        ("a,1,1,,True", "row 2: 5 fields under 6 names"),
        ("a,1,1,,True,,", "row 2: 7 fields under 6 names"),
        ("", "row 2: 0 fields under 6 names"),
        ('"a,1,1,,True,', "unexpected end of data"),
        ("a,1,1_0,,True,", "count: not every row is a whole number from 0"),
        ("a\0,1,1,,True,", "a NUL in a text"),
        (f"a,{'x' * 9999},1,,True,", f"row 2, share: {'x' * 40}… is not a share of 0 to 1"),
        ("a,\x1b[31m,1,,True,", "row 2, share: \\x1b[31m is not a share of 0 to 1"),
    ],
)
def test_a_row_that_is_not_as_declared(tmp_path: Path, line: str, reason: str) -> None:
    assert refusal(tmp_path / "a.csv", f"{HEADING}b,1,1,1,True,\n{line}\n", TABLE).startswith(reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (HEADING, "no rows"),
        (HEADING + "a,1,1,,True,", "its last line is cut off"),
        ("model\na\n", "no 'share'"),
        (HEADING.replace("more_a", "other"), "other: unknown"),
        (HEADING.replace("more_a", "share"), "share: there twice"),
        (HEADING.strip() + ",more_a\n", "more_a: there twice"),
        (HEADING.encode("utf-16"), "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_table_that_is_not_as_declared(tmp_path: Path, content: str | bytes, reason: str) -> None:
    assert refusal(tmp_path / "a.csv", content, TABLE).startswith(reason)


RIGHT = '{"list": [{"share": 1}], "pair": ["ab", 2], "maybe": null, "open": {"x": [1]}}'


def test_json_as_declared(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(RIGHT)
    found: Any = read_json(tmp_path / "a.json", JSON)
    assert found["pair"] == ["ab", 2]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"share": 1', '"share": 1.7', "list[0].share: 1.7 is not a share of 0 to 1"),
        *(('"share": 1', f'"share": {value}', "list[0].share: ") for value in ("NaN", "1e400", "true", "null", '"1"')),
        ('{"share": 1}', "7", "list[0]: 7 is not an object"),
        ('[{"share": 1}]', "{}", "list: {} is not a list"),
        (", 2]", "]", "pair: ['ab'] is not a list of 2"),
        (", 2]", ", 2.0]", "pair[1]: 2.0 is not a whole number from 0"),
        (", 2]", f", {10**30}]", "pair[1]: 1"),
        (", 2]", f", {'9' * 5000}]", "Exceeds the limit"),
        (", 2]", ", 3]", "pair is not of a model and its length"),
        ("null", '{"flag": 1}', "maybe.flag: 1 is not True or False"),
        ("null", "{}", "no 'maybe.flag'"),
        ('"list"', '"other"', "no 'list'"),
        ("{", '{"more": 1, ', "more: unknown"),
        ("{", '{"pair": 1, ', "a key twice: pair, list, pair, maybe, open"),
        ("[1]", "[" * 5000 + "]" * 5000, "maximum recursion depth exceeded"),
        ("[1]", "[", "Expecting "),
    ],
)
def test_json_that_is_not_as_declared(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert refusal(tmp_path / "a.json", RIGHT.replace(old, new, 1), JSON).startswith(reason)
