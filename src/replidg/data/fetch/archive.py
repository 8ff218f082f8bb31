"""Unpack an archive that nobody here has made: whole and by the rules, or not at all."""

from __future__ import annotations

import logging
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from replidg.data.fetch.amounts import ByteProgress, free_bytes, in_words
from replidg.data.fetch.disk import extracted_bytes, require_space
from replidg.data.fetch.errors import FULL, Damaged, FetchError
from replidg.data.fetch.rars import unpack_rar
from replidg.data.fetch.staging import Staging, merge
from replidg.data.fetch.tars import unpack_tar, unpack_tar_of_tars
from replidg.data.fetch.zips import unpack_zip

logger = logging.getLogger(__name__)
KINDS: dict[str, Callable[[Path, Staging, ByteProgress], None]] = {
    "zip": unpack_zip,
    "tar": unpack_tar,
    "tar_of_tars": unpack_tar_of_tars,
    "rar": unpack_rar,
}
#: What the readers raise for bytes that are not what they should be. (So do `OSError`s without a
#: number: gzip and bz2.)
_CORRUPT = (
    Damaged,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    UnicodeDecodeError,
)


def extract(
    archive: Path, kind: str, into: Path, *, max_bytes: int | None, max_files: int | None
) -> int:
    """Unpack an archive into a folder and return the number of its files, links included.

    It is unpacked beside and moved when it is whole: with one rename where `into` does not exist
    yet, else merged into it (files of the same name are replaced). What a killed job left is
    removed by the next.

    Args:
        archive: the file; it is not changed.
        kind: zip, tar, tar_of_tars (each inner tar into a folder of its stem) or rar.
        into: made if it is missing.
        max_bytes: the most that the files may have in all.
        max_files: the most members there may be.

    Raises:
        FetchError: the archive is damaged, cut off, or breaks a rule of `Staging`, or the disk is
            full; `into` is as before.
    """
    what = f"unpacking {archive.name}"
    require_space(into, extracted_bytes(archive, kind), what)
    # In `into` if it exists: that may be another disk than its parent.
    home = into if into.is_dir() else into.parent
    staged = home / f".{archive.name}.unpacking"
    _remove(staged)
    staged.mkdir(parents=True)
    try:
        files = _unpack(archive, kind, Staging(staged, archive, max_bytes, max_files), what)
        if into.is_dir():
            merge(staged, into)
        else:
            os.rename(staged, into)
    except OSError as error:
        raise FetchError(_os_error(archive, into, error)) from error
    finally:
        _remove(staged)
    logger.info("%s: %d files in %s", archive.name, files, into)
    return files


def _unpack(archive: Path, kind: str, staging: Staging, what: str) -> int:
    # tar does not say how much is in it; there the archive's own bytes are counted.
    total = archive.stat().st_size if kind.startswith("tar") else extracted_bytes(archive, kind)
    try:
        with ByteProgress(total if kind != "rar" else None, what) as progress:
            KINDS[kind](archive, staging, progress)
            return staging.finish()
    except _CORRUPT as error:
        raise _corrupt(archive, kind, error) from None
    except NotImplementedError as error:
        raise FetchError(
            f"{archive}: Python cannot read it ({error}); unpack it with another program, e.g. 7z, "
            "and set data_root to the folder"
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _corrupt(archive, kind, error) from None


def _corrupt(archive: Path, kind: str, error: Exception) -> FetchError:
    return FetchError(
        f"{archive}: damaged or cut off, no whole {kind} archive ({error}); delete it and fetch it "
        "again (and its lines in config/data.lock.yaml, if its hash was recorded there)"
    )


def _os_error(archive: Path, into: Path, error: OSError) -> str:
    if error.errno in FULL:
        free, where = free_bytes(into)
        return (
            f"{archive}: no space left while unpacking to {where} ({in_words(free)} free); free "
            "some and start again"
        )
    return f"{archive}: cannot be unpacked to {into}: {error}"


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
