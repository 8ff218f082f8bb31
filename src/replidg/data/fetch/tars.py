"""Members of tar archives, of any compression that Python has."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.staging import CHUNK, Staging

_OPENERS: dict[bytes, Callable[[Any], IO[bytes]]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_ZSTD = b"\x28\xb5\x2f\xfd"
_INNER = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class _Remembering:
    """A stream that keeps what was read last.

    tarfile takes a header that is cut off or damaged for the end of the archive; only the bytes
    themselves tell whether it was the end mark.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.last = b""
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        self.last = self._stream.read(size)
        return self.last


def unpack_tar(archive: Path, staging: Staging, progress: ByteProgress) -> None:
    """Give all members of a tar to `staging`."""
    _open(archive, staging, progress, inner=False)


def unpack_tar_of_tars(archive: Path, staging: Staging, progress: ByteProgress) -> None:
    """Give the members of the tars in a tar to `staging`, each tar's in a folder of its stem."""
    _open(archive, staging, progress, inner=True)


def _open(archive: Path, staging: Staging, progress: ByteProgress, inner: bool) -> None:
    with open(archive, "rb") as raw:
        _walk(raw, "", staging, lambda: progress.at(raw.tell()), inner)


def _walk(
    raw: IO[bytes], prefix: str, staging: Staging, tick: Callable[[], None], inner: bool
) -> None:
    stream = _Remembering(_decompressed(raw, staging))
    with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[arg-type]
        while (member := tar.next()) is not None:
            # tarfile would keep all of a million members.
            tar.members.clear()
            content = tar.extractfile(member) if member.isreg() else None
            stem = _stem(member.name) if inner and content else None
            if stem is not None and content is not None:
                staging.folder(prefix + stem)
                _walk(content, f"{prefix}{stem}/", staging, tick, inner=False)
            else:
                _take(member, content, prefix, staging)
            tick()
    if stream.last != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it ends without its end mark, or a header is damaged")
    # To the end of the stream, where the compression's own check sum is.
    while chunk := stream.read(CHUNK):
        staging.count(len(chunk), padding=True)


def _take(
    member: tarfile.TarInfo, content: IO[bytes] | None, prefix: str, staging: Staging
) -> None:
    if member.name.startswith("/"):
        raise staging.error(f"{member.name!r} is an absolute name")
    name = prefix + member.name
    if content is not None:
        staging.file(name, content)
    elif member.isdir():
        staging.folder(name)
    elif member.issym():
        staging.link(name, member.linkname)
    elif member.islnk():
        if member.linkname.startswith("/"):
            raise staging.error(f"{name!r} is a hard link outside, to {member.linkname!r}")
        staging.hard_link(name, prefix + member.linkname)
    else:
        raise staging.error(f"{name!r} is a device or pipe")


def _decompressed(raw: IO[bytes], staging: Staging) -> IO[bytes]:
    beginning = raw.peek(8)  # type: ignore[attr-defined]
    if beginning.startswith(_ZSTD):
        raise staging.error("it is compressed with zstd, which this Python cannot read")
    for magic, opener in _OPENERS.items():
        if beginning.startswith(magic):
            return opener(raw)
    return raw


def _stem(name: str) -> str | None:
    """Return the folder for an inner tar, with the folders it lies in; None for other files."""
    for ending in sorted(_INNER, key=len, reverse=True):
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending)
    return None
