"""Archives made for the tests, and what must be true after one was unpacked or refused."""

import contextlib
import io
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from replidg.data.fetch import FetchError, extract

TREE = {"set/photo/dog/1.jpg": b"one" * 1000, "set/photo/cat/2.jpg": b"", "set/list.txt": b"text"}
NO_CAP = {"max_bytes": None, "max_files": None}


def unpack(path: Path, kind: str, into: Path, **caps) -> int:
    return extract(path, kind, into, **{**NO_CAP, **caps})


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "unpacking" in path.name]


def refused(path: Path, kind: str, match: str, **caps) -> None:
    """Check that `path` is refused by name, and that nothing of it stays."""
    into = path.parent / "into"
    outside = sorted(path.parent.iterdir())
    with pytest.raises(FetchError, match=match) as caught:
        unpack(path, kind, into, **caps)
    assert str(path) in str(caught.value)
    assert sorted(path.parent.iterdir()) == outside and not into.exists()


def make_tar(path: Path, members, mode="w") -> Path:
    """Write (TarInfo or name, bytes) pairs."""
    with tarfile.open(path, mode) as tar:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if content is not None:
                info.size = len(content)
            tar.addfile(info, None if content is None else io.BytesIO(content))
    return path


def special(name: str, type_: bytes, linkname: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = type_, linkname, mode
    return info


def make_zip(path: Path, members, compression=zipfile.ZIP_DEFLATED) -> Path:
    """Write (name or ZipInfo, bytes) pairs."""
    with zipfile.ZipFile(path, "w", compression) as zipped:
        for member, content in members:
            zipped.writestr(member, content)
    return path


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def rar4(members, damage=False) -> bytes:
    """Write a RAR 4 archive of stored (name, bytes) by hand, after the published format note."""

    def block(kind: int, flags: int, body: bytes) -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head

    out = b"Rar!\x1a\x07\x00" + block(0x73, 0, b"\0" * 6)
    for name, content in members:
        raw, folder = name.encode(), name.endswith("/")
        sizes = struct.pack("<II", len(content), len(content))
        rest = struct.pack("<IIBBHI", zlib.crc32(content), 0x21_0000, 20, 0x30, len(raw), 0o100644)
        body = sizes + b"\x03" + rest + raw  # host 3: Unix
        out += block(0x74, 0x8000 | (0xE0 if folder else 0), body)
        out += content[:-1] + b"?" if damage and content else content
    return out + block(0x7B, 0x4000, b"")


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "2m"):
    """Mount a tmpfs; skip where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a full disk needs `mount -t tmpfs`, which only root may do")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
