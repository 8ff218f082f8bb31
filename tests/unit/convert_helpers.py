"""What the tests of the conversions share: trees, snapshots, PNGs written byte by byte."""

import hashlib
import os
import struct
import zlib
from pathlib import Path

from replidg.data import registry
from replidg.data.convert import convert
from replidg.data.registry.schema import Conversion, Entry

GREYSCALE, RGB, PALETTE = 0, 2, 3


def entry(name: str, **options) -> Entry:
    """Return a page of the registry, with some options of its conversion changed."""
    page = registry.load(name)
    changed = Conversion(kind=page.conversion.kind, options={**page.conversion.options, **options})
    return page.model_copy(update={"conversion": changed})


def run(page: Entry, source: Path, classes: list[str] | None = None, out: str = "out"):
    """Convert into a new folder beside the source; the source must stay as it is."""
    folder = source.parent / out
    folder.mkdir()
    before = snapshot(source)
    try:
        facts = convert(page, source, folder, classes)
    finally:
        assert snapshot(source) == before
    return facts, folder


def snapshot(folder: Path) -> dict[str, str]:
    """Return what every file below `folder` holds, and where every link points."""
    found = {}
    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[key] = f"-> {os.readlink(path)}"
        else:
            found[key] = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def files(folder: Path) -> set[str]:
    """Return the relative paths of all files and links below `folder`; each must open."""
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    assert all(path.exists() for path in paths)
    return {path.relative_to(folder).as_posix() for path in paths}


def put(path: Path, content: bytes | str = b"") -> Path:
    """Write a file and the folders above it; without content, its own name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content or path.name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(kind: int, depth: int, rows: list[list]) -> bytes:
    """Return a PNG; a pixel is a number, or a tuple of three for RGB. Only 8 and 16 bit."""
    code = {8: "B", 16: "H"}[depth]
    lines = []
    for row in rows:
        values = [value for pixel in row for value in (pixel if kind == RGB else [pixel])]
        lines.append(b"\0" + struct.pack(f">{len(values)}{code}", *values))
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, kind, 0, 0, 0)
    # Colours that have nothing to do with the indices, and every one twice.
    palette = bytes(255 - index // 2 for index in range(256) for _ in "rgb")
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"PLTE", palette) if kind == PALETTE else b"",
            chunk(b"IDAT", zlib.compress(b"".join(lines))),
            chunk(b"IEND", b""),
        ]
    )


def read_grey(path: Path) -> list[list[int]]:
    """Return the pixels of an 8-bit greyscale PNG that Pillow wrote, by OpenCV."""
    import cv2

    content = path.read_bytes()
    assert content[24:26] == bytes([8, GREYSCALE])
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).tolist()
