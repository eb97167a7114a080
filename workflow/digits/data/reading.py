"""Many image files as one array: each is decoded by one of several processes, brought to its form and put into its place.

The places are known before an image is decoded, so that nothing is held but the result and a few files.
"""

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NoReturn

import numpy as np

from digits.core.command import UserError, log
from digits.data.archives import archive_files
from digits.data.collection import Form, Size
from digits.data.decoding import check_size, holds_several
from digits.data.resize import read_fitted
from digits.data.tree_paths import files_below

CHUNK, CHUNK_BYTES = 256, 2**22  # images that a process decodes at a time, and bytes of their files from an archive
FREE_PIXELS, PIXELS_PER_BYTE = 2**28, 100  # of all images: so many, and so many for each byte of their files
SIZES = (64, 32, 16)  # to propose
Files = list[tuple[str, bytes | str]]  # name, and content or path


def read_images(source: Path, names: Sequence[str], workers: int, form: Form) -> tuple[np.ndarray, list[Size]]:
    """Decode files of a folder or archive: uint8 [N, (3,) height, width], in the order of their names; also return their sizes.

    UserError names a file that is no image, or one of another size if `form` leaves that as it is.
    """
    places = {name: number for number, name in enumerate(names)}
    images = np.empty(0, np.uint8)
    sizes: list[Size] = []
    first, several = "", 0
    with ProcessPoolExecutor(workers) as pool:
        try:
            for chunk, decoded, found, more in _decode_all(source, _contents(source, places), pool, form):
                first = first or chunk[0]
                sizes += found
                several += more
                if decoded is None or (images.size and images.shape[1:] != decoded.shape[1:]):
                    _refuse_sizes(source, first, dict(zip(chunk, found, strict=True)), sizes)
                elif not images.size:
                    images = np.empty((len(names), *decoded.shape[1:]), np.uint8)
                images[[places[name] for name in chunk]] = decoded
        except BrokenProcessPool as error:
            raise UserError(
                f"{source}: a process that decodes images was killed; is there enough memory? Start again, on fewer cores"
            ) from error
    if len(sizes) != len(names):
        raise UserError(f"{source}: {len(names) - len(sizes):,} of its files have gone while it was read; start again")
    if several:
        log(f"files with several pictures, of which only the first is used: {several:,}")
    return images, sizes


def _refuse_sizes(source: Path, first: str, found: dict[str, Size], sizes: list[Size]) -> NoReturn:
    """Stop with a size to bring images of different ones to: not above the median of those found."""
    other = next(name for name, size in found.items() if size != sizes[0])
    (height, width), (other_height, other_width) = sizes[0], found[other]
    middle = sorted(map(min, sizes))[len(sizes) // 2]
    side = next((side for side in SIZES if side <= middle), SIZES[-1])
    raise UserError(
        f"images of different sizes: {source}/{first} is {width}×{height}, {source}/{other} is {other_width}×{other_height}; "
        f"resize them with `dataset: {{size: [{side}, {side}]}}`"
    )


def _contents(source: Path, places: dict[str, int]) -> Iterator[tuple[str, bytes | str]]:
    """Give name and content of each file wanted, in the source's order; of a file in a folder the path."""
    if source.is_dir():
        yield from ((name, path) for name, path in files_below(source) if name in places)
    else:
        wanted = archive_files(source, places.__contains__)
        yield from ((name, content) for name, content in wanted if name in places and content is not None)


def _chunks(files: Iterator[tuple[str, bytes | str]]) -> Iterator[Files]:
    chunk: Files = []
    held = 0
    for name, content in files:
        chunk.append((name, content))
        held += len(content) if isinstance(content, bytes) else 0
        if len(chunk) == CHUNK or held > CHUNK_BYTES:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _decode_all(
    source: Path, files: Iterator[tuple[str, bytes | str]], pool: ProcessPoolExecutor, form: Form
) -> Iterator[tuple[list[str], np.ndarray | None, list[Size], int]]:
    """Decode in parallel, in order, with only a few chunks under way, so that a large archive is never held whole."""
    pixels_left = FREE_PIXELS
    pending: deque[tuple[list[str], Future[tuple[np.ndarray | None, list[Size], int, int]]]] = deque()
    for chunk in itertools.chain(_chunks(files), itertools.repeat(None)):
        if chunk:
            shown = [(f"{source}/{name}", content) for name, content in chunk]
            pending.append(([name for name, _ in chunk], pool.submit(decode_images, shown, form)))
        if len(pending) > 8 or not chunk:
            if not pending:
                return
            names, future = pending.popleft()
            decoded, sizes, size, several = future.result()
            pixels_left += PIXELS_PER_BYTE * size - sum(height * width for height, width in sizes)
            _require_budget(f"{source}/{names[-1]}", pixels_left)
            yield names, decoded, sizes, several


def _require_budget(name: str, pixels_left: int) -> None:
    if pixels_left < 0:
        raise UserError(f"{name}: images of far more pixels than bytes, a decompression bomb; scale them down first")


def decode_images(files: Files, form: Form) -> tuple[np.ndarray | None, list[Size], int, int]:
    """Decode files into one array, uint8, None where they have different sizes; also return these, the files' bytes, and how
    many of them hold several pictures.

    UserError names the file that is no image.
    """
    images: list[np.ndarray] = []
    sizes: list[Size] = []
    total = pixels = several = 0
    for name, content in files:
        found = content if isinstance(content, bytes) else read_file(content)
        image, own = read_fitted(name, found, form)
        if not images or image.shape == images[0].shape:
            images.append(image)
        sizes.append(own)
        several += holds_several(found)
        total, pixels = total + len(found), pixels + own[0] * own[1]
        _require_budget(name, FREE_PIXELS + PIXELS_PER_BYTE * total - pixels)
    return np.stack(images) if len(images) == len(files) else None, sizes, total, several


def read_file(path: str) -> bytes:
    """Read an image file; UserError where it is too large for one."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path for each of 70,000 files takes as long as reading)
        check_size(path, os.fstat(file.fileno()).st_size)
        return file.read()
