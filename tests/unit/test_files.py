"""Whole files only: all targets appear, or none does and what was there stays."""

from pathlib import Path

import pytest
from digits.core.command import UserError
from digits.core.files import altered, checked, made_anew, read_seal, seal_of, sha256, whole_files


def test_all_targets_appear_together(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "a", tmp_path / "b"
    with whole_files(first, second) as parts:
        for part in parts:
            part.write_text("done")
        written = parts[0].stat()
        assert not first.exists() and not second.exists()
    assert first.read_text() == second.read_text() == "done"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a", "b"]
    assert first.stat().st_ino == written.st_ino, "renamed: a copy could be seen half done"
    assert parts[0].parent == first.parent, "a rename across file systems would be a copy"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    target, other = tmp_path / "a", tmp_path / "b"
    target.write_text("old")
    with pytest.raises(failure), whole_files(target, other) as (part, _):
        part.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_target_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_files(tmp_path / "a"):
        pass
    assert not list(tmp_path.iterdir())


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def made(folder: Path) -> tuple[Path, Path]:
    """A source and a file that was made from it, in another folder."""
    source, target = folder / "in" / "a", folder / "out" / "b"
    for path, made_from in ((source, {}), (target, None)):
        with whole_files(path, made_from=checked([source]) if made_from is None else made_from) as (part,):
            part.write_text(path.name)
    return source, target


def test_a_seal_is_what_sha256sum_checks(tmp_path: Path) -> None:
    source, target = made(tmp_path)
    assert seal_of(target).read_text() == f"{sha256(target)}  b\n{sha256(source)}  ../in/a\n"
    assert read_seal(target) == {target: sha256(target), source: sha256(source)}
    (tmp_path / "in").rename(tmp_path / "out" / "in")
    assert read_seal(target) == {target: sha256(target), source: sha256(tmp_path / "out" / "in" / "a")}


def test_what_is_not_as_its_seal_says_is_named(tmp_path: Path) -> None:
    source, target = made(tmp_path)
    assert checked([source, target]) == {source: sha256(source), target: sha256(target)}
    assert altered([source, target]) == []
    target.write_text("other")
    with pytest.raises(UserError, match=r"out/b: changed since it was made \(\.b\.sha256 has its checksum\)"):
        checked([source, target])
    seal_of(source).write_text("nonsense")
    assert altered([source, target]) == [source, target]
    seal_of(target).unlink()
    assert altered([target]) == [target]
    assert checked([target]) == {target: sha256(target)}, "a file of the user's own"


def test_what_was_made_from_something_that_was_made_anew(tmp_path: Path) -> None:
    source, target = made(tmp_path)
    last = tmp_path / "c"
    with whole_files(last, made_from=checked([target])) as (part,):
        part.write_text("c")
    assert made_anew(last) is None
    with whole_files(source, made_from={}) as (part,):
        part.write_text("other")
    assert made_anew(last) == made_anew(target) == source


def test_a_folder_in_the_place_of_one_file_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError, match="b"), whole_files(tmp_path / "a", tmp_path / "b"):
        pass
    assert not (tmp_path / "a").exists()


def test_what_a_killed_job_left_is_removed_by_its_successor(tmp_path: Path) -> None:
    for name in (".a.1234567.part", ".a.sha256.1234567.part"):  # the second of its seal
        (tmp_path / name).write_text("half")
    with whole_files(tmp_path / "a") as (part,):
        part.write_text("done")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
