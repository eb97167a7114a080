"""A tree of image files, one folder a class, in a folder, a .tgz or a .zip.

The layout is `training/<class>/<name>` and `testing/<class>/<name>` (also `train` and `test`), at the top or below one
folder, as in the tutorial's archive.
"""

import itertools
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digits.core.command import UserError, log
from digits.data.archives import archive_files
from digits.data.decoding import check_size, read_grey
from digits.data.tensors import Split
from digits.data.tree_paths import files_below, hidden, place

CHUNK = 256  # images a worker decodes at a time
FREE_PIXELS, PIXELS_PER_BYTE = 2**28, 100  # of all images: so many, and so many for each byte of their files


class Entry(NamedTuple):
    """One image file of the tree."""

    name: str  # as the user knows it, for messages
    split: str  # train or test
    class_name: str
    content: bytes | str  # or the path of a file in a folder, which whoever decodes it reads


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
    passed_over: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        try:
            images = list(_decode_all(_entries(source, folders, passed_over), pool))
        except BrokenProcessPool as error:
            raise UserError(
                f"{source}: a process that decodes images was killed; is there enough memory? Start again, on fewer cores"
            ) from error
    if passed_over:
        others = f" and {len(passed_over) - 1:,} more" if len(passed_over) > 1 else ""
        log(f"passed over {passed_over[0]}{others}: not in training/<class>/ or testing/<class>/")
    seen = sorted({name.rpartition("/")[0].split("/")[0] for name in passed_over if "/" in name})
    there = f"; found {', '.join(seen[:5])}" if seen else ""
    if not images:
        raise UserError(
            f"{source}: no images found; expected training/<class>/<name> and testing/<class>/<name>{there}"
        )
    _check_sizes(images)
    classes = sorted({image.class_name for image in images} | {name for _, name in folders}, key=_natural)
    if len(classes) > 256:
        raise UserError(f"{source}: {len(classes)} classes; at most 256 fit the label's byte")
    found = {(image.split, image.class_name) for image in images}
    for split, name in itertools.product(("train", "test"), classes):
        if (split, name) not in found:
            other = [known for known in classes if known != name and known.casefold() == name.casefold()]
            meant = f"; '{other[0]}' is another class: two spellings of one name?" if other else there
            raise UserError(
                f"{source}: no images of class '{name}' in the {split}ing part; every class needs some in both{meant}"
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
    pixels_left = FREE_PIXELS
    pending: deque[tuple[list[Entry], Future[tuple[Sequence[np.ndarray], int]]]] = deque()
    while True:
        chunk = list(itertools.islice(iterator, CHUNK))
        if chunk:
            pending.append((chunk, pool.submit(decode_images, [(entry.name, entry.content) for entry in chunk])))
        if len(pending) > 8 or not chunk:
            if not pending:
                return
            done, future = pending.popleft()
            decoded, size = future.result()
            pixels_left += PIXELS_PER_BYTE * size - sum(pixels.size for pixels in decoded)
            _require_budget(done[-1].name, pixels_left)
            for entry, pixels in zip(done, decoded, strict=True):
                yield Decoded(entry.name, entry.split, entry.class_name, pixels)


def _require_budget(name: str, pixels_left: int) -> None:
    if pixels_left < 0:
        raise UserError(f"{name}: images of far more pixels than bytes, a decompression bomb; scale them down first")


def decode_images(files: list[tuple[str, bytes | str]]) -> tuple[Sequence[np.ndarray], int]:
    """Decode files, each a name and content or path, to greyscale uint8 [height, width]; also return their total size.

    Where all have one size, the images are one array, which goes from process to process as a whole. UserError names the
    file that is no image.
    """
    images, total, pixels = [], 0, 0
    for name, content in files:
        found = content if isinstance(content, bytes) else read_file(content)
        images.append(read_grey(name, found))
        total, pixels = total + len(found), pixels + images[-1].size
        _require_budget(name, FREE_PIXELS + PIXELS_PER_BYTE * total - pixels)
    if len({image.shape for image in images}) == 1:
        return np.stack(images), total  # type: ignore[return-value]
    return images, total


def read_file(path: str) -> bytes:
    """Read an image file; UserError where it is too large for one."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path for each of 70,000 files takes as long as reading)
        check_size(path, os.fstat(file.fileno()).st_size)
        return file.read()


def _entries(source: Path, folders: set[tuple[str, str]], passed_over: list[str]) -> Iterator[Entry]:
    """Give each image file of the tree; put each class folder, empty or not, and what is passed over into the other two."""
    if source.is_dir():
        files: Iterable[tuple[str, bytes | str | None]] = files_below(source)
    elif not source.exists():
        raise UserError(f"{source}: no such folder or archive")
    else:
        files = archive_files(source)
    for name, content in files:
        where = place(name)
        if where is not None:
            folders.add(where)
            if not name.endswith("/") and content is not None:
                yield Entry(f"{source}/{name}", *where, content)
        elif not name.endswith("/") and not hidden(name):
            passed_over.append(name)
