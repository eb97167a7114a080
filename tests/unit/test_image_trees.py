"""Trees of image files, in folders and archives: the same result however they are packed, and nothing hostile gets by."""

import errno
import os
import re
import signal
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from digits.core.command import UserError
from digits.data import reading
from digits.data.collection import Form
from digits.data.decoding import FORMATS
from digits.data.image_trees import Wanted, read_image_tree
from digits.data.tensors import Split
from pictures import Tree, as_tgz, as_zip, encoded, png
from PIL import Image


def small_tree(changes: Tree | None = None) -> Tree:
    names = [f"{split}/{label}/x" for split in ("training", "testing") for label in ("a", "b")]
    return {f"{name}{number}.png": png(number) for name in names for number in (2, 10, 1)} | (changes or {})


def as_folder(path: Path, tree: Tree) -> Path:
    for name, content in tree.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            target.mkdir()
        else:
            target.write_bytes(content)
    return path


Pack = Callable[[Path, Tree], Path]
PACKERS = pytest.mark.parametrize("pack", [as_folder, as_tgz, as_zip])


def read(source: Path, **wanted: Any) -> Mapping[str, Split]:
    return read_image_tree(source, 1, Wanted(**wanted)).splits


@PACKERS
@pytest.mark.parametrize("top", ["", "some_name/", "./"])
@pytest.mark.parametrize("names", [("training", "testing"), ("train", "test")])
def test_every_packing_gives_the_same(tmp_path: Path, pack: Pack, top: str, names: tuple[str, str]) -> None:
    renamed = zip(("training", "testing"), names, strict=True)
    tree = {name.replace(old, top + new): c for old, new in renamed for name, c in small_tree().items() if old in name}
    for split in read(pack(tmp_path / "source", tree)).values():
        assert split.classes == ["a", "b"]
        assert split.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert split.images[:, 0, 0].tolist() == [1, 2, 10] * 2, "x2 stands before x10"
        assert split.images.shape == (6, 2, 3) and split.images.dtype == np.uint8


def test_numbers_order_across_classes(tmp_path: Path) -> None:
    tree: Tree = {f"training/{label}/{n}.png": png(n) for n, label in enumerate([10, 9, 9, 10, 2, 10, 9, 2, 2, 9, 10])}
    tree |= {f"testing/{label}/0.png": png() for label in (2, 9, 10)}
    train = read(as_folder(tmp_path, tree))["train"]
    assert train.classes == ["2", "9", "10"]
    assert train.images[:, 0, 0].tolist() == list(range(11))
    assert train.labels.tolist() == [2, 1, 1, 2, 0, 2, 1, 0, 0, 1, 2]


GREYS = [(encoded(Image.new("RGB", (3, 2), "#070707")), 7), *((png(255, kind=kind), 255) for kind in FORMATS)]


@pytest.mark.parametrize(("content", "grey"), GREYS)
def test_each_kind_of_image_becomes_grey(tmp_path: Path, content: bytes, grey: int) -> None:
    images = read(as_folder(tmp_path, small_tree({"training/a/x1.png": content})))["train"].images
    assert images[0].tolist() == [[grey] * 3] * 2


def test_what_is_no_image_of_a_class_is_passed_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    named: Tree = {"README.txt": b"hello", "training/notes": b"x", "mnist_train.csv": bytes(65 * 2**20)}
    litter: Tree = {"training/a/.DS_Store": b"x", "__MACOSX/training/a/._1.png": b"x"}
    for pack in (as_tgz, as_zip):
        assert len(read(pack(tmp_path / "source", small_tree({**named, **litter})))["train"].images) == 6
        said = capfd.readouterr().err
        assert said == "passed over README.txt, training/notes, mnist_train.csv: no image of a class\n"


@PACKERS
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training/a/x1.png": b""}, r"training/a/x1\.png: empty; remove it or replace it"),
        ({"training/a/x1.png": b"hello"}, r"training/a/x1\.png: not an image in a supported format \(PNG, JPEG, "),
        ({"training/b/x2.png": png(size=(4, 2))}, r"different sizes: .*/x\d+\.png is 3×2, .*training/b/x2\.png is 4×2"),
        ({"training/c": None}, "no images of class 'c' in the training part"),
        ({"testing/c/1.png": png()}, "no images of class 'c' in the training part"),
    ],
    ids=["empty", "text", "sizes", "empty class", "class in one part"],
)  # fmt: skip
def test_a_bad_file_is_named(tmp_path: Path, pack: Pack, changes: Tree, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(pack(tmp_path / "source", small_tree(changes)))


OUTSIDE = ["../evil.png", "/etc/evil.png", "training/a/../../../evil.png", "C:\\evil.png", "\\\\host\\evil"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("pack", [as_tgz, as_zip])
def test_names_that_point_outside_are_refused(tmp_path: Path, pack: Pack, name: str) -> None:
    with pytest.raises(UserError, match="points outside the archive"):
        read(pack(tmp_path / "source", small_tree({name: png()})))
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, None])
def test_links_and_devices_in_a_tar_or_zip_are_refused(tmp_path: Path, kind: bytes | None) -> None:
    source = tmp_path / "source"
    if kind is None:
        with zipfile.ZipFile(source, "w") as archive:
            entry = zipfile.ZipInfo("training/a/1.png")
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
    else:
        with tarfile.open(source, "w") as tar:
            member = tarfile.TarInfo("training/a/1.png")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    with pytest.raises(UserError, match=r"training/a/1\.png is a link"):
        read(source)


