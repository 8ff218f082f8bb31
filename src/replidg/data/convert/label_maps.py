"""Label images: reading class ids from PNGs that may be broken, and writing train ids."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from replidg.files import whole_file

IGNORED = 255
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREYSCALE, RGB, PALETTE = 0, 2, 3
Reading = Literal["index", "last_channel"]


class LabelError(ValueError):
    """A label image cannot be used; the message says why, without its name."""


class Header(NamedTuple):
    """What a PNG says of itself; `kind` is the standard's colour type."""

    width: int
    height: int
    depth: int
    kind: int


def header(content: bytes) -> Header:
    """Check a PNG from its first byte to its last chunk and return its header.

    Decoders differ in what damage they forgive; the checksums of the chunks do not.

    Raises:
        LabelError: the bytes are no PNG, cut off, or altered.
    """
    if not content.startswith(SIGNATURE):
        raise LabelError("label is no PNG")
    place, first = len(SIGNATURE), None
    while True:
        if place + 12 > len(content):
            raise LabelError("label is truncated")
        (length,) = struct.unpack_from(">I", content, place)
        name = content[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(content):
            raise LabelError("label is truncated")
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(memoryview(content)[place + 4 : end]) != checksum:
            raise LabelError("label is corrupt (checksum)")
        if first is None:
            if name != b"IHDR" or length != 13:
                raise LabelError("label is corrupt (no header)")
            first = Header(*struct.unpack_from(">IIBB", content, place + 8))
        if name == b"IEND":
            return first
        place = end + 4


def read_ids(path: Path, reading: Reading) -> np.ndarray:
    """Return the class ids of a label image, uint8 or uint16 of shape (height, width).

    Args:
        path: the PNG.
        reading: "index": a palette or 8-bit greyscale image, whose stored values, not colours, are
            the ids. "last_channel": 16-bit RGB whose ids are the last channel in OpenCV's order
            (blue, green, red), that is, red. Pillow would cut such an image down to 8 bits.

    Raises:
        LabelError: the file is damaged, or not of the kind that `reading` says.
    """
    content = path.read_bytes()
    head = header(content)
    if reading == "last_channel":
        if (head.kind, head.depth) != (RGB, 16):
            raise LabelError(f"label is not 16-bit RGB (colour type {head.kind}, {head.depth} bit)")
        return _last_channel(content)
    if head.kind != PALETTE and (head.kind, head.depth) != (GREYSCALE, 8):
        raise LabelError(
            f"label is neither palette nor 8-bit greyscale (colour type {head.kind}, "
            f"{head.depth} bit)"
        )
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise LabelError("label is corrupt (pixels)") from error


def _last_channel(content: bytes) -> np.ndarray:
    import cv2

    # With damaged pixels OpenCV returns nothing.
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise LabelError("label is corrupt (pixels)")
    return pixels[..., -1]


def lookup(train_ids: dict[int, int]) -> np.ndarray:
    """Return the table of all 16-bit ids: their train id, 255 for those not in the map."""
    table = np.full(1 << 16, IGNORED, dtype=np.uint8)
    for found, train_id in train_ids.items():
        table[found] = train_id
    return table


def write(train_ids: np.ndarray, place: Path) -> None:
    """Write train ids, uint8 of shape (height, width), as an 8-bit greyscale PNG, whole or not."""
    with whole_file(place) as temporary:
        Image.fromarray(train_ids).save(temporary, format="PNG")


def size_of_image(path: Path) -> tuple[int, int]:
    """Return an image's (width, height) from its header.

    Raises:
        LabelError: it has none.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError) as error:
        raise LabelError("image cannot be read") from error
