"""The options of a command: which files it reads, checked before it begins, and which it writes."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from digits.core.command import one_line
from digits.core.files import checked


class Parser(argparse.ArgumentParser):
    """The options of a command. What it parses has `made_from`: the checksum of each file that is read."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        super().__init__(*args, **keys)
        self._read: dict[str, Sequence[str]] = {}  # by the option, what is read in its folders

    def file(self, option: str, about: str, **keys: Any) -> None:
        """Add an option that names a file to read, required if `keys` of add_argument do not say otherwise."""
        self.add_argument(option, type=Path, help=about, **{"required": True, **keys})
        self._read[option.removeprefix("--").replace("-", "_")] = ()

    def files(self, option: str, about: str, within: Sequence[str] = ()) -> None:
        """Add a required option that names one or more files, or folders in which files of these names are read."""
        self.file(option, about, nargs="+")
        self._read[option.removeprefix("--").replace("-", "_")] = within

    def folder(self, option: str, about: str) -> None:
        """Add a required option that names a folder or file whose files the command itself checks, if at all."""
        self.add_argument(option, type=Path, required=True, help=about)

    def output(self, option: str, about: str, **keys: Any) -> None:
        """Add an option that names a file to write, required if `keys` of add_argument do not say otherwise."""
        self.add_argument(option, type=Path, help=about, **{"required": True, **keys})

    def outputs(self, option: str, about: str) -> None:
        """Add a required option that names one or more of them."""
        self.output(option, about, nargs="+")

    def error(self, message: str) -> NoReturn:
        """End with one line, as a user's other mistakes do; --help has the usage."""
        self.exit(2, f"error: {one_line(message)} ({self.prog} --help)\n")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse; UserError where a file to read has changed since it was made. Files that are missing are the command's to name."""
        found, rest = super().parse_known_args(args, namespace)
        paths = []
        for option, within in self._read.items():
            value = getattr(found, option)
            named = value if isinstance(value, list) else [value] if value else []
            paths += [path / name for path in named for name in within] if within else named
        found.made_from = getattr(found, "made_from", {}) | checked(path for path in paths if path.is_file())
        return found, rest


def command_parser(command: str, description: str | None) -> Parser:
    """Return a parser of the options of `python -m digits.<command>`."""
    return Parser(prog=f"python -m digits.{command}", description=description)
