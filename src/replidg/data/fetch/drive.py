"""Shared files of Google Drive, by the gdown package."""

from __future__ import annotations

import re
import shutil

import requests

from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.disk import require_space
from replidg.data.fetch.errors import SourceFailed
from replidg.data.fetch.want import Candidate, Want
from replidg.data.registry.schema import GoogleDrive

_QUOTA = re.compile(r"too many users|quota|many accesses", re.I)


def page(source: GoogleDrive) -> str:
    """Return the file's address for people."""
    return f"https://drive.google.com/file/d/{source.id}/view"


def download(source: GoogleDrive, want: Want) -> Candidate:
    """Download into `<name>.drive/`, where gdown keeps its part.

    gdown does not look whether the file changed between two runs, so the part of an earlier run is
    only gone on with where a known sha256 will judge the whole.

    Raises:
        SourceFailed: gdown is not installed or could not get the file.
        FetchError: the disk is too small.
    """
    try:
        import gdown
    except ImportError:
        raise SourceFailed("needs the package gdown: pip install 'gdown>=6.4'") from None
    # The file's id in the name: two ids of one file name have parts of their own.
    folder = want.beside(".drive") / source.id
    if want.sha256 is None and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    resumed = any(folder.iterdir())
    progress = _Bytes(want)
    try:
        gdown.download(
            id=source.id,
            output=str(folder / want.name),
            quiet=True,
            resume=True,
            retries=want.patience.tries,
            timeout=want.patience.timeout_s,
            progress=progress.at,
        )
    except (gdown.exceptions.DownloadError, requests.RequestException) as error:
        raise SourceFailed(_reason(error, source, want)) from None
    except (KeyError, AssertionError) as error:  # gdown meets a page it was not made for
        raise SourceFailed(
            f"gdown does not understand the answer ({error!r}); {_by_hand(source, want)}"
        ) from None
    finally:
        progress.close()
    path = folder / want.name
    if not path.is_file():
        raise SourceFailed(f"gdown left no file; {_by_hand(source, want)}")
    return Candidate(path, resumed)


class _Bytes:
    """gdown's callback: bytes so far, and in all where it knows."""

    def __init__(self, want: Want) -> None:
        self._want, self._what = want, f"{want.dataset}: downloading {want.name}"
        self._progress: ByteProgress | None = None

    def at(self, so_far: int, total: int | None) -> None:
        if self._progress is None:
            if total is not None:
                require_space(self._want.folder, total - so_far, self._what)
            self._progress = ByteProgress(total or self._want.size, self._what, so_far)
        self._progress.at(so_far)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.close()


def _reason(error: Exception, source: GoogleDrive, want: Want) -> str:
    text = " ".join(str(error).split())
    if _QUOTA.search(text):
        why = (
            "Google Drive's quota for this file is used up, or it is no longer shared; "
            "try again in 24 hours, or"
        )
    else:
        why = f"{text[:300]};"
    return f"{why} {_by_hand(source, want)}"


def _by_hand(source: GoogleDrive, want: Want) -> str:
    return f"get it in a browser from {page(source)} and put it at {want.path}"
