"""A user's existing copy of a registered data set: recognised, linked, sampled, never changed."""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from replidg.data.errors import DatasetError
from replidg.data.registry.schema import Entry, Layout
from replidg.files import sha256_file
from replidg.progress import tracked

#: Files whose contents stand for a whole copy; enough to notice a re-encoded or mixed-up folder.
SAMPLES = 48


@dataclass(frozen=True)
class Copy:
    """A data set found on disk.

    Attributes:
        layout: the known layout it has.
        members: canonical name -> where it really lies.
        renamed: canonical name -> other name under which it was found.
    """

    layout: Layout
    members: dict[str, Path]
    renamed: dict[str, str]


def recognise(entry: Entry, root: Path, what: str) -> Copy:
    """Return which known layout of a data set lies below `root`.

    Args:
        entry: the data set's page.
        root: the folder to look into.
        what: what the folder is called in an error, e.g. "data_root.PACS".

    Raises:
        DatasetError: no known layout fits; the message names what the nearest one lacks.
    """
    if not root.is_dir():
        raise DatasetError(f"{what}: there is no folder {root}")
    lacking: list[tuple[int, str]] = []
    for layout in sorted(entry.layouts, key=lambda layout: not layout.signs):
        for below in layout.roots:
            place = root / below if below != "." else root
            found = _members(layout, place)
            missing = [name for name, path in found.items() if path is None]
            missing += [sign for sign in layout.signs if next(place.glob(sign), None) is None]
            if not missing:
                return _copy(layout, place, found)
            told = f"{', '.join(missing)} in {place} (layout {layout.name!r}: {layout.title})"
            lacking.append((len(missing), told))
    raise DatasetError(
        f"{what}: {root} is no known layout of {entry.title}; the nearest one lacks "
        f"{min(lacking)[1]}"
    )


def _members(layout: Layout, root: Path) -> dict[str, Path | None]:
    if not layout.members:
        return {path.name: path for path in _folders(root)}
    return {m.name: _find(root, [m.name, *m.aliases]) for m in layout.members}


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")


def _find(root: Path, names: list[str]) -> Path | None:
    return next((root / name for name in names if (root / name).exists()), None)


def _copy(layout: Layout, root: Path, found: dict[str, Path | None]) -> Copy:
    members = {name: path for name, path in found.items() if path is not None}
    names = {name: path.relative_to(root).as_posix() for name, path in members.items()}
    return Copy(layout, members, {name: real for name, real in names.items() if real != name})


def link(copy: Copy, folder: Path) -> None:
    """Link a copy's members below `folder` under their canonical names."""
    for name, path in copy.members.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(path.resolve(), target_is_directory=path.is_dir())


def move(copy: Copy, folder: Path) -> None:
    """Move what this workflow itself unpacked to its canonical names below `folder`."""
    for name, path in copy.members.items():
        place = folder / name
        if path != place:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)


def sample(folder: Path, count: int = SAMPLES) -> dict[str, str]:
    """Return the sha256 of a few files, always the same ones of the same data set.

    The choice goes by a hash of a file's name, so it needs no seed and is spread over all folders.

    Args:
        folder: the linked data set; links are followed, hidden files are not looked at.
        count: files to hash.

    Returns:
        Hash by path relative to `folder`.
    """
    ranked = ((hashlib.sha256(name.encode()).digest(), name) for name in _files(folder))
    chosen = sorted(name for _, name in heapq.nsmallest(count, ranked))
    return {
        name: sha256_file(folder / name)
        for name in tracked(chosen, len(chosen), "hashing sampled files", "files")
    }


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder, followlinks=True):
        below = os.path.relpath(place, folder)
        yield from (os.path.normpath(f"{below}/{name}") for name in names if name[0] != ".")


def compare(name: str, seen: dict[str, str], expected: dict[str, str], lock: Path) -> None:
    """Check sampled contents against those of the first time.

    Raises:
        DatasetError: a file has other contents than before, or is gone.
    """
    wrong = sorted(key for key, digest in expected.items() if seen.get(key) != digest)
    if wrong:
        raise DatasetError(
            f"data_root.{name}: {len(wrong)} of {len(expected)} sampled files are not what they "
            f"were when {lock} recorded them, e.g. {wrong[0]}; restore the folder, or, if the "
            f"change is meant, delete {name!r} under 'samples' in {lock}"
        )
