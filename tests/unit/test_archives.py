"""Archives that are cut off, damaged, hostile, or made by tools with habits of their own."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from digits.core.command import UserError
from digits.data.archives import archive_files
from pictures import png

NAMES = [f"{split}/{label}/{n}.png" for split in ("training", "testing") for label in ("a", "b") for n in range(6)]
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
COMPRESSED = pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=[f"tar {name}" for name in COMPRESSIONS])


def tar(names: list[str] = NAMES) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = len(png(number))
            archive.addfile(member, io.BytesIO(png(number)))
    return buffer.getvalue()


def zipped(names: list[str], utf8: bool = True) -> bytes:
    """A .zip; without `utf8` its names lack the flag that says so, as macOS writes them."""
    buffer = io.BytesIO()
    inside = names if utf8 else [f"{number:_>{len(name.encode())}}" for number, name in enumerate(names)]
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(inside):
            archive.writestr(name, png(number))
    content = buffer.getvalue()
    for name, written in zip(names, inside, strict=True):
        content = content.replace(written.encode(), name.encode())
    return content


def read(folder: Path, content: bytes) -> dict[str, bytes | None]:
    (folder / "source").write_bytes(content)
    return dict(archive_files(folder / "source"))


@COMPRESSED
def test_every_cut_is_refused(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(tar())
    assert list(read(tmp_path, whole)) == NAMES
    # A tar without compression ends in blocks of zeros, of which one too few is no loss.
    end = len(whole) - (1 if compress is not bytes else 10_240)
    for cut in [*range(1, end, max(1, end // 60)), end]:
        with pytest.raises(UserError, match=r"source: (a damaged archive \(|neither a folder)"):
            read(tmp_path, whole[:cut])


@COMPRESSED
def test_every_flipped_bit_of_a_header_is_refused(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    raw = tar()
    for place in (*range(512 * 2, 512 * 2 + 100, 9), 512 * 2 + 150):
        damaged = bytearray(raw)
        damaged[place] ^= 1
        with pytest.raises(UserError, match="source: a damaged archive"):
            read(tmp_path, compress(bytes(damaged)))


@pytest.mark.parametrize("name", ["gz", "bz2", "xz"])
def test_every_flipped_bit_of_what_is_compressed_is_refused(tmp_path: Path, name: str) -> None:
    whole = COMPRESSIONS[name](tar())
    for place in range(12, len(whole), max(1, len(whole) // 60)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        try:
            assert read(tmp_path, bytes(damaged)) == read(tmp_path, whole), "a bit that bzip2 does not use"
        except UserError as refusal:
            assert re.search("source: (a damaged archive|neither)", str(refusal))


def test_what_follows_the_end_of_a_tar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a damaged archive \(there is more after its end\)"):
        read(tmp_path, tar() + tar())


@pytest.mark.parametrize("utf8", [True, False])
def test_names_of_a_zip_are_utf_8_with_and_without_its_flag(tmp_path: Path, utf8: bool) -> None:
    assert list(read(tmp_path, zipped(["training/été/1.png"], utf8))) == ["training/été/1.png"]


@pytest.mark.parametrize("pack", [zipped, tar])
def test_names_are_brought_into_one_form(tmp_path: Path, pack: Callable[[list[str]], bytes]) -> None:
    decomposed = unicodedata.normalize("NFD", "training/é/1.png")
    assert list(read(tmp_path, pack([decomposed, "training\\b\\1.png"]))) == ["training/é/1.png", "training/b/1.png"]
    with pytest.raises(UserError, match="two files are called training/é/1"):
        read(tmp_path, pack(["training/é/1.png", decomposed]))


@pytest.mark.parametrize(("name", "what"), [("caf\udce9", "is not UTF-8"), ("a\nb", "has control characters")])
def test_names_that_cannot_be_shown_are_refused(tmp_path: Path, name: str, what: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", errors="surrogateescape") as archive:
        archive.addfile(tarfile.TarInfo(f"training/{name}/1.png"))
    with pytest.raises(UserError) as refusal:
        read(tmp_path, buffer.getvalue())
    assert what in str(refusal.value) and str(refusal.value).isprintable()


def test_a_method_that_python_cannot_unpack_is_named(tmp_path: Path) -> None:
    content = zipped(["training/a/1.png"]).replace(b"\x14\x00\x00\x00\x00\x00", b"\x14\x00\x00\x00\x09\x00")
    with pytest.raises(UserError, match=r"training/a/1\.png is compressed by deflate64; pack"):
        read(tmp_path, content)


def overlapping() -> bytes:
    """A .zip whose members all lie over the same bytes."""
    whole = zipped(["training/a/1.png"])
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    count = (100).to_bytes(2, "little")
    names = [entry.replace(b"/1.png", f"/{n:x}.png"[-6:].encode()) for n in range(10)] * 10
    listed = b"".join(names)
    return whole[:start] + listed + end[:8] + count + count + len(listed).to_bytes(4, "little") + end[16:]


def test_a_zip_of_overlapping_members_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its members overlap"):
        read(tmp_path, overlapping())


def test_a_tar_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("elsewhere")
    member.size = 2**31
    block = gzip.compress(bytes(2**24))
    with (tmp_path / "source").open("wb") as file:
        file.write(gzip.compress(member.tobuf()) + block * (2**7))
    with pytest.raises(UserError, match=r"a damaged archive .*a decompression bomb"):
        dict(archive_files(tmp_path / "source"))
