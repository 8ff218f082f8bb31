"""What is on disk against what the registry or the configuration expects of it."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from replidg.data.errors import DatasetError
from replidg.data.registry.schema import Release
from replidg.files import sha256_file

logger = logging.getLogger(__name__)


@dataclass
class Census:
    """Counts over the rows of an index, chunk by chunk.

    Attributes:
        contents: hash what is in the files; else their sizes stand for it.
        left_out: what the reader left out, e.g. images without a label.
    """

    contents: bool = False
    images: int = 0
    domains: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    licences: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, frame: pd.DataFrame) -> None:
        """Count the rows of one chunk."""
        self.images += len(frame)
        self.left_out |= frame.attrs.get("left_out", {})
        # Two pairs of ImageNet's classes share a name; their synsets differ.
        named = "synset" if "synset" in frame else "class_name"
        kept = [("domain", self.domains), ("split", self.splits), (named, self.classes)]
        for column, counts in [*kept, ("licence", self.licences)]:
            if column in frame:
                for key, number in frame[column].value_counts(sort=False).items():
                    counts[str(key)] = counts.get(str(key), 0) + int(number)
        for image_id, mark in zip(frame["image_id"], self._marks(frame), strict=True):
            self._digest.update(f"{image_id}\t{mark}\n".encode())

    def _marks(self, frame: pd.DataFrame) -> Iterable[str]:
        if "path" not in frame:
            return [""] * len(frame)
        return map(sha256_file if self.contents else file_size, frame["path"])

    def fingerprint(self) -> str:
        """Return a sha256 over all image ids with their contents' hashes, or with their sizes.

        Sizes stand for contents in folders of hundreds of thousands of images.
        """
        return self._digest.hexdigest()


def file_size(path: str) -> int:
    """Return the size of an indexed file in bytes.

    Raises:
        DatasetError: it is not there.
    """
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be opened ({error.strerror}); restore it, or what it links to"
        ) from error


def take(frames: Iterable[pd.DataFrame], contents: bool = False) -> Census:
    """Return the census of an index given as chunks."""
    census = Census(contents)
    for frame in frames:
        census.add(frame)
    return census


def drift(name: str, found: dict[str, int], expected: dict[str, int]) -> dict[str, Any]:
    """Return where counts differ from the expected ones, and log each.

    Several of these data sets changed since the papers (TerraIncognita has 24,330 images today,
    24,788 in older papers). That does not stop a run: the report says so.
    """
    differing = {
        key: {"expected": number, "found": found.get(key, 0)}
        for key, number in expected.items()
        if found.get(key, 0) != number
    }
    for key, pair in differing.items():
        logger.warning("%s/%s: %s images expected, %s found", name, key, *pair.values())
    return differing


def release_of(found: dict[str, int], releases: Iterable[Release]) -> str | None:
    """Return the name of the release with exactly these counts, if one is known."""
    for release in releases:
        if release.images and all(found.get(k, 0) == n for k, n in release.images.items()):
            return release.name
    return None