def test_a_huge_member_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "source.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in small_tree({"training/a/x1.png": bytes(65 * 2**20)}).items():
            archive.writestr(name, content or b"")
    assert (tmp_path / "source.zip").stat().st_size < 100_000
    with pytest.raises(UserError, match=r"68,157,440 bytes, more than the 67,108,864 allowed"):
        read(tmp_path / "source.zip")


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_a_zip_is_refused(tmp_path: Path, how: int) -> None:
    source = tmp_path / "source.zip"
    with zipfile.ZipFile(source, "w", how) as archive:
        for name, content in small_tree({"training/a/x2.png": np.random.default_rng(0).bytes(2000)}).items():
            archive.writestr(name, content or b"")
    content = source.read_bytes()
    source.write_bytes(content[:50] + bytes(450) + content[500:])
    with pytest.raises(UserError, match=r"source\.zip: a damaged archive \(.+\); fetch it again"):
        read(source)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    source = as_zip(tmp_path / "source.zip", small_tree())
    content = bytearray(source.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of each member, and in the list of members
        for match in re.finditer(header, bytes(content)):
            content[match.start() + flags] |= 1
    source.write_bytes(content)
    with pytest.raises(UserError, match=r"source\.zip: training/a/x2\.png is encrypted; unpack it"):
        read(source)


def test_a_disk_that_fails_is_no_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = as_zip(tmp_path / "source.zip", small_tree())

    def fail(*_: object) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipFile, "read", fail)
    with pytest.raises(OSError, match="Input/output error"):
        read(source)


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tree: Tree = {f"{split}/a/{n}.png": rng.bytes(2000) for split in ("train", "test") for n in range(20)}
    for source in (as_tgz(tmp_path / "source.tgz", tree), as_zip(tmp_path / "source.zip", tree)):
        source.write_bytes(source.read_bytes()[:30_000])
        with pytest.raises(UserError, match=r"a damaged archive|neither a folder, nor a \.tgz|not an image"):
            read(source)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file", r"file: neither a folder, nor a \.tgz, nor a \.zip"),
        ("nowhere", "nowhere: no such folder or archive"),
        ("empty", "empty: no images found"),
    ],
)
def test_something_else_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)


def test_two_spellings_of_a_class_are_named(tmp_path: Path) -> None:
    tree = {name.replace("testing/a", "testing/A"): content for name, content in small_tree().items()}
    with pytest.raises(UserError, match=r"no images of class 'A' in the training part; .*'a' is another class"):
        read(as_folder(tmp_path / "case", tree))


@pytest.mark.parametrize("kind", ["gif", "tiff", "webp"])
def test_files_of_several_pictures_are_counted(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = (Image.new("RGB", (3, 2), colour) for colour in ("white", "black"))
    content = encoded(first, kind, save_all=True, append_images=[second])
    tree = small_tree(
        {"training/a/x1.png": content, "testing/b/x2.png": content, "testing/b/x1.png": encoded(first, kind)}
    )
    assert (read(as_zip(tmp_path / "source", tree))["train"].images[0] > 250).all()
    assert capfd.readouterr().err == "files with several pictures, of which only the first is used: 2\n"


def test_classes_that_differ_in_case_alone_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tree = small_tree({f"{part}/A/1.png": png() for part in ("training", "testing")})
    read(as_zip(tmp_path / "source", tree))
    assert capfd.readouterr().err == "warning: two classes, 'A' and 'a': if they are one class, spell it the same way\n"


def test_images_that_lie_too_deep_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"no images found; .*; not looked into 1/2/3/4/5/6/: images lie at most 5 folders"
    ):
        read(as_folder(tmp_path, {"1/2/3/4/5/6/7.png": png()}))


def test_images_of_far_more_pixels_than_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FREE_PIXELS", 100_000)
    large = png(255, (1000, 1000))
    tree: Tree = {f"{split}/{label}/1.png": large for label in ("a", "b") for split in ("training", "testing")}
    with pytest.raises(UserError, match="images of far more pixels than bytes, a decompression bomb"):
        read(as_zip(tmp_path / "source", tree))


def test_files_that_have_gone_meanwhile_leave_no_image_to_chance(tmp_path: Path) -> None:
    tree = as_folder(tmp_path, {"a/1.png": png()})
    with pytest.raises(UserError, match="1 of its files have gone while it was read; start again"):
        reading.read_images(tree, ["a/1.png", "a/2.png"], 1, Form())


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "decode_images", die)
    with pytest.raises(UserError, match="a process that decodes images was killed; is there enough memory"):
        read(as_folder(tmp_path, small_tree()))
