"""Write the table of keys in config/README.md from the schema: `PYTHONPATH=workflow python tools/docs.py`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from digits.settings.schema import schema_of

README = Path(__file__).parents[1] / "config" / "README.md"
HEAD = "| key | default | meaning |\n"
LONGEST = 45  # characters of a default


def keys(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Return every key that a configuration may have, its part of the schema, and whether it must be written."""
    for name, part in schema.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        yield where, part, name in schema.get("required", ())
        yield from keys(part, where)
    for name, suffix in (("additionalProperties", ".<name>"), ("items", "[]")):
        if isinstance(schema.get(name), Mapping):
            yield from keys(schema[name], path + suffix)


def key_table() -> str:
    """Return the table: a row for each key that has a value of its own."""
    rows = [HEAD, "|---|---|---|\n"]
    for path, part, required in keys(schema_of()):
        if part.get("type") == "object" and "default" not in part:
            continue
        default = f"`{json.dumps(part['default'], ensure_ascii=False)}`" if "default" in part else "–"
        default = "required" if required else "see the schema" if len(default) > LONGEST else default
        choices = [f"`{'null' if choice is None else choice}`" for choice in part.get("enum", ())]
        named = all(choice in part["description"] for choice in choices)
        meaning = part["description"] if named else f"{part['description']} One of {', '.join(choices)}."
        rows.append(f"| `{path}` | {default} | {meaning} |\n")
    return "".join(rows)


def with_table(text: str) -> str:
    """Return the README with the table in place of the one that it has."""
    return re.sub(re.escape(HEAD) + r"(.+\n)*", lambda _: key_table(), text, count=1)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
