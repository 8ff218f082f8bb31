"""Folders of a source tree, and relative links to what lies in them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from replidg.data.errors import DatasetError

#: The longest list of names that an error message shows.
SHOWN = 5
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


class ConversionError(DatasetError):
    """A data set cannot be converted; the message names file or key and says what to do."""


def link(target: str | Path, place: str | Path) -> None:
    """Make `place` a relative symbolic link to `target`, which is not resolved.

    Missing folders above `place` are made. The link survives a move of both trees together, and a
    rename of a folder above `place` at the same depth.

    Raises:
        FileExistsError: there is something at `place`.
    """
    folder, name = os.path.split(os.path.abspath(target))
    parent = os.path.dirname(os.path.abspath(place))
    text = os.path.join(_way(parent, folder), name)
    try:
        os.symlink(text, place)
    except FileNotFoundError:
        os.makedirs(parent, exist_ok=True)
        os.symlink(text, place)


@lru_cache(maxsize=8192)
def _way(start: str, goal: str) -> str:
    """Return the relative path from folder `start` to folder `goal`, both absolute.

    The kernel takes every `..` from where a folder really is. Where a folder between `start` and
    what both have in common is itself a link, the way is counted from its real place.
    """
    common = os.path.commonpath([start, goal])
    expected = os.path.normpath(
        os.path.join(os.path.realpath(common), os.path.relpath(start, common))
    )
    real = os.path.realpath(start)
    return os.path.relpath(goal, start if real == expected else real)


def forget_ways() -> None:
    """Forget where folders are; the disk may have changed since the last conversion."""
    _way.cache_clear()


def entries(folder: str | Path) -> tuple[list[str], list[str]]:
    """Return the sorted names of the folders and of the files in `folder`, without hidden ones.

    Raises:
        ConversionError: there is no such folder, or a link in it leads nowhere.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file():
                    files.append(entry.name)
                else:
                    raise ConversionError(
                        f"{entry.path} is a link that leads nowhere; restore what it points to"
                    )
    except (FileNotFoundError, NotADirectoryError):
        raise ConversionError(
            f"there is no folder {folder}; the data set is incomplete, get it again"
        ) from None
    return sorted(folders), sorted(files)


def walk(folder: str | Path, suffix: str, below: str = "") -> Iterator[str]:
    """Yield the files that end in `suffix` at any depth, as sorted paths relative to `folder`."""
    folders, files = entries(os.path.join(folder, below))
    yield from (os.path.join(below, name) for name in files if name.endswith(suffix))
    for name in folders:
        yield from walk(folder, suffix, os.path.join(below, name))


def images(folder: str | Path) -> list[str]:
    """Return the sorted names of the image files in `folder`."""
    return [name for name in entries(folder)[1] if name.lower().endswith(IMAGE_SUFFIXES)]


def link_images(
    source: str | Path, place: str | Path, dropped: frozenset[str] = frozenset()
) -> int:
    """Link the image files of one folder into another and return their number.

    Args:
        source: folder with the images.
        place: folder for the links.
        dropped: names to leave out.
    """
    kept = [name for name in images(source) if name not in dropped]
    for name in kept:
        link(os.path.join(source, name), os.path.join(place, name))
    return len(kept)


def shown(names: list[str]) -> str:
    """Return a few of `names` as text for a message."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def check_share(bad: list[str], total: int, most: float, what: str, key: str) -> None:
    """Refuse to go on if too many files are bad.

    Args:
        bad: their names.
        total: number of good and bad ones.
        most: largest share that is accepted.
        what: what is wrong with them, and where.
        key: the option that holds `most`.

    Raises:
        ConversionError: the share is above `most`.
    """
    if len(bad) > most * total:
        raise ConversionError(
            f"{what}: {len(bad)} of {total} ({shown(bad)}), and {key} allows {most:.1%}; "
            "restore the files and run again"
        )


def needed(classes: list[str] | None, name: str) -> list[str]:
    """Return the classes, or say that the conversion of data set `name` cannot do without."""
    if not classes:
        raise ConversionError(f"{name}.yaml: this conversion needs `classes` in label order")
    return classes


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ConversionError: the file is missing, not JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConversionError(f"{path} is missing; the data set is incomplete") from None
    except ValueError as error:
        raise ConversionError(f"{path} is not JSON ({error}); get the file again") from None
    if not isinstance(content, dict):
        raise ConversionError(f"{path} holds no JSON object; get the file again")
    return content
