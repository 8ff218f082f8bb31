"""The user's own mirrors: addresses and folders that hold files under their registry names."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from replidg.data.fetch.disk import require_space
from replidg.data.fetch.errors import FetchError, SourceFailed
from replidg.data.fetch.want import Candidate, Want
from replidg.data.registry.schema import Https

#: No hard link there: another disk, no such thing on this file system, or not allowed.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}


@dataclass(frozen=True)
class Local:
    """A file on a disk of this machine."""

    path: Path
    kind: Literal["local"] = "local"


def sources(mirrors: Sequence[str], name: str) -> list[Https | Local]:
    """Return where the mirrors have the file `name`, in their order.

    Raises:
        FetchError: a mirror is neither an address nor a folder's path.
    """
    found: list[Https | Local] = []
    for mirror in mirrors:
        if mirror.startswith(("https://", "http://")):
            found.append(Https(kind="https", url=f"{mirror.rstrip('/')}/{quote(name)}"))
        elif "://" in mirror or not mirror.strip():
            raise FetchError(f"mirror {mirror!r}: give an https address or a folder")
        else:
            found.append(Local(Path(mirror).expanduser() / name))
    return found


def take(source: Local, want: Want) -> Candidate:
    """Hard-link the mirror's file, or copy it; the mirror itself is never changed.

    The name is not `.part`: a later download appends to that, and would reach the user's file.

    Raises:
        SourceFailed: the file is not there or cannot be read.
        FetchError: the disk is too small.
    """
    here = want.beside(".mirrored")
    here.unlink(missing_ok=True)
    try:
        original = source.path.resolve(strict=True)
        if not original.is_file():
            raise SourceFailed("is not a file")
        try:
            os.link(original, here)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            size = original.stat().st_size
            require_space(want.folder, size, f"{want.dataset}: copying {original}")
            shutil.copyfile(original, here)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceFailed("no such file") from None
    except PermissionError as error:
        raise SourceFailed(f"cannot be read: {error.strerror}") from None
    return Candidate(here)
