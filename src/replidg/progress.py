"""Progress of long work: a bar on a terminal, and a line every 30 seconds in the log file."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LINE_EVERY_S = 30.0
logger = logging.getLogger("replidg.progress")


class Progress:
    """Count units of work and say how fast they go and how long the rest will take.

    Args:
        total: number of units in the whole work.
        what: name of the work, e.g. "embedding pictograms".
        unit: what is counted, e.g. "images".
        done: units that an earlier, interrupted job already did.
    """

    def __init__(self, total: int, what: str, unit: str = "images", done: int = 0) -> None:
        self.total, self.what, self.unit = total, what, unit
        self.done = self._first = done
        self._start = self._said = time.monotonic()
        self._note = ""
        self._bar = (
            tqdm(total=total, initial=done, desc=what, unit=f" {unit}")
            if sys.stderr.isatty()
            else None
        )

    def add(self, count: int = 1, note: str = "") -> None:
        """Add `count` finished units; `note` (e.g. the loss) is shown beside the rate."""
        self.done += count
        self._note = note or self._note
        if self._bar is not None:
            self._bar.update(count)
            self._bar.set_postfix_str(self._note, refresh=False)
        if time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            logger.info("%s", self.line())

    def line(self) -> str:
        """Return the state as one line of text with rate and ETA."""
        seconds = max(time.monotonic() - self._start, 1e-9)
        rate = (self.done - self._first) / seconds
        left = (self.total - self.done) / rate if rate > 0 else float("inf")
        eta = f"{left:.0f} s left" if left < 1e8 else "time left unknown"
        note = f", {self._note}" if self._note else ""
        return (
            f"{self.what}: {self.done}/{self.total} {self.unit}, "
            f"{rate:.1f} {self.unit}/s, {eta}{note}"
        )

    def close(self) -> None:
        """End the bar, or write the last line."""
        if self._bar is not None:
            self._bar.close()
        logger.info("%s", self.line())

    def __enter__(self) -> Progress:
        """Start counting."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting, also after an error."""
        self.close()


def tracked(items: Iterable[Item], total: int, what: str, unit: str = "images") -> Iterator[Item]:
    """Yield `items` and show the progress through them."""
    with Progress(total, what, unit) as progress:
        for item in items:
            yield item
            progress.add()
