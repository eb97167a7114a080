"""Image files in a folder, a .tgz or a .zip, as one array: each is decoded, brought to its form and put into its place.

The layout says what is read (`layout.py`). The order is by number where all names are numbers, as in the original files,
else by class and name; it is known before an image is decoded, so that nothing is held but the result.
"""

import itertools
import os
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from digits.core.arrays import label_type
from digits.core.command import UserError, log
from digits.data.archives import archive_files
from digits.data.collection import Collection, Form, Size
from digits.data.decoding import check_size
from digits.data.layout import Item, Layout, read_layout
from digits.data.partition import chosen_for_testing, digests, group_key, parted
from digits.data.resize import read_fitted
from digits.data.tensors import Split
from digits.data.tree_paths import files_below

CHUNK, CHUNK_BYTES = (
    256,
    2**22,
)  # images a worker decodes at a time, and bytes of their files, where they are in an archive
FREE_PIXELS, PIXELS_PER_BYTE = 2**28, 100  # of all images: so many, and so many for each byte of their files
MOST_CLASSES = 2**16
SIZES = (64, 32, 16)  # to propose
Files = list[tuple[str, bytes | str]]  # name, and content or path


class Wanted(NamedTuple):
    """How to read a tree of images."""

    labels: str | None = None  # the table of file and label
    test_fraction: float | None = None
    group: str | None = None
    form: Form = Form()


AS_IT_IS = Wanted()


def read_image_tree(source: Path, workers: int, wanted: Wanted = AS_IT_IS) -> Collection:
    """Read a folder or archive of image files. UserError names the file at fault, or what the configuration lacks."""
    layout = read_layout(source, wanted.labels, wanted.group)
    if layout.passed_over:
        others = f" and {len(layout.passed_over) - 1:,} more" if len(layout.passed_over) > 1 else ""
        log(f"passed over {layout.passed_over[0]}{others}: no image of a class")
    if not layout.items:
        folders = sorted({name.split("/")[0] for name in layout.passed_over if "/" in name})
        there = f"; found {', '.join(folders[:5])}" if folders else ""
        raise UserError(f"{source}: no images found; expected a folder for each class, <class>/<file>{there}")
    parts = _parts(source, layout, wanted)
    classes = sorted({item.class_name for item in layout.items} | set(layout.empty), key=_natural)
    _check_classes(source, layout, classes, parts)
    index = {name: number for number, name in enumerate(classes)}
    items = [item for part in parts.values() for item in _ordered([i for i in layout.items if i.part in part], index)]
    images, sizes = _read_images(source, items, workers, wanted.form)
    labels = np.array([index[item.class_name] for item in items], label_type(len(classes)))
    names = [item.name for item in items]
    if wanted.test_fraction is None:
        count = sum(item.part in parts["train"] for item in items)
        rows = {"train": slice(count), "test": slice(count, None)}
        splits = {part: Split(images[row], labels[row], classes) for part, row in rows.items()}
        return Collection(
            splits, {part: names[row] for part, row in rows.items()}, sizes, "folders", layout.passed_over
        )
    hashes = digests(images)
    keys = [group_key(item.group) if item.group is not None else key for item, key in zip(items, hashes, strict=True)]
    test = chosen_for_testing(keys, labels, classes, wanted.test_fraction)
    mask = {"train": ~test, "test": test}
    of_part = dict(zip(mask, parted(images, test), strict=True))
    return Collection(
        {part: Split(of_part[part], labels[mask[part]], classes) for part in mask},
        {part: list(itertools.compress(names, mask[part])) for part in mask},
        sizes,
        "content" if wanted.group is None else "group",
        layout.passed_over,
        {part: list(itertools.compress(hashes, mask[part])) for part in mask},
    )


def _parts(source: Path, layout: Layout, wanted: Wanted) -> dict[str, set[str | None]]:
    """Return which of the parts found are for training and which for testing, or `all` where a fraction is to be tested on."""
    found = {item.part for item in layout.items}
    if wanted.test_fraction is not None:
        if len(found) > 1:
            raise UserError(
                f"dataset.test_fraction: {source} has parts already ({', '.join(sorted(map(str, found)))}); leave it out, or "
                "name the folder of one of them"
            )
        return {"all": found}
    if found <= {None, "train"}:
        where = "no test part, such as train/<class>/ and test/<class>/" if None in found else "a training part alone"
        raise UserError(f"{source}: {where}; have some images tested on by `dataset: {{test_fraction: 0.2}}`")
    if "train" not in found:
        raise UserError(f"{source}: no training part, train/<class>/<file>; found {', '.join(sorted(map(str, found)))}")
    if "test" in found:
        if "validation" in found:
            log("the validation part joins the training images: recipes hold out their own")
        return {"train": {"train", "validation"}, "test": {"test"}}
    log("there is no test part: the validation part is tested on")
    return {"train": {"train"}, "test": {"validation"}}


