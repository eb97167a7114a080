"""What the report says of a data set's datasheet."""

from collections.abc import Mapping
from typing import Any

from digits.rendering.page import escaped, percent


def division(sheet: Mapping[str, Any]) -> str:
    """Say, in Markdown, how the images came to be training or test images."""
    if sheet["split_by"] == "files":
        return "The files say which are training and which test images."
    groups = f"all images of a group together (`group`: {escaped(sheet['group'])})" if sheet["group"] else ""
    if sheet["split_by"] == "folders":
        held = f" Recipes hold out {groups}." if groups else ""
        return f"The folders, or the table of labels, say which are training and which test images.{held}"
    share = f"About {percent(sheet['test_fraction'], 0)} of the images were set aside as test images"
    if groups:
        return f"{share}, {groups}; recipes hold out groups in the same way."
    return (
        f"{share}, by their content: the choice stays the same when images are added, and identical ones stay together."
    )


def sizes(sheet: Mapping[str, Any]) -> str:
    """Say, in Markdown, which sizes the files had and how they were brought to one; nothing where they had one already."""
    found, size = sheet["sizes_found"], sheet["size"]
    if found["distinct"] == 1 and found["smallest"] == size:
        return ""
    smallest, median, largest = (
        f"{height}×{width}" for height, width in map(found.get, ("smallest", "median", "largest"))
    )
    many = (
        f"{found['distinct']:,} sizes, from {smallest} to {largest} pixels (median {median})"
        if found["distinct"] > 1
        else f"one size, {smallest} pixels"
    )
    return f"The files have {many}; all were resized to {size[0]}×{size[1]} (`fit: {sheet['fit']}`)."


def duplicates(sheet: Mapping[str, Any]) -> list[str]:
    """Say, in Markdown, what was found of equal and nearly equal images, each with an example."""
    found, near = sheet["duplicates"], sheet["near_duplicates"]
    lines = [
        (found["train"], "training {images} {are} identical to another one"),
        (found["test"], "test {images} {are} identical to another one"),
        (found["across"], "test {images} {are} identical to a training image, and so {say} nothing about unseen ones"),
        (
            found["contradictory"],
            "{images} {are} identical to one with another label, so at least one of the two labels is wrong",
        ),
        (
            near,
            "test {images} {are} identical or nearly identical to a training image (means over 16×16 areas that differ by at most "
            f"{near['at_most']:g} of 255 levels, and by at most a fifth of their contrast)",
        ),
    ]
    if near["images"] == found["across"]["images"]:
        lines.pop()  # they are the identical ones
    said = [_counted(kind, what, 1 + (kind is found["contradictory"])) for kind, what in lines if kind["images"]]
    return said or ["No exact or near duplicates were found."]


def files(sheet: Mapping[str, Any]) -> str:
    """Say, in Markdown, where the file of each image stands; nothing of IDX files, which hold all."""
    return "" if sheet["split_by"] == "files" else " `results/tensors/files.csv` lists the file of each image number."


def passed_over(sheet: Mapping[str, Any]) -> str:
    """Say, in Markdown, how many files were no images; nothing where there were none."""
    found = sheet["passed_over"]
    return f"{found['files']:,} files were passed over, such as {escaped(found['example'])}." if found["files"] else ""


def _counted(found: Mapping[str, Any], what: str, named: int) -> str:
    """Say how many images are like others, with an example that names so many of them."""
    one, (first, other) = found["images"] == 1, map(escaped, found["example"])
    said = what.format(images="image" if one else "images", are="is" if one else "are", say="says" if one else "say")
    return f"{found['images']:,} {said}: {other}, like {first}{', and others' if found['images'] > named else ''}."
