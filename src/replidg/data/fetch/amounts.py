"""Bytes: in words, and as progress."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from replidg.progress import Progress

MB = 1_000_000


def in_words(size: float) -> str:
    """Return a number of bytes for people, e.g. "12.3 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


class ByteProgress:
    """Progress over bytes, shown in MB.

    Args:
        total: bytes in all; None if nobody knows.
        what: name of the work.
        done: bytes that an earlier job already did.
    """

    def __init__(self, total: int | None, what: str, done: int = 0) -> None:
        # With an infinite total tqdm shows no bar and Progress says that the time is unknown.
        whole = math.inf if total is None else math.ceil(total / MB)
        self._progress = Progress(whole, what, "MB", done // MB)
        self._bytes, self._total = done, total

    def add(self, count: int) -> None:
        """Count `count` more bytes."""
        self.at(self._bytes + count)

    def at(self, position: int) -> None:
        """Say how many bytes are done in all; going back (a new start) shows when it is passed."""
        self._bytes = position
        finished = self._total is not None and position >= self._total
        shown = math.ceil(position / MB) if finished else position // MB
        if shown > self._progress.done:
            self._progress.add(shown - self._progress.done)

    def close(self) -> None:
        """End the bar, or write the last line."""
        self._progress.close()

    def __enter__(self) -> ByteProgress:
        """Start counting."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting, also after an error."""
        self.close()


def free_bytes(folder: Path) -> tuple[int, Path]:
    """Return the bytes free for us where `folder` is or will be, and the folder asked."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free, folder
