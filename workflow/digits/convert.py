"""Convert a data set to the cached tensor files that everything after reads.

Two readers, one result: `idx` takes the four raw IDX files, `images` a folder, .tgz or .zip of image files, with a folder
for each class or a table of labels. The MNIST images give byte-identical tensor files either way. The datasheet beside the
tensors says what was found: sizes, duplicates, how many images of each class are in which part, and why.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from digits.core.command import UserError, log, run, warn
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.collection import FITS, LARGEST, Collection, Form
from digits.data.datasheet import datasheet, save_datasheet, save_files
from digits.data.idx import read_idx_pair
from digits.data.tensors import Split, save_split
from digits.data.tree_paths import clean_name

MOST_WORKERS = 64
LONGEST_NAME = 255  # characters, as of a folder


def from_idx(files: Sequence[Path], class_names: Sequence[str] = ()) -> dict[str, Split]:
    """Read the two splits from four IDX files: images and labels to train on, and to test with.

    The classes are the numbers of which there are training images, called by them or by the names given in their order.
    """
    train_images, train_labels, test_images, test_labels = files
    pairs = {"train": read_idx_pair(train_images, train_labels), "test": read_idx_pair(test_images, test_labels)}
    numbers = np.unique(pairs["train"][1])
    if unknown := sorted(set(pairs["test"][1].tolist()) - set(numbers.tolist())):
        raise UserError(
            f"{test_labels}: label {unknown[0]} does not occur in {train_labels}; take all four files from one data set"
        )
    if pairs["train"][0].shape[1:] != pairs["test"][0].shape[1:]:
        sizes = ["×".join(map(str, images.shape[1:])) for images, _ in pairs.values()]
        raise UserError(
            f"images of {sizes[0]} pixels in {train_images}, of {sizes[1]} in {test_images}; take all four files from one data set"
        )
    if class_names and len(class_names) != len(numbers):
        raise UserError(
            f"dataset.class_names: {len(class_names)} names, but {train_labels} has {len(numbers)} labels, {numbers[0]} to "
            f"{numbers[-1]}; give each a name, in their order"
        )
    names = [clean_name(name, "dataset.class_names: ") for name in class_names]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise UserError(f"dataset.class_names: '{twice[0]}' appears twice; name each class once")
    classes = names or [str(number) for number in numbers]
    return {
        name: Split(images, np.searchsorted(numbers, labels).astype(np.uint8), classes)
        for name, (images, labels) in pairs.items()
    }


def limited(found: Collection, limits: Mapping[str, int | None]) -> Collection:
    """Keep of each part as many images as its limit says, evenly spaced, in their order: a small set has every class, too."""
    splits, names, hashes = dict(found.splits), dict(found.names), dict(found.hashes or {})
    for part, split in found.splits.items():
        limit = limits[part]
        if limit is None or limit >= len(split.labels):
            continue
        kept = np.linspace(0, len(split.labels) - 1, limit).round().astype(int)
        groups = None if split.groups is None else split.groups[kept]
        splits[part] = Split(split.images[kept], split.labels[kept], split.classes, groups)
        names[part] = [names[part][number] for number in kept]
        if hashes:
            hashes[part] = [hashes[part][number] for number in kept]
    return found._replace(splits=splits, names=names, hashes=hashes or None)


def require_classes(train: Split) -> None:
    """Stop where a name is no name, there is nothing to tell apart, or a limit leaves no image of a class to learn from."""
    if long := [name for name in train.classes if len(name) > LONGEST_NAME]:
        raise UserError(
            f"a class name of {len(long[0]):,} characters, '{long[0][:40]}…'; at most {LONGEST_NAME} are allowed"
        )
    if len(train.classes) == 1:
        raise UserError(f"only one class, '{train.classes[0]}'; a network needs at least two to tell apart")
    without = sorted(set(range(len(train.classes))) - set(train.labels.tolist()))
    if without:
        raise UserError(f"--train-limit: leaves no image of class '{train.classes[without[0]]}'; take more images")


def check_numbers(args: argparse.Namespace) -> None:
    """Stop where an option's number is out of its bounds, which Snakemake checks in a configuration."""
    bounds = {"train_limit": (1, None), "test_limit": (1, None), "size": (1, LARGEST), "workers": (1, MOST_WORKERS)}
    for name, (low, high) in bounds.items():
        given = getattr(args, name, None)
        for number in given if isinstance(given, list) else [given]:
            if number is not None and not low <= number <= (high or number):
                to = f" to {high:,}" if high else " or more"
                raise UserError(f"--{name.replace('_', '-')}: {number}; expected {low}{to}")
    fraction = getattr(args, "test_fraction", None)
    if fraction is not None and not 0 < fraction < 1:  # NaN is neither
        raise UserError(f"--test-fraction: {fraction:g}; expected a number between 0 and 1")


