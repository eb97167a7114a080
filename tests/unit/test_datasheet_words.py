"""What the report says of the data follows the datasheet."""

from typing import Any

import pytest
from digits.rendering.datasheet_words import division, duplicates, files, passed_over, sizes

NONE = {"images": 0, "example": None}
SHEET: dict[str, Any] = {
    "split_by": "files",
    "test_fraction": None,
    "group": None,
    "size": [28, 28],
    "fit": None,
    "sizes_found": {"smallest": [28, 28], "median": [28, 28], "largest": [28, 28], "distinct": 1},
    "duplicates": dict.fromkeys(("train", "test", "across", "contradictory"), NONE),
    "near_duplicates": {**NONE, "at_most": 5},
    "passed_over": {"files": 0, "example": None},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "The files say"),
        ({"split_by": "folders"}, "The folders, or the table of labels, say"),
        (
            {"split_by": "folders", "group": "writer"},
            "Recipes hold out all images of a group together (`group`: writer).",
        ),
        (
            {"split_by": "content", "test_fraction": 0.2},
            "About 20\u202f% of the images were set aside as test images, by their content",
        ),
        (
            {"split_by": "group", "test_fraction": 0.2, "group": "the *_one*"},
            r"together (`group`: the \*\_one\*); recipes hold out groups",
        ),
    ],
)
def test_how_the_images_were_divided(changes: dict[str, Any], said: str) -> None:
    assert said in division(SHEET | changes)


def test_sizes_are_told_where_images_were_scaled() -> None:
    assert not sizes(SHEET)
    found = {"smallest": [20, 30], "median": [64, 48], "largest": [500, 400], "distinct": 1200}
    assert sizes(SHEET | {"sizes_found": found, "fit": "crop"}) == (
        "The files have 1,200 sizes, from 20×30 to 500×400 pixels (median 64×48); all were resized to 28×28 (`fit: crop`)."
    )
    scaled = {**SHEET["sizes_found"], "smallest": [56, 56], "median": [56, 56], "largest": [56, 56]}
    assert sizes(SHEET | {"sizes_found": scaled, "fit": "pad"}).startswith("The files have one size, 56×56 pixels; all")


def test_what_is_there_twice_is_counted_and_named() -> None:
    assert duplicates(SHEET) == ["No exact or near duplicates were found."]
    one = {"images": 1, "example": ["a_1.png", "b*.png"]}
    across = {**SHEET["duplicates"], "across": one, "contradictory": {**one, "images": 2}}
    lines = duplicates(SHEET | {"duplicates": across, "near_duplicates": {**one, "images": 2, "at_most": 5}})
    assert lines == [
        r"1 test image is identical to a training image, and so says nothing about unseen ones: b\*\.png, like a\_1\.png.",
        "2 images are identical to one with another label, so at least one of the two labels is wrong: "
        r"b\*\.png, like a\_1\.png.",
        "2 test images are identical or nearly identical to a training image (means over 16×16 areas that differ by at most 5 of 255 "
        r"levels, and by at most a fifth of their contrast): b\*\.png, like a\_1\.png, and others.",
    ]
    assert len(duplicates(SHEET | {"duplicates": across, "near_duplicates": {**one, "at_most": 5}})) == 2, (
        "no other ones"
    )
    many = {"images": 1200, "example": ["{a}", "b"]}
    assert duplicates(SHEET | {"duplicates": {**SHEET["duplicates"], "train": many}}) == [
        r"1,200 training images are identical to another one: b, like \{a\}, and others."
    ]


def test_the_file_of_each_image_is_told_where_it_has_one() -> None:
    assert not files(SHEET)
    assert files(SHEET | {"split_by": "content"}) == " `results/tensors/files.csv` lists the file of each image number."


def test_files_that_are_no_images_are_told() -> None:
    assert not passed_over(SHEET)
    assert (
        passed_over(SHEET | {"passed_over": {"files": 3, "example": "notes.txt"}})
        == "3 files were passed over, such as notes\\.txt."
    )
