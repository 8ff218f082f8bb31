"""Is there room for what is to come?"""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from replidg.data.fetch.amounts import free_bytes, in_words
from replidg.data.fetch.errors import FetchError
from replidg.data.registry.schema import File

#: Bytes of images that a byte of compressed tar holds: they are compressed already.
COMPRESSED_TAR = 1.2


def require_space(folder: Path, bytes_needed: int, what: str) -> None:
    """Stop before the work starts if the disk is too small for it.

    Args:
        folder: where it will be written; it need not exist.
        bytes_needed: bytes that will be written there.
        what: data set and work, for the message.

    Raises:
        FetchError: fewer bytes are free.
    """
    free, where = free_bytes(folder)
    if free < bytes_needed:
        raise FetchError(
            f"{what} needs {in_words(bytes_needed)} in {where}, where {in_words(free)} are free; "
            "free some space, or make that folder a link to one on a larger disk"
        )


def bytes_to_download(file: File, folder: Path) -> int:
    """Return what is left to download of a file, 0 where its size is unknown."""
    if file.size is None or (folder / file.name).exists():
        return 0
    part = folder / f"{file.name}.part"
    return max(0, file.size - (part.stat().st_size if part.exists() else 0))


def extracted_bytes(archive: Path, kind: str) -> int:
    """Return what the files of an archive will take: exact for zip, an estimate for the others.

    Raises:
        FetchError: a zip without a readable central directory.
    """
    if kind == "none":
        return 0
    if kind == "zip":
        try:
            with zipfile.ZipFile(archive) as opened:
                return sum(member.file_size for member in opened.infolist())
        except zipfile.BadZipFile as error:
            raise FetchError(
                f"{archive} is no whole zip archive ({error}); delete it and fetch it again"
            ) from None
    size = archive.stat().st_size
    return size if kind == "tar" and _is_plain_tar(archive) else round(size * COMPRESSED_TAR)


def bytes_needed(file: File, folder: Path, extracted: int | None = None) -> int:
    """Return what fetching and unpacking a file will write, as far as that is known beforehand.

    Args:
        file: as in the registry.
        folder: where it is downloaded to.
        extracted: bytes after extraction, where the registry knows them.
    """
    here = folder / file.name
    if extracted is None and here.exists():
        extracted = extracted_bytes(here, file.archive)
    if extracted is None:
        extracted = 0 if file.archive == "none" else round((file.size or 0) * COMPRESSED_TAR)
    return bytes_to_download(file, folder) + extracted


def _is_plain_tar(archive: Path) -> bool:
    with open(archive, "rb") as file:
        header = file.read(tarfile.BLOCKSIZE)
    return header[257:262] == b"ustar"