def main() -> None:
    parser = command_parser("convert", __doc__)
    commands = parser.add_subparsers(dest="format", required=True)
    idx = commands.add_parser("idx", help="the four raw IDX files")
    for name in ("train-images", "train-labels", "test-images", "test-labels"):
        idx.file(f"--{name}", "raw IDX file")
    idx.add_argument("--class-name", action="append", default=[], help="of each label in turn (default: its number)")
    images = commands.add_parser("images", help="a folder, .tgz or .zip of image files")
    images.folder("--source", "folder or archive")
    images.add_argument("--workers", type=int, default=1, help="processes that decode (default: 1)")
    images.add_argument(
        "--labels", help="table of file and label, in the source or beside it (default: folders are classes)"
    )
    images.add_argument(
        "--test-fraction", type=float, help="of images without parts, test on so many (default: refuse them)"
    )
    images.add_argument("--group", help="column of the table, or pattern with one group, of what is to stay together")
    images.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="pixels (default: as they are)")
    images.add_argument(
        "--fit", choices=FITS, default=FITS[0], help=f"how an image fills another size (default: {FITS[0]})"
    )
    images.add_argument("--colour", action="store_true", help="keep red, green and blue (default: grey)")
    images.output("--files", "CSV file to write: which file each image comes from (default: none)", required=False)
    for command in (idx, images):
        command.output("--train", "safetensors file to write")
        command.output("--test", "safetensors file to write")
        command.output("--datasheet", "JSON file to write: what was found (default: none)", required=False)
        command.add_argument("--train-limit", type=int, help="keep only so many training images (default: all)")
        command.add_argument("--test-limit", type=int, help="keep only so many test images (default: all)")
    args = parser.parse_args()
    check_numbers(args)

    how = {"test_fraction": None, "group": None, "fit": None}
    if args.format == "idx":
        files = (args.train_images, args.train_labels, args.test_images, args.test_labels)
        splits = from_idx(files, args.class_name)
        names = {part: [f"{part} {number}" for number in range(len(split.labels))] for part, split in splits.items()}
        found = Collection(splits, names, [splits["train"].images.shape[1:]], "files")
    else:
        from digits.data.image_trees import Wanted, read_image_tree  # only here: Pillow is not needed for IDX files

        form = Form(args.size and tuple(args.size), args.fit, args.colour)
        found = read_image_tree(args.source, args.workers, Wanted(args.labels, args.test_fraction, args.group, form))
        how = {"test_fraction": args.test_fraction, "group": args.group, "fit": args.fit if args.size else None}
    found = limited(found, {"train": args.train_limit, "test": args.test_limit})
    require_classes(found.splits["train"])
    results: list[tuple[Path, Callable[[Path], None]]] = [
        (args.train, partial(save_split, split=found.splits["train"])),
        (args.test, partial(save_split, split=found.splits["test"])),
    ]
    if args.datasheet:
        sheet = datasheet(found, how)
        results.append((args.datasheet, partial(save_datasheet, sheet=sheet)))
        if pair := sheet["duplicates"]["contradictory"]["example"]:
            warn(f"{pair[0]} and {pair[1]} are identical, but in two classes (the datasheet counts such images)")
    if args.format == "images" and args.files:
        results.append((args.files, partial(save_files, found=found)))
    with whole_files(*(path for path, _ in results), made_from=args.made_from) as parts:
        for part, (_, write) in zip(parts, results, strict=True):
            write(part)
    for name, split in found.splits.items():
        count, height, width = len(split.labels), *split.images.shape[-2:]
        colour = " in colour" if split.images.ndim == 4 else ""
        log(f"{name}: {count:,} images of {height}×{width}{colour} in {len(split.classes)} classes")


if __name__ == "__main__":
    run(main)
