"""Image files as bytes, good and hostile."""

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from digits.data.decoding import read_shown
from digits.data.tensors import load_split
from PIL import Image

Tree = dict[str, bytes | None]  # files, and None for folders


def encoded(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(value: int = 0, size: tuple[int, int] = (3, 2), kind: str = "png") -> bytes:
    return encoded(Image.new("L", size, value), kind)


def read_grey(name: str, content: bytes) -> np.ndarray:
    """Decode an image file in its own size to greyscale, uint8 [height, width]."""
    return np.asarray(read_shown(name, content)[0].convert("L"))


def bomb() -> bytes:
    """A few bytes of PNG whose header states 60,000 × 60,000 pixels."""
    content = bytearray(png())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def image_tree(folder: Path, train: Path, test: Path) -> list[Path]:
    """Write tensors as the tutorial's archive has them: training/<class>/<number>.png and testing/…; return the files."""
    files = []
    for name, tensors in (("training", train), ("testing", test)):
        split = load_split(tensors)
        for number, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
            files.append(folder / name / split.classes[label] / f"{number}.png")
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(files[-1], compress_level=1)
    return files


def as_tgz(path: Path, tree: Tree) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in tree.items():
            member = tarfile.TarInfo(name)
            member.type, member.size = (tarfile.DIRTYPE if content is None else tarfile.REGTYPE), len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return path


def as_zip(path: Path, tree: Tree) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in tree.items():
            archive.writestr(f"{name}/" if content is None else name, content or b"")
    return path