def _check_classes(source: Path, layout: Layout, classes: list[str], parts: dict[str, set[str | None]]) -> None:
    if len(classes) > MOST_CLASSES:
        raise UserError(f"{source}: {len(classes):,} classes; at most {MOST_CLASSES:,} fit a label's two bytes")
    found = {(item.part, item.class_name) for item in layout.items}
    for part, name in itertools.product(parts, classes):
        if not any((of, name) in found for of in parts[part]):
            other = [known for known in classes if known != name and known.casefold() == name.casefold()]
            meant = f"; '{other[0]}' is another class: two spellings of one name?" if other else ""
            where = "" if part == "all" else f" in the {part}ing part; every class needs some in both"
            raise UserError(f"{source}: no images of class '{name}'{where}{meant}")


def _ordered(items: list[Item], index: dict[str, int]) -> list[Item]:
    stems = {item.name: _stem(item.name) for item in items}
    if all(stem.isdecimal() for stem in stems.values()):
        return sorted(items, key=lambda item: (int(stems[item.name]), index[item.class_name], item.name))
    return sorted(items, key=lambda item: (index[item.class_name], _natural(item.name)))


def _stem(name: str) -> str:
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Order '9' before '10', and a name always at the same place."""
    return [(int(number or 0), text) for number, text in re.findall(r"(\d*)(\D*)", name, re.ASCII)], name


def _read_images(source: Path, items: list[Item], workers: int, form: Form) -> tuple[np.ndarray, list[Size]]:
    """Decode the items' files in parallel, each into its place; also return the size of each."""
    places = {item.name: number for number, item in enumerate(items)}
    images = np.empty(0, np.uint8)
    sizes: list[Size] = []
    first = ""
    with ProcessPoolExecutor(workers) as pool:
        try:
            for names, decoded, found in _decode_all(source, _contents(source, places), pool, form):
                first = first or names[0]
                sizes += found
                if decoded is None or (images.size and images.shape[1:] != decoded.shape[1:]):
                    _refuse_sizes(source, first, dict(zip(names, found, strict=True)), sizes)
                elif not images.size:
                    images = np.empty((len(items), *decoded.shape[1:]), np.uint8)
                images[[places[name] for name in names]] = decoded
        except BrokenProcessPool as error:
            raise UserError(
                f"{source}: a process that decodes images was killed; is there enough memory? Start again, on fewer cores"
            ) from error
    return images, sizes


def _refuse_sizes(source: Path, first: str, found: dict[str, Size], sizes: list[Size]) -> NoReturn:
    """Stop with a size to bring images of different ones to: not above the median of those found."""
    other = next(name for name, size in found.items() if size != sizes[0])
    (height, width), (other_height, other_width) = sizes[0], found[other]
    middle = sorted(map(min, sizes))[len(sizes) // 2]
    side = next((side for side in SIZES if side <= middle), SIZES[-1])
    raise UserError(
        f"images of different sizes: {source}/{first} is {width}×{height}, {source}/{other} is {other_width}×{other_height}; "
        f"bring all to one by `dataset: {{size: [{side}, {side}]}}`"
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
) -> Iterator[tuple[list[str], np.ndarray | None, list[Size]]]:
    """Decode in parallel, in order, with only a few chunks under way, so that a large archive is never held whole."""
    pixels_left = FREE_PIXELS
    pending: deque[tuple[list[str], Future[tuple[np.ndarray | None, list[Size], int]]]] = deque()
    for chunk in itertools.chain(_chunks(files), itertools.repeat(None)):
        if chunk:
            shown = [(f"{source}/{name}", content) for name, content in chunk]
            pending.append(([name for name, _ in chunk], pool.submit(decode_images, shown, form)))
        if len(pending) > 8 or not chunk:
            if not pending:
                return
            names, future = pending.popleft()
            decoded, sizes, size = future.result()
            pixels_left += PIXELS_PER_BYTE * size - sum(height * width for height, width in sizes)
            _require_budget(f"{source}/{names[-1]}", pixels_left)
            yield names, decoded, sizes


def _require_budget(name: str, pixels_left: int) -> None:
    if pixels_left < 0:
        raise UserError(f"{name}: images of far more pixels than bytes, a decompression bomb; scale them down first")


def decode_images(files: Files, form: Form) -> tuple[np.ndarray | None, list[Size], int]:
    """Decode files into one array, uint8, None where they have different sizes; also return these, and the files' bytes.

    UserError names the file that is no image.
    """
    images: list[np.ndarray] = []
    sizes: list[Size] = []
    total = pixels = 0
    for name, content in files:
        found = content if isinstance(content, bytes) else read_file(content)
        image, own = read_fitted(name, found, form)
        if not images or image.shape == images[0].shape:
            images.append(image)
        sizes.append(own)
        total, pixels = total + len(found), pixels + own[0] * own[1]
        _require_budget(name, FREE_PIXELS + PIXELS_PER_BYTE * total - pixels)
    return np.stack(images) if len(images) == len(files) else None, sizes, total


def read_file(path: str) -> bytes:
    """Read an image file; UserError where it is too large for one."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path for each of 70,000 files takes as long as reading)
        check_size(path, os.fstat(file.fileno()).st_size)
        return file.read()
