"""What users bring and something damaged: raw files, archives, images and configurations are refused in one line, or read.

What a checksum can show must not be accepted otherwise than whole: a compressed archive's content, a zip's members.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import DATA, NAMES, ROOT
from digits.core.command import UserError
from digits.data.archives import archive_files
from digits.data.decoding import FORMATS, read_picture
from digits.data.idx import read_idx
from digits.data.label_table import labelled, parse_table
from digits.download import SourceError, gunzip
from digits.settings.config import complete_config, require_plain
from pictures import png, read_grey

from fuzz.conftest import Tally
from fuzz.mutate import BYTES, mutants

Read = Callable[[Path], object]
MEMBERS = {f"{split}/{label}/{n}.png": png(n) for split in ("training", "testing") for label in "ab" for n in range(4)}
LABELS = "".join(["file;label\r\n", *(f'"{name}";{name[-7]}\r\n' for name in MEMBERS)]).encode()
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in MEMBERS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def ungzipped(path: Path) -> bytes:
    try:
        gunzip(path, path.with_name("raw"))
    except SourceError as error:  # which `download` reports as a UserError
        raise UserError(str(error)) from error
    return path.with_name("raw").read_bytes()


def configuration(path: Path) -> None:
    require_plain(path)
    try:
        config = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError("no YAML, as Snakemake says") from None
    if isinstance(config, dict):
        complete_config(config)


WHOLE: dict[str, tuple[bytes, Read]] = {
    "images.idx": (gzip.decompress((DATA / "mnist" / f"{NAMES[0]}.gz").read_bytes()), lambda path: read_idx(path, 3)),
    "labels.idx": (gzip.decompress((DATA / "mnist" / f"{NAMES[1]}.gz").read_bytes()), lambda path: read_idx(path, 1)),
    "labels.gz": ((DATA / "mnist" / f"{NAMES[1]}.gz").read_bytes(), ungzipped),
    "images.tar": (tar(), lambda path: dict(archive_files(path))),
    **{f"images.tar.{n}": (squeeze(tar()), lambda p: dict(archive_files(p))) for n, squeeze in COMPRESS.items()},
    "labels.csv": (LABELS, lambda path: labelled(str(path), parse_table(str(path), path.read_bytes()), [*MEMBERS])),
    "stored.zip": (zipped(zipfile.ZIP_STORED), lambda path: dict(archive_files(path))),
    "deflated.zip": (zipped(zipfile.ZIP_DEFLATED), lambda path: dict(archive_files(path))),
    **{
        f"image.{kind.lower()}": (png(100, (20, 20), kind), lambda p: read_grey(str(p), p.read_bytes()))
        for kind in FORMATS
    },
    "photo.jpeg": (png(100, (300, 300), "JPEG"), lambda path: read_picture(str(path), path.read_bytes())),
    "config.yaml": ((ROOT / "config" / "config.yaml").read_bytes(), configuration),
}
WITH_CHECKSUM = {"labels.gz", *(f"images.tar.{name}" for name in COMPRESS), "stored.zip", "deflated.zip"}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what it passes over; decoding.py silences it
@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_input_is_refused_in_one_line_or_read(tmp_path: Path, tally: Tally, inputs: int, name: str) -> None:
    whole, read = WHOLE[name]
    path = tmp_path / name
    path.write_bytes(whole)
    expected = read(path)
    counts = tally.setdefault(name, Counter())
    for how, content in mutants(whole, BYTES, name, inputs):
        path.write_bytes(content)
        try:
            found = read(path)
        except UserError as refusal:
            message = str(refusal)
            assert message and message.isprintable() and len(message) <= 1001 + len(str(path)), message
            counts["refused"] += 1
            continue
        counts["accepted"] += 1
        if name.endswith(".zip"):  # a name is under no checksum of its own
            assert isinstance(found, dict) and isinstance(expected, dict)
            assert all(content in (b"", None, *expected.values()) for content in found.values()), how
        elif name in WITH_CHECKSUM:
            assert found == expected, how
