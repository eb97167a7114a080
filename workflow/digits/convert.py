"""Convert a data set to the cached tensor files that everything after reads.

Two readers, one result: `idx` takes the four raw IDX files, `images` a folder, .tgz or .zip of image files with one
folder a class. The MNIST images give byte-identical tensor files either way.
"""

from pathlib import Path

import numpy as np

from digits.core.command import UserError, log, run
from digits.core.files import whole_files
from digits.core.options import command_parser
from digits.data.idx import read_idx_pair
from digits.data.tensors import Split, save_split


def from_idx(train_images: Path, train_labels: Path, test_images: Path, test_labels: Path) -> dict[str, Split]:
    """Read the two splits from IDX files; classes are named by their numbers, those of which there are training images."""
    pairs = {"train": read_idx_pair(train_images, train_labels), "test": read_idx_pair(test_images, test_labels)}
    numbers = np.unique(pairs["train"][1])
    if unknown := sorted(set(pairs["test"][1].tolist()) - set(numbers.tolist())):
        raise UserError(
            f"{test_labels}: label {unknown[0]}, of which {train_labels} has none; take all four files from one data set"
        )
    if pairs["train"][0].shape[1:] != pairs["test"][0].shape[1:]:
        sizes = ["×".join(map(str, images.shape[1:])) for images, _ in pairs.values()]
        raise UserError(
            f"images of {sizes[0]} pixels in {train_images}, of {sizes[1]} in {test_images}; take all four files from one data set"
        )
    return {
        name: Split(images, np.searchsorted(numbers, labels).astype(np.uint8), [str(number) for number in numbers])
        for name, (images, labels) in pairs.items()
    }


def take(split: Split, limit: int | None) -> Split:
    """Keep at most `limit` images, evenly spaced, in their order: a small set that still has every class."""
    if limit is None or limit >= len(split.images):
        return split
    kept = np.linspace(0, len(split.images) - 1, limit).round().astype(int)
    return Split(split.images[kept], split.labels[kept], split.classes)


def require_classes(train: Split) -> None:
    """Stop where there is nothing to tell apart, or a limit leaves no image of a class to learn from."""
    if len(train.classes) == 1:
        raise UserError(f"one class alone, '{train.classes[0]}'; a network needs at least two to tell apart")
    without = sorted(set(range(len(train.classes))) - set(train.labels.tolist()))
    if without:
        raise UserError(f"--train-limit: leaves no image of class '{train.classes[without[0]]}'; take more images")


def main() -> None:
    parser = command_parser("convert", __doc__)
    commands = parser.add_subparsers(dest="format", required=True)
    idx = commands.add_parser("idx", help="the four raw IDX files")
    for name in ("train-images", "train-labels", "test-images", "test-labels"):
        idx.file(f"--{name}", "raw IDX file")
    images = commands.add_parser("images", help="a folder, .tgz or .zip of image files")
    images.folder("--source", "folder or archive")
    images.add_argument("--workers", type=int, default=1, help="processes that decode (default: 1)")
    for command in (idx, images):
        command.output("--train", "safetensors file to write")
        command.output("--test", "safetensors file to write")
        command.add_argument("--train-limit", type=int, help="keep only so many training images (default: all)")
        command.add_argument("--test-limit", type=int, help="keep only so many test images (default: all)")
    args = parser.parse_args()

    if args.format == "idx":
        splits = from_idx(args.train_images, args.train_labels, args.test_images, args.test_labels)
    else:
        from digits.data.image_trees import read_image_tree  # only here: Pillow is not needed for IDX files

        splits = read_image_tree(args.source, args.workers)
    splits = {"train": take(splits["train"], args.train_limit), "test": take(splits["test"], args.test_limit)}
    require_classes(splits["train"])
    with whole_files(args.train, args.test, made_from=args.made_from) as (train, test):
        save_split(train, splits["train"])
        save_split(test, splits["test"])
    for name, split in splits.items():
        count, height, width = split.images.shape
        log(f"{name}: {count:,} images of {height}×{width} in {len(split.classes)} classes")


if __name__ == "__main__":
    run(main)
