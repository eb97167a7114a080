"""A data set as it was found, and the form that its images are brought to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from digits.data.tensors import Split

FITS = ("pad", "crop", "stretch")
LARGEST = 1024  # pixels a side that images are brought to, as the schema allows
Size = tuple[int, int]  # height and width


class Form(NamedTuple):
    """What images are brought to."""

    size: Size | None = None  # None leaves them as they are
    fit: str = "pad"  # one of FITS
    colour: bool = False


class Collection(NamedTuple):
    """A data set as it was found."""

    splits: Mapping[str, Split]  # train and test
    names: Mapping[str, Sequence[str]]  # of the images of each
    sizes: Sequence[Size]  # of the images in their files
    split_by: str  # one of datasheet.SPLITS
    passed_over: Sequence[str] = ()
    hashes: Mapping[str, Sequence[bytes]] | None = None  # of the images' pixels, where they are known already
