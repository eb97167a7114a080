"""Archives of image files, a .tar (also compressed), or a .zip, read as a stream to their end.

Nothing is unpacked, and no name in an archive is used as a path. What is cut off or damaged is refused, as is what would
unpack to far more than its size.
"""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from digits.core.command import UserError
from digits.data.decoding import check_size
from digits.data.tree_paths import clean_name, hidden

OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}  # by a file's first bytes
ENCRYPTED, UTF8 = 1, 0x800  # among a zip member's flags
# What the readers of archives raise at damage; bzip2's, likewise, an OSError without a number.
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, ValueError, OverflowError, NotImplementedError),
)
FREE_BYTES, BYTES_PER_BYTE = 2**28, 200  # that an archive may unpack to: so many, and so many for each of its own


class _Member(tarfile.TarInfo):
    """A member of a tar: tarfile itself takes a damaged header for the end, and needs no end marker."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:  # tarfile gives it by place
        """Read the next header; EOFHeaderError at the end marker."""
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(str(error)) from error


class _Counted(io.RawIOBase):
    """A stream that gives no more than so many bytes."""

    def __init__(self, stream: IO[bytes], allowed: int) -> None:
        self.stream, self.allowed = stream, allowed

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(size)
        self.allowed -= len(content)
        if self.allowed < 0:
            raise tarfile.ReadError("it unpacks to far more than its size, a decompression bomb")
        return content


def in_a_folder(name: str) -> bool:
    """Whether a file may be an image by its place."""
    return "/" in name and not hidden(name)


def archive_files(source: Path, wanted: Callable[[str], bool] = in_a_folder) -> Iterator[tuple[str, bytes | None]]:
    """Give name and content of each file in an archive, of folders the name with a slash at its end.

    The content of what is not wanted is not read, and empty. UserError names what is damaged or not to be trusted.
    """
    with source.open("rb") as file:
        start = file.read(8)
    with _damage_named(source):
        names: set[str] = set()
        for name, content in (
            _zip_files(source, wanted) if start.startswith(b"PK") else _tar_files(source, wanted, start)
        ):
            if name in names and not name.endswith("/"):
                raise UserError(f"{source}: two files are called {name}; rename one of them")
            names.add(name)
            yield name, content


def _tar_files(source: Path, wanted: Callable[[str], bool], start: bytes) -> Iterator[tuple[str, bytes | None]]:
    opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)
    allowed = FREE_BYTES + BYTES_PER_BYTE * source.stat().st_size
    with (opener or open)(source, "rb") as unpacked:
        stream = _Counted(unpacked, allowed)
        try:
            archive = tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member)  # noqa: SIM115 (holds no file of its own)
        except tarfile.ReadError as error:
            if opener is None:
                raise UserError(f"{source}: neither a folder, nor a .tgz, nor a .zip") from error
            raise
        for member in archive:
            name = _archive_name(source, member.name)
            if member.isdir():
                yield f"{name}/", None
            elif not member.isreg():
                raise UserError(f"{source}: {name} is a link or a device; only files and folders are taken")
            elif wanted(name):
                check_size(f"{source}/{name}", member.size)
                file = archive.extractfile(member)
                yield name, file.read() if file else b""
            else:
                yield name, b""
        # To the end, so that the checksum of what was compressed is checked too.
        rest = b"".join(iter(lambda: archive.fileobj.read(2**16), b""))
        if len(rest) < tarfile.BLOCKSIZE or any(rest):
            raise tarfile.ReadError("its end is missing" if not any(rest) else "there is more after its end")


def _zip_files(source: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        size = source.stat().st_size
        if sum(member.compress_size for member in members) > size:
            raise UserError(
                f"{source}: its members overlap, a decompression bomb; such an archive is not to be trusted"
            )
        named = [(_archive_name(source, _zip_name(member)), member) for member in members]
        if sum(member.file_size for name, member in named if wanted(name)) > FREE_BYTES + BYTES_PER_BYTE * size:
            raise UserError(f"{source}: it unpacks to far more than its size, a decompression bomb")
        for name, member in named:
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UserError(f"{source}: {name} is a link; only files and folders are taken")
            if name.endswith("/"):
                yield name, None
            elif wanted(name):
                if member.flag_bits & ENCRYPTED:
                    raise UserError(f"{source}: {name} is encrypted; unpack it, and name the folder instead")
                check_size(f"{source}/{name}", member.file_size)
                try:
                    yield name, archive.read(member)
                except NotImplementedError as error:
                    how = zipfile.compressor_names.get(member.compress_type, "a method")  # type: ignore[attr-defined]
                    raise UserError(f"{source}: {name} is compressed by {how}; pack it as an ordinary .zip") from error
            else:
                yield name, b""


def _zip_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; without the flag for UTF-8 it may be UTF-8 all the same, as macOS writes it."""
    if member.flag_bits & UTF8:
        return member.orig_filename
    try:
        return member.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.orig_filename


@contextlib.contextmanager
def _damage_named(source: Path) -> Iterator[None]:
    """Turn what the readers of archives raise at damage into a UserError; a disk's errors stay what they are."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a place before the start
            raise
        raise UserError(f"{source}: a damaged archive ({error}); fetch it again") from error


def _archive_name(source: Path, name: str) -> str:
    """Return a name as it counts: with slashes, also where an old Windows tool wrote backslashes."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or parts[0][1:2] == ":":
        raise UserError(f"{source}: '{name}' points outside the archive; such an archive is not to be trusted")
    kept = [part for part in (name.split("/") if "/" in name else parts) if part not in ("", ".")]
    name = "/".join(kept) + "/" * (parts[-1] in ("", "."))
    return name if hidden(name) else clean_name(name, f"{source}: ")
