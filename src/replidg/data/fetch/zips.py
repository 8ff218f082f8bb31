"""Members of zip archives."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.staging import Staging

#: A link's target is a path; more is no link but an attempt on our memory.
MAX_TARGET = 4096


def unpack_zip(archive: Path, staging: Staging, progress: ByteProgress) -> None:
    """Give all members of a zip to `staging`; their check sums are compared."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            _take(opened, member, staging)
            progress.at(staging.bytes)


def _take(opened: zipfile.ZipFile, member: zipfile.ZipInfo, staging: Staging) -> None:
    # The format wants "/"; some programs of Windows write "\".
    name = member.filename.replace("\\", "/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.flag_bits & 0x1:
        raise staging.error(f"{name!r} is encrypted")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise staging.error(f"{name!r} is a device or pipe")
    if name.endswith("/") or kind == stat.S_IFDIR:
        staging.folder(name)
        return
    with opened.open(member) as content:
        if kind == stat.S_IFLNK:
            staging.link(name, content.read(MAX_TARGET).decode("utf-8"))
        else:
            staging.file(name, content)
