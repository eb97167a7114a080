"""A file that a command needs and that is missing, damaged or something else: named in one line by every command."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Ran, Refused
from project import COMPARISONS, PAIR_RUNS, RUNS, SEARCH_RUNS, TABLES, TENSORS
from safetensors.numpy import load_file, save_file

FIRST, LAST = RUNS[0], RUNS[-1]
Damage = tuple[Callable[[Path], object], str]


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def written(content: bytes) -> Callable[[Path], object]:
    return functools.partial(Path.write_bytes, data=content)


# What is done to a file, and what its error line says: {maker} is the command that would make it anew.
SOMETHING_ELSE = "not a file that `digits.{maker}` wrote ("
MISSING, FOLDER = (Path.unlink, "no such file or folder"), (as_folder, "this is a folder, not a file")
GONE: dict[str, Damage] = {"missing": MISSING, "a folder": FOLDER}
TENSOR_DAMAGE = GONE | {"cut off": (cut, SOMETHING_ELSE + "Error while deserializing header: ")}
TEXT_DAMAGE = GONE | {
    "a page": (written(b"<!DOCTYPE html>\n"), SOMETHING_ELSE),
    "no text": (written(bytes(range(256))), SOMETHING_ELSE),
}
TENSOR_FILES = [
    ("train", TENSORS[0], "convert"),
    ("search", f"{SEARCH_RUNS[-1]}/validation.safetensors", "train"),
    ("evaluate", TENSORS[1], "convert"),
    ("evaluate", f"{FIRST}/weights.safetensors", "train"),
    ("evaluate", f"{FIRST}/snapshots.safetensors", "train"),
    ("evaluate", f"{FIRST}/validation.safetensors", "train"),
    ("summarise", f"{LAST}/predictions.safetensors", "evaluate"),
    ("compare", f"{LAST}/predictions.safetensors", "evaluate"),
    ("plot_data", TENSORS[0], "convert"),
    ("plot_data", TENSORS[1], "convert"),
    ("plot_results", f"{FIRST}/predictions.safetensors", "evaluate"),
    ("plot_mistakes", TENSORS[1], "convert"),
    ("plot_mistakes", f"{FIRST}/predictions.safetensors", "evaluate"),
    ("plot_weights", f"{FIRST}/weights.safetensors", "train"),
    ("combine", f"{RUNS[1]}/weights.safetensors", "train"),
    ("combine", f"{RUNS[1]}/validation.safetensors", "train"),
    ("combine", f"{RUNS[1]}/predictions.safetensors", "evaluate"),
    ("explore", TENSORS[1], "convert"),
    ("explore", f"{RUNS[2]}/weights.safetensors", "train"),
    ("explore", f"{FIRST}/predictions.safetensors", "evaluate"),
]
TEXT_FILES = [
    ("combine", f"{RUNS[1]}/metrics.json", "evaluate"),
    ("explore", TABLES["summary"], "summarise"),
    ("explore", f"{FIRST}/metrics.json", "evaluate"),
    ("summarise", f"{LAST}/metrics.json", "evaluate"),
    ("compare", f"{LAST}/metrics.json", "evaluate"),
    ("plot_ladder", COMPARISONS["table"], "compare"),
    ("plot_mistakes", f"{FIRST}/metrics.json", "evaluate"),
    ("plot_results", f"{LAST}/history.csv", "train"),
    ("plot_results", TABLES["metrics"], "summarise"),
    ("plot_results", TABLES["summary"], "summarise"),
]
CASES = {
    f"{name} {Path(path).name} {kind}": (name, path, maker, damage[kind])
    for files, damage in ((TENSOR_FILES, TENSOR_DAMAGE), (TEXT_FILES, TEXT_DAMAGE))
    for name, path, maker in files
    for kind in damage
}


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_input_is_named(project: Path, refused: Refused, case: str) -> None:
    name, path, maker, (damage, message) = CASES[case]
    damage(project / path)
    error = refused(name, project, run=PAIR_RUNS[0] if name == "combine" else FIRST)
    assert error.startswith(f"error: {project / path}: {message.format(maker=maker)}")
    assert damage in (Path.unlink, as_folder) or error.endswith("); delete it and start again")


def test_tensors_of_another_kind(trained: Path, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "train.safetensors"
    for classes, reason in {
        "3": "it: 3 is not a list",
        '["a", "b"]': "label 9 of 2 classes",
        '["a", "a"]': "classes is not a list without repetition",
        '["a", 7]': "[1]: 7 is not a text",
    }.items():
        message = f"not a file that `digits.convert` wrote ({reason}); "
        save_file(load_file(trained / TENSORS[0]), path, {"classes": classes})
        assert refused("train", trained, "--images", path).startswith(f"error: {path}: {message}")
    tensors = load_file(trained / TENSORS[0])
    save_file({**tensors, "images": tensors["images"].astype(np.float32)}, path, {"classes": "[]"})
    error = refused("train", trained, "--images", path)
    assert "(images: float32 [500, 28, 28] is not uint8 [N, height, width]); " in error


def test_a_command_reads_nothing_that_changed_since_it_was_made(
    ran: Ran, refused: Refused, trained: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(trained, tmp_path / "project")
    ran("convert", project, project)
    path = project / TENSORS[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\x03")  # another label, which no reader could tell
    assert refused("train", project) == (
        f"error: {path}: changed since it was made (.train.safetensors.sha256 has its checksum); delete it and start again"
    )
