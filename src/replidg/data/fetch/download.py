"""Get a file from the first place that has the right bytes."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from replidg.data.fetch import drive, http, hub, mirror
from replidg.data.fetch.amounts import free_bytes, in_words
from replidg.data.fetch.checks import check
from replidg.data.fetch.errors import FULL, FetchError, SourceFailed
from replidg.data.fetch.lock import Lock
from replidg.data.fetch.want import Candidate, Patience, Want
from replidg.data.registry.schema import File

logger = logging.getLogger(__name__)
#: Kind of a source -> what gets the file from it. It returns a file in or below the wanted folder,
#: unchecked, or raises SourceFailed. A new kind is a function here, and a label in `label`.
KINDS: dict[str, Callable[[Any, Want], Candidate]] = {
    "https": http.download,
    "huggingface": hub.download,
    "google_drive": drive.download,
    "local": mirror.take,
}


#: What the kinds leave beside the wanted file until it is there.
UNFINISHED = (".part", ".mirrored", ".hub", ".drive")


def fetch(
    dataset: str,
    file: File,
    folder: Path,
    lock: Lock,
    mirrors: Sequence[str] = (),
    patience: Patience | None = None,
) -> Path:
    """Return the path of a file whose bytes are those of the registry, or of the first download.

    In order: what lies in `folder` already, the user's mirrors, the file's sources. A file gets
    its name in `folder` only after its size and sha256 were checked.

    Args:
        dataset: key of the data set.
        file: what to get, and where.
        folder: where it is put; unfinished parts lie beside it and are gone on with later.
        lock: holds the hashes that the registry does not know.
        mirrors: addresses (`<mirror>/<file.name>`) or folders of the user.
        patience: how often and how long to try.

    Raises:
        FetchError: no place gave the right bytes (the message lists each one's reason), the disk is
            full, or the lock file is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [*mirror.sources(mirrors, file.name), *file.sources]
    with FileLock(folder / f".{file.name}.lock"):
        want = _want(dataset, file, folder, lock, patience or Patience())
        try:
            return _first_good(want, places, lock)
        except OSError as error:
            if error.errno not in FULL:
                raise FetchError(f"{dataset}: {file.name} in {folder}: {error}") from error
            free, where = free_bytes(folder)
            raise FetchError(
                f"{dataset}: no space left in {where} ({in_words(free)} free) for {file.name}; "
                "free some and start again: the download goes on where it stopped"
            ) from error


def label(source: Any) -> str:
    """Return what a source is called in messages and in the lock file."""
    if source.kind == "https":
        return http.public(source.url)
    if source.kind == "huggingface":
        return f"{hub.page(source)} ({source.path})"
    if source.kind == "google_drive":
        return drive.page(source)
    return str(source.path)


def _want(dataset: str, file: File, folder: Path, lock: Lock, patience: Patience) -> Want:
    """Add to the registry's facts what the lock file knows."""
    sha256, size = file.sha256, file.size
    if sha256 == "unknown":
        recorded = lock.expected(dataset, file.name)
        sha256, size = (recorded.sha256, recorded.size) if recorded else (None, size)
    return Want(dataset, file.name, folder, file.archive, sha256, size, patience)


def _first_good(want: Want, places: Sequence[Any], lock: Lock) -> Path:
    failed: list[tuple[str, str]] = []
    if want.path.exists():
        try:
            found = check(want.path, want)
            _record(want, found, want.path, str(want.path), lock)
            return want.path
        except SourceFailed as error:
            # It may be the user's: it stays until the right bytes are here.
            failed.append((str(want.path), f"is there, but {error}"))
            logger.warning("%s: %s %s", want.dataset, want.path, error)
    for source in places:
        name = label(source)
        logger.info("%s: %s from %s", want.dataset, want.name, name)
        try:
            return _from(source, name, want, lock)
        except SourceFailed as error:
            failed.append((name, str(error)))
            logger.warning("%s: %s: %s: %s", want.dataset, want.name, name, error)
    raise FetchError(_no_source(want, failed, lock))


def _from(source: Any, name: str, want: Want, lock: Lock) -> Path:
    """Get the file from one source and check it; give it its name."""
    candidate = KINDS[source.kind](source, want)
    try:
        found = check(candidate.path, want)
    except SourceFailed as error:
        _drop(want, candidate.path)
        if not candidate.resumed:
            raise
        # The fault may be the earlier part's: once more, all from here.
        logger.warning("%s: %s: %s; once more from the beginning", want.dataset, name, error)
        candidate = KINDS[source.kind](source, want)
        try:
            found = check(candidate.path, want)
        except SourceFailed:
            _drop(want, candidate.path)
            raise
    # Recorded first: what has its final name is in the lock file.
    try:
        _record(want, found, candidate.path, name, lock)
    except FetchError:
        _drop(want, candidate.path)
        raise
    with open(candidate.path, "rb") as file:
        os.fsync(file.fileno())
    os.replace(candidate.path, want.path)
    for suffix in UNFINISHED:
        _drop(want, want.beside(suffix))
    return want.path


def _record(want: Want, sha256: str, path: Path, source: str, lock: Lock) -> None:
    if want.sha256 is None:
        lock.record(want.dataset, want.name, sha256, path.stat().st_size, source)


def _drop(want: Want, path: Path) -> None:
    """Remove a source's bytes with the folder that its client keeps them in; others' parts stay."""
    top = want.folder / path.relative_to(want.folder).parts[0]
    if top.is_dir():
        shutil.rmtree(top)
    else:
        top.unlink(missing_ok=True)
        top.with_name(f"{top.name}.json").unlink(missing_ok=True)


def _no_source(want: Want, failed: list[tuple[str, str]], lock: Lock) -> str:
    lines = [f"  - {name}: {reason}" for name, reason in failed] or ["  - it has no source"]
    remedy = (
        f"get {want.name} by hand and put it at {want.path}, or name a mirror that has it, or set "
        f"data_root.{want.dataset} to a folder that has the data set"
    )
    if lock.expected(want.dataset, want.name) is not None:
        remedy += (
            f"; if its owner changed it and you want the new one, delete {want.dataset} / files / "
            f"{want.name} in {lock.path}"
        )
    return "\n".join([f"{want.dataset}: no source gave {want.name}:", *lines, f"Remedy: {remedy}."])
