"""What was found in a data set, and how it was divided.

The datasheet, `results/tensors/datasheet.json`, and for image files `files.csv` beside it, which has the file of each image.
"""

import csv
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from digits.core.fields import AMOUNT, COUNT, FLAG, ORDINAL, SHARE, TEXT, Kind, Maybe, Rule, read_json
from digits.data.collection import Collection
from digits.data.duplicates import NEAR, counted, exact_duplicates, near_duplicates, thumbnails
from digits.data.form import FORMS, form_of
from digits.data.partition import digests

# How the parts came about: the IDX files are parts; so are folders, or values of a table; a hash of the pixels or the group.
SPLITS = ("files", "folders", "content", "group")
SIZE = (ORDINAL, ORDINAL)  # height and width
FOUND = {"images": COUNT, "example": Maybe((TEXT, TEXT))}  # of the images' names
DATASHEET = Kind(
    "digits.convert",
    {
        "split_by": TEXT,
        "test_fraction": Maybe(SHARE),
        "group": Maybe(TEXT),
        "images": {"train": COUNT, "test": COUNT},
        "classes": [{"class": TEXT, "train": COUNT, "test": COUNT}],
        "colour": FLAG,
        "form": TEXT,
        "size": SIZE,
        "fit": Maybe(TEXT),
        "sizes_found": {"smallest": SIZE, "median": SIZE, "largest": SIZE, "distinct": ORDINAL},
        "duplicates": {"train": FOUND, "test": FOUND, "across": FOUND, "contradictory": FOUND},
        "near_duplicates": {**FOUND, "at_most": AMOUNT},
        "passed_over": {"files": COUNT, "example": Maybe(TEXT)},
    },
    [
        Rule("split_by", f"one of {', '.join(SPLITS)}", lambda it: it["split_by"] in SPLITS),
        Rule("form", f"one of {', '.join(FORMS)}", lambda it: it["form"] in FORMS),
        Rule(
            "images",
            "the sums over classes",
            lambda it: all(_sum(it, part) == it["images"][part] for part in it["images"]),
        ),
    ],
)
FILES = Kind(
    "digits.convert",
    {"part": TEXT, "number": COUNT, "class": TEXT, "file": TEXT},
    [
        Rule("part", "train or test", lambda table: table["part"].isin(("train", "test"))),
        Rule("number", "counted from 0 in its part", lambda t: t["number"] == t.groupby("part").cumcount()),
    ],
)


def _sum(sheet: Mapping[str, Any], part: str) -> int:
    return sum(row[part] for row in sheet["classes"])


def datasheet(found: Collection, how: Mapping[str, Any]) -> dict[str, Any]:
    """Return what DATASHEET declares; `how` has its keys that the configuration decides."""
    splits, names = found.splits, found.names
    train, test = splits["train"], splits["test"]
    hashes = found.hashes or {part: digests(split.images) for part, split in splits.items()}
    small = thumbnails(train.images), thumbnails(test.images)
    near = [(names["train"][one], names["test"][other]) for other, one in near_duplicates(*small)]
    counts = {part: np.bincount(split.labels, minlength=len(train.classes)).tolist() for part, split in splits.items()}
    by_area = sorted(found.sizes, key=lambda size: (size[0] * size[1], size))
    return {
        "split_by": found.split_by,
        **how,
        "images": {part: len(split.labels) for part, split in splits.items()},
        "classes": [
            {"class": name, **{part: counts[part][number] for part in splits}}
            for number, name in enumerate(train.classes)
        ],
        "colour": train.images.ndim == 4,
        "form": form_of(train.images),
        "size": list(train.images.shape[-2:]),
        "sizes_found": {
            "smallest": list(by_area[0]),
            "median": list(by_area[(len(by_area) - 1) // 2]),
            "largest": list(by_area[-1]),
            "distinct": len(set(found.sizes)),
        },
        "duplicates": exact_duplicates(hashes, {part: split.labels for part, split in splits.items()}, names),
        "near_duplicates": {**counted(near), "at_most": NEAR},
        "passed_over": {
            "files": len(found.passed_over),
            "example": found.passed_over[0] if found.passed_over else None,
        },
    }


def save_datasheet(path: Path, sheet: Mapping[str, Any]) -> None:
    """Write a datasheet as JSON."""
    path.write_text(json.dumps(sheet, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def save_files(path: Path, found: Collection) -> None:
    """Write which file each image comes from, as FILES declares it: by part, in the order of the tensors."""
    with path.open("w", encoding="utf-8", newline="") as target:
        table = csv.writer(target, lineterminator="\n")
        table.writerow(FILES.holds)
        for part, split in found.splits.items():
            classes = (split.classes[label] for label in split.labels.tolist())
            table.writerows(zip(itertools.repeat(part), itertools.count(), classes, found.names[part], strict=False))


def load_datasheet(path: Path) -> dict[str, Any]:
    """Read what save_datasheet wrote; UserError, naming the file, where it is something else."""
    sheet: dict[str, Any] = read_json(path, DATASHEET)
    return sheet
