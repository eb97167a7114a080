"""What a rule's fingerprint is of. What concerns which rule is in tests/workflow/test_rebuilds.py."""

from pathlib import Path

import pytest
from conftest import ROOT, python
from digits.settings.fingerprint import locked_versions, source_files

PACKAGE = ROOT / "workflow" / "digits"
COMMANDS = sorted(path.stem for path in PACKAGE.glob("[a-z]*.py"))


def test_a_library_that_is_not_locked_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="unheard_of"):
        locked_versions(ROOT / "requirements.lock", ["torch", "unheard_of"])


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_imports_is_in_its_fingerprint(command: str) -> None:
    """As Python itself finds it, in a process of its own; imports within functions come on top."""
    loaded = "(m.__file__ for name, m in sys.modules.items() if name.split('.')[0] == 'digits')"
    said = python(f"import sys, digits.{command}; print(*{loaded})").output
    files, _ = source_files([PACKAGE / f"{command}.py"], PACKAGE)
    assert {Path(name) for name in said.split()} <= files
