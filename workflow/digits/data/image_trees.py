"""A data set of image files in a folder, a .tgz or a .zip: their layout, classes, order and parts.

The order is by number where all names are numbers, as in the original files, else by class and name.
"""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digits.core.arrays import label_type
from digits.core.command import UserError, listed, log, warn
from digits.data.collection import Collection, Form
from digits.data.layout import Item, Layout, read_layout
from digits.data.partition import chosen_for_testing, digests, group_key, parted
from digits.data.reading import read_images
from digits.data.tensors import Split

MOST_CLASSES = 2**16


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
    for note in layout.notes:
        warn(note)
    if layout.passed_over:
        why = "no image of a class" if wanted.labels is None else f"not in {wanted.labels}"
        log(f"passed over {listed(layout.passed_over)}: {why}")
    tables = [name for name in layout.passed_over if name.endswith(".csv")]
    if wanted.labels is None and tables and len({item.class_name for item in layout.items}) < 2:
        raise UserError(
            f"{source}: no folders for classes; if {tables[0]} has the labels, set `dataset: {{labels: {tables[0]}}}`"
        )
    if not layout.items:
        folders = sorted({name.split("/")[0] for name in layout.passed_over if "/" in name})
        there = f"; found {', '.join(folders[:5])}" if folders else ""
        notes = "".join(f"; {note}" for note in layout.notes)
        raise UserError(f"{source}: no images found; expected a folder for each class, <class>/<file>{there}{notes}")
    parts = _parts(source, layout, wanted)
    classes = sorted({item.class_name for item in layout.items} | set(layout.empty), key=_natural)
    _check_classes(source, layout, classes, parts)
    index = {name: number for number, name in enumerate(classes)}
    items = [item for part in parts.values() for item in _ordered([i for i in layout.items if i.part in part], index)]
    names = [item.name for item in items]
    if wanted.test_fraction is None:
        test = np.array([item.part not in parts["train"] for item in items])
        _check_groups(items, test)
    images, sizes = read_images(source, names, workers, wanted.form)
    labels = np.array([index[item.class_name] for item in items], label_type(len(classes)))
    hashes, split_by = None, "folders"
    if wanted.test_fraction is not None:
        hashes, split_by = digests(images), "content" if wanted.group is None else "group"
        groups = [item.group for item in items]
        keys = [key if group is None else group_key(group) for group, key in zip(groups, hashes, strict=True)]
        test = chosen_for_testing(keys, labels, classes, wanted.test_fraction)
        if wanted.group is not None:
            _warn_of_uneven_groups(test, labels, classes, wanted.test_fraction)
    mask = {"train": ~test, "test": test}
    of_part = dict(zip(mask, parted(images, test), strict=True))
    splits = {part: Split(of_part[part], labels[mask[part]], classes) for part in mask}
    if wanted.group is not None:
        trained = [item.group for item in itertools.compress(items, mask["train"])]
        number = {group: number for number, group in enumerate(dict.fromkeys(trained))}
        splits["train"] = splits["train"]._replace(groups=np.array([number[group] for group in trained], np.uint32))
    return Collection(
        splits,
        {part: list(itertools.compress(names, mask[part])) for part in mask},
        sizes,
        split_by,
        layout.passed_over,
        None if hashes is None else {part: list(itertools.compress(hashes, mask[part])) for part in mask},
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
        where = "no test part, such as train/<class>/ and test/<class>/" if None in found else "only a training part"
        raise UserError(f"{source}: {where}; hold back some images for testing with `dataset: {{test_fraction: 0.2}}`")
    if "train" not in found:
        raise UserError(f"{source}: no training part, train/<class>/<file>; found {', '.join(sorted(map(str, found)))}")
    if "test" in found:
        if "validation" in found:
            log("the validation part is added to the training images: recipes hold out their own")
        return {"train": {"train", "validation"}, "test": {"test"}}
    log("there is no test part: the validation part is used for testing")
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
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(name.casefold(), []).append(name)
    for same in spellings.values():
        if len(same) > 1:
            warn(f"two classes, '{same[0]}' and '{same[1]}': if they are one class, spell it the same way")


def _check_groups(items: list[Item], test: np.ndarray) -> None:
    """Stop where a group has images in both parts: its test images would not be unseen."""
    trained = {item.group: item.name for item in itertools.compress(items, ~test) if item.group is not None}
    for item in itertools.compress(items, test):
        if item.group in trained:
            raise UserError(
                f"dataset.group: '{item.group}' is in both parts, {trained[item.group]} and {item.name}; move its images "
                "into one of them, or leave group out"
            )


def _warn_of_uneven_groups(test: np.ndarray, labels: np.ndarray, classes: list[str], fraction: float) -> None:
    """Warn where groups are so large that a class has less than half of its fraction in the test part, or more than twice."""
    tested, counts = (np.bincount(some, minlength=len(classes)) for some in (labels[test], labels))
    far = np.flatnonzero((tested < fraction / 2 * counts) | (tested > 2 * fraction * counts))
    if len(far):
        uneven = [f"{tested[number]:,} of {counts[number]:,} images of '{classes[number]}'" for number in far]
        warn(
            f"dataset.group: test_fraction is {fraction:.0%}, but with these groups the test part has {listed(uneven)}"
        )


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
