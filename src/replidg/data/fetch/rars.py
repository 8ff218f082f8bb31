"""Members of rar archives, by the rarfile package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.errors import Damaged, FetchError
from replidg.data.fetch.staging import Staging
from replidg.data.fetch.zips import MAX_TARGET

if TYPE_CHECKING:
    import rarfile


def unpack_rar(archive: Path, staging: Staging, progress: ByteProgress) -> None:
    """Give all members of a rar to `staging`; their check sums are compared.

    Raises:
        FetchError: rarfile is not installed, or a member is compressed and there is no program
            that could read it.
    """
    try:
        import rarfile
    except ImportError:
        raise FetchError(
            f"{archive}: needs the package rarfile: pip install 'rarfile>=4.2'"
        ) from None
    try:
        with rarfile.RarFile(archive, errors="strict") as opened:
            _require_tool(archive, opened)
            for member in opened.infolist():
                _take(opened, member, staging)
                progress.at(staging.bytes)
    except rarfile.PasswordRequired:
        raise staging.error("it is encrypted") from None
    except rarfile.NeedFirstVolume:
        raise staging.error("it is a later part of several") from None
    except rarfile.Error as error:
        raise Damaged(str(error) or type(error).__name__) from None


def _require_tool(archive: Path, opened: rarfile.RarFile) -> None:
    """Stop before the first byte if a compressed member needs a program that is not here."""
    import rarfile

    if all(member.compress_type == rarfile.RAR_M0 for member in opened.infolist()):
        return
    try:
        rarfile.tool_setup()
    except rarfile.RarCannotExec:
        raise FetchError(
            f"{archive}: its files are compressed; reading them needs one of the programs unrar, "
            "unar, 7z, 7zz or bsdtar (Debian: apt install unar or libarchive-tools; "
            "conda: conda install -c conda-forge libarchive)"
        ) from None


def _take(opened: rarfile.RarFile, member: rarfile.RarInfo, staging: Staging) -> None:
    name = member.filename
    if member.is_dir():
        staging.folder(name)
    elif member.is_symlink():
        with opened.open(member) as content:
            staging.link(name, content.read(MAX_TARGET).decode("utf-8"))
    else:
        with opened.open(member) as content:
            staging.file(name, content)
