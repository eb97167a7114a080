"""A tree of image files, one folder a class, in a folder, a .tgz or a .zip.

The layout is `training/<class>/<name>` and `testing/<class>/<name>` (also `train` and `test`), at the top or below one
folder, as in the tutorial's archive. Archives are read as a stream: nothing is unpacked, and no name in them is used
as a path.
"""

import contextlib
import itertools
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digits.core.command import UserError, log
from digits.data.decoding import check_size, read_grey
from digits.data.tensors import Split
from digits.data.tree_paths import hidden, names_below, place

CHUNK = 256  # images a worker decodes at a time
ENCRYPTED = 1  # among a zip member's flags
# What the readers of archives raise at damage; bzip2's, likewise, an OSError without a number.
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError)


class Entry(NamedTuple):
    """One image file of the tree."""

    name: str  # as the user knows it, for messages
    split: str  # train or test
    class_name: str
    content: bytes | None  # None: of a file in a folder, which whoever decodes it reads


class Decoded(NamedTuple):
    """One image and what its place in the data set is decided by."""

    name: str
    split: str
    class_name: str
    pixels: np.ndarray  # uint8 [height, width]


def read_image_tree(source: Path, workers: int) -> dict[str, Split]:
    """Read a folder or archive of image files into `{"train": Split, "test": Split}`.

    Images become greyscale. Classes are ordered by number where all are numbers, else by name; images likewise: where
    all names are numbers by number, as in the original files, else by class and name. UserError names the file at fault.
    """
    folders: set[tuple[str, str]] = set()
    with ProcessPoolExecutor(workers) as pool:
        images = list(_decode_all(_entries(source, folders), pool))
    if not images:
        raise UserError(f"{source}: no images found; expected training/<class>/<name> and testing/<class>/<name>")
    _check_sizes(images)
    classes = sorted({image.class_name for image in images} | {name for _, name in folders}, key=_natural)
    if len(classes) > 256:
        raise UserError(f"{source}: {len(classes)} classes; at most 256 fit the label's byte")
    found = {(image.split, image.class_name) for image in images}
    for split, name in itertools.product(("train", "test"), classes):
        if (split, name) not in found:
            raise UserError(
                f"{source}: no images of class '{name}' in the {split}ing part; every class needs some in both"
            )
    return {split: _stack([image for image in images if image.split == split], classes) for split in ("train", "test")}


def _stack(images: list[Decoded], classes: list[str]) -> Split:
    index = {name: position for position, name in enumerate(classes)}
    stems = [_stem(image.name) for image in images]
    if all(stem.isdecimal() for stem in stems):
        order = sorted(range(len(images)), key=lambda i: (int(stems[i]), index[images[i].class_name], images[i].name))
    else:
        order = sorted(range(len(images)), key=lambda i: (index[images[i].class_name], _natural(images[i].name)))
    return Split(
        images=np.stack([images[i].pixels for i in order]),
        labels=np.array([index[images[i].class_name] for i in order], np.uint8),
        classes=classes,
    )


def _stem(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Order '9' before '10', and a name always at the same place."""
    return [(int(number or 0), text) for number, text in re.findall(r"(\d*)(\D*)", name, re.ASCII)], name


def _check_sizes(images: list[Decoded]) -> None:
    first = images[0]
    for image in images:
        if image.pixels.shape != first.pixels.shape:
            (height, width), (other_height, other_width) = first.pixels.shape, image.pixels.shape
            raise UserError(
                f"images of different sizes: {first.name} is {width}×{height}, {image.name} is "
                f"{other_width}×{other_height}; bring all to one size first"
            )


def _decode_all(entries: Iterable[Entry], pool: ProcessPoolExecutor) -> Iterator[Decoded]:
    """Decode in parallel, in order, with only a few chunks under way, so that a large archive is never held whole."""
    iterator = iter(entries)
    pending: deque[tuple[list[Entry], Future[Sequence[np.ndarray]]]] = deque()
    while True:
        chunk = list(itertools.islice(iterator, CHUNK))
        if chunk:
            pending.append((chunk, pool.submit(decode_images, [(entry.name, entry.content) for entry in chunk])))
        if len(pending) > 8 or not chunk:
            if not pending:
                return
            done, future = pending.popleft()
            for entry, pixels in zip(done, future.result(), strict=True):
                yield Decoded(entry.name, entry.split, entry.class_name, pixels)


def decode_images(files: list[tuple[str, bytes | None]]) -> Sequence[np.ndarray]:
    """Decode (name, content) pairs to greyscale uint8 [height, width]; UserError names the file that is no image.

    Where all have one size, the images are one array, which goes from process to process as a whole.
    """
    images = [read_grey(name, read_file(name) if content is None else content) for name, content in files]
    return np.stack(images) if len({image.shape for image in images}) == 1 else images  # type: ignore[return-value]


def read_file(name: str) -> bytes:
    """Read an image file; UserError where it is too large for one."""
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 (a Path for each of 70,000 files takes as long as reading)
        check_size(name, os.fstat(file.fileno()).st_size)
        return file.read()


def _entries(source: Path, folders: set[tuple[str, str]]) -> Iterator[Entry]:
    """Give each image file of the tree, and put each class folder, empty or not, into `folders`."""
    if source.is_dir():
        files: Iterable[tuple[str, bytes | None]] = ((name, None) for name in names_below(source))
    elif not source.exists():
        raise UserError(f"{source}: no such folder or archive")
    elif zipfile.is_zipfile(source):
        files = _zip_files(source)
    elif tarfile.is_tarfile(source):
        files = _tar_files(source)
    else:
        raise UserError(f"{source}: neither a folder, nor a .tgz, nor a .zip")
    for name, content in files:
        where = place(name)
        if where is not None:
            folders.add(where)
            if not name.endswith("/"):
                yield Entry(f"{source}/{name}", *where, content)
        elif not name.endswith("/") and not hidden(name):
            log(f"passed over {name}: not in training/<class>/ or testing/<class>/")


def _tar_files(source: Path) -> Iterator[tuple[str, bytes | None]]:
    with _damage_named(source), tarfile.open(source, "r|*") as archive:
        for member in archive:
            _check_name(source, member.name)
            if member.isdir():
                yield f"{member.name}/", None
            elif not member.isreg():
                raise UserError(f"{source}: {member.name} is a link or a device; only files and folders are taken")
            elif place(member.name):
                check_size(f"{source}/{member.name}", member.size)
                file = archive.extractfile(member)
                yield member.name, file.read() if file else b""
            else:
                yield member.name, b""


def _zip_files(source: Path) -> Iterator[tuple[str, bytes | None]]:
    with _damage_named(source), zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            _check_name(source, member.filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UserError(f"{source}: {member.filename} is a link; only files and folders are taken")
            if member.is_dir():
                yield member.filename, None
            elif place(member.filename):
                if member.flag_bits & ENCRYPTED:
                    raise UserError(f"{source}: {member.filename} is encrypted; unpack it, and name the folder instead")
                check_size(f"{source}/{member.filename}", member.file_size)
                yield member.filename, archive.read(member)
            else:
                yield member.filename, b""


@contextlib.contextmanager
def _damage_named(source: Path) -> Iterator[None]:
    """Turn what the readers of archives raise at damage into a UserError; a disk's errors stay what they are."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{source}: a damaged archive ({error}); fetch it again") from error


def _check_name(source: Path, name: str) -> None:
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise UserError(f"{source}: '{name}' points outside the archive; such an archive is not to be trusted")
