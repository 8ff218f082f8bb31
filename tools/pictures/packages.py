"""Read members out of the downloaded packages without installing them."""

from __future__ import annotations

import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote


class MissingDownload(FileNotFoundError):
    """A package that the builder needs is not in the folder of downloads."""


def find_download(folder: Path, pattern: str) -> Path:
    """Return the only file in ``folder`` that matches the glob ``pattern``."""
    hits = sorted(folder.glob(pattern))
    if len(hits) != 1:
        found = [hit.name for hit in hits] or "none"
        raise MissingDownload(f"{folder}: need exactly one {pattern!r}, found {found}")
    return hits[0]


def version_of(path: Path) -> str:
    """Return the version written in a package's file name (npm, wheel or Debian)."""
    name = unquote(path.name)
    if path.suffix == ".whl":
        return name.split("-")[1]
    if path.suffix == ".deb":
        return name.split("_")[1]
    match = re.search(r"-(\d+\.\d+\.\d+[^/]*)\.tgz$", name)
    if match is None:
        raise ValueError(f"{name}: no version in the file name")
    return match[1]


def _tar_members(
    handle: io.BufferedIOBase | io.BytesIO, mode: str, keep: Callable[[str], bool]
) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=handle, mode=mode) as archive:
        for info in archive:
            name = info.name.removeprefix("./")
            if info.isfile() and keep(name):
                stream = archive.extractfile(info)
                assert stream is not None
                members[name] = stream.read()
    return members


def read_tgz(path: Path, keep: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the members of an npm tarball whose names satisfy ``keep``."""
    with path.open("rb") as handle:
        return _tar_members(handle, "r|gz", keep)


def read_wheel(path: Path, suffix: str) -> bytes:
    """Return the only member of a wheel whose name ends in ``suffix``."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(suffix)]
        return archive.read(name)


def read_deb(path: Path, keep: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the data members of a Debian package whose names satisfy ``keep``."""
    with path.open("rb") as handle:
        if handle.read(8) != b"!<arch>\n":
            raise ValueError(f"{path.name}: not a Debian package")
        while header := handle.read(60):
            name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
            if name.startswith("data.tar"):
                mode = "r|" + name.rpartition(".")[2]
                return _tar_members(io.BytesIO(handle.read(size)), mode, keep)
            handle.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError(f"{path.name}: no data member")


def read_rcc(blob: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield ``(path, content)`` for every file of a Qt resource archive."""
    magic, version, tree, data, names = struct.unpack_from(">4sIIII", blob)
    if magic != b"qres":
        raise ValueError("not a Qt resource archive")
    node_size = 22 if version >= 2 else 14

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", blob, names + offset)
        start = names + offset + 6
        return blob[start : start + 2 * length].decode("utf-16-be")

    def walk(index: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        name, flags = struct.unpack_from(">IH", blob, tree + index * node_size)
        path = prefix + name_at(name) if index else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", blob, tree + index * node_size + 6)
            for child in range(first, first + count):
                yield from walk(child, path + "/" if path else "")
            return
        (offset,) = struct.unpack_from(">I", blob, tree + index * node_size + 10)
        (size,) = struct.unpack_from(">I", blob, data + offset)
        content = blob[data + offset + 4 : data + offset + 4 + size]
        if flags & 4:
            raise ValueError(f"{path}: zstd members are not supported")
        yield path, zlib.decompress(content[4:]) if flags & 1 else content

    yield from walk(0, "")
