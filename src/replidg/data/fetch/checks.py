"""Is this file what was asked for?"""

from __future__ import annotations

import hashlib
import re
import tarfile
import zipfile
from pathlib import Path

from replidg.data.fetch.amounts import ByteProgress, in_words
from replidg.data.fetch.errors import SourceFailed
from replidg.data.fetch.want import Want

CHUNK = 1 << 20
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.I | re.S)


def check(path: Path, want: Want) -> str:
    """Return the sha256 of a file that is what `want` says.

    Raises:
        SourceFailed: it is not; the message says what it is.
    """
    reason = web_page(_beginning(path), want.name)
    if reason:
        raise SourceFailed(reason)
    size = path.stat().st_size
    if size == 0:
        raise SourceFailed("gave an empty file")
    if want.size is not None and size != want.size:
        raise SourceFailed(f"gave {size:,} bytes, expected {want.size:,}")
    if want.sha256 is None:
        _plausible(path, want.archive)
    found = sha256(path, f"{want.dataset}: checking {want.name}")
    if want.sha256 is not None and found != want.sha256:
        raise SourceFailed(f"gave other bytes: sha256 {found}, expected {want.sha256}")
    return found


def sha256(path: Path, what: str) -> str:
    """Return a file's sha256, with progress: some have more than 100 GB."""
    digest = hashlib.sha256()
    with open(path, "rb") as file, ByteProgress(path.stat().st_size, what) as progress:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress.add(len(chunk))
    return digest.hexdigest()


def web_page(beginning: bytes, name: str) -> str | None:
    """Return what to say if a file begins as a web page does though none was asked for."""
    if name.lower().endswith((".html", ".htm")) or not _HTML.match(
        beginning.lstrip(b"\xef\xbb\xbf")
    ):
        return None
    title = _TITLE.search(beginning)
    text = " ".join(title[1].decode("utf-8", "replace").split())[:100] if title else "no title"
    return f"sent a web page ({text!r}), not the file: a log-in, a quota or a consent is in the way"


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(4096)


def _plausible(path: Path, archive: str) -> None:
    """Keep what is plainly no archive of its kind from being recorded as the right bytes."""
    good = {
        "zip": zipfile.is_zipfile,  # it looks for the end of the archive
        "tar": tarfile.is_tarfile,
        "tar_of_tars": tarfile.is_tarfile,
        "rar": lambda rar: _beginning(rar).startswith(b"Rar!\x1a\x07"),
        "none": lambda _: True,
    }
    if not good[archive](path):
        kind = "tar" if archive == "tar_of_tars" else archive
        raise SourceFailed(f"gave {in_words(path.stat().st_size)} that are no whole {kind} archive")
