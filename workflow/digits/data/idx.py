"""The IDX format of the original MNIST files.

Two zero bytes, a byte for the type (8: unsigned byte), a byte for the number of dimensions, each dimension as a
big-endian 32-bit integer, then the values, last dimension fastest.
"""

from pathlib import Path

import numpy as np

from digits.core.command import UserError

UNSIGNED_BYTE = 8


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes.

    Returns uint8 of the shape that the header states, with exactly `dimensions` dimensions.
    Raises UserError, naming the file, where the bytes are not such a file.
    """
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raise UserError(f"{path}: still compressed (gzip); expected the raw IDX file")
    header_length = 4 + 4 * dimensions
    if len(raw) < 4 or raw[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise UserError(
            f"{path}: not an IDX file of unsigned bytes (it starts with {raw[:4].hex(' ') or 'nothing'}, "
            f"expected 00 00 08 {dimensions:02x})"
        )
    if raw[3] != dimensions:
        raise UserError(f"{path}: {raw[3]} dimensions, expected {dimensions}; are images and labels swapped?")
    if len(raw) < header_length:
        raise UserError(f"{path}: the header is cut off after {len(raw)} of {header_length} bytes")
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", count=dimensions, offset=4))
    expected = header_length + int(np.prod(shape, dtype=object))
    if len(raw) != expected:
        raise UserError(
            f"{path}: {len(raw):,} bytes, but its header {'×'.join(map(str, shape))} asks for {expected:,}; "
            "the file is damaged, fetch it again"
        )
    return np.frombuffer(raw, np.uint8, offset=header_length).reshape(shape)


def read_idx_pair(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images, uint8 [N, height, width], and their labels, uint8 [N]; UserError where they do not belong together."""
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise UserError(
            f"{images_path} holds {len(images):,} images, but {labels_path} {len(labels):,} labels; fetch both again"
        )
    if images.size == 0:
        raise UserError(f"{images_path}: holds no pixels (its shape is {'×'.join(map(str, images.shape))})")
    return images, labels
