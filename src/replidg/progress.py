"""Progress of long work: a bar on a terminal, and a line every 30 seconds in the log file.

The last line of each work is for programs: what was counted and how long it took (`Measured`).
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LINE_EVERY_S = 30.0
#: What the line for programs begins with, behind the time and the logger's name.
MARK = "measured: "
logger = logging.getLogger("replidg.progress")


@dataclass(frozen=True)
class Measured:
    """What a piece of work took in one process; a resumed job counts what it did itself.

    Attributes:
        what: name of the work.
        unit: what was counted, e.g. "steps".
        units: how many.
        seconds: from the start, the wait for the first batch included.
        later_units: those after the first report of finished units.
        later_seconds: that these took: without what is slow only once.
        images_a_unit: images in one, where known.
        device: name of the GPU; cpu if none was used.
        peak_gpu_mb: most memory (MiB) that torch held on the GPU since the process began.
    """

    what: str
    unit: str
    units: int
    seconds: float
    later_units: int
    later_seconds: float
    images_a_unit: float | None = None
    device: str = "cpu"
    peak_gpu_mb: float | None = None

    def line(self) -> str:
        """Return it as a line of a log."""
        return MARK + json.dumps(asdict(self), ensure_ascii=False)


def read_measured(lines: Iterable[str]) -> Iterator[Measured]:
    """Yield what the lines of a log say of finished work.

    Lines that were cut off when a job was killed, and those of other versions, are passed over.
    """
    for line in lines:
        _, found, text = line.partition(MARK)
        if not found:
            continue
        try:
            yield Measured(**json.loads(text))
        except (ValueError, TypeError):
            logger.warning("no measurement: %s", line.strip()[:200])


def _gpu() -> tuple[str, float | None]:
    """Return name and peak memory (MiB) of the GPU that this process used.

    torch is looked up, never imported: most jobs do without it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return "cpu", None
    return torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20


class Progress:
    """Count units of work and say how fast they go and how long the rest will take.

    Args:
        total: number of units in the whole work.
        what: name of the work, e.g. "embedding pictograms".
        unit: what is counted, e.g. "images".
        done: units that an earlier, interrupted job already did.
        images: images of a unit, where a unit is not one.
    """

    def __init__(
        self,
        total: int,
        what: str,
        unit: str = "images",
        done: int = 0,
        images: float | None = None,
    ) -> None:
        self.total, self.what, self.unit = total, what, unit
        self.done = self._first = done
        self.images = 1.0 if unit == "images" else images
        self._start = self._said = self._last = time.monotonic()
        # When the first units were reported, and how many there were then.
        self._warm: tuple[float, int] | None = None
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
        if count:
            self._last = time.monotonic()
            self._warm = self._warm or (self._last, self.done)
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

    def measured(self) -> Measured:
        """Return what was done so far, and what it took."""
        since, units = self._warm or (self._last, self.done)
        device, peak = _gpu()
        return Measured(
            what=self.what,
            unit=self.unit,
            units=self.done - self._first,
            seconds=round(self._last - self._start, 3),
            later_units=self.done - units,
            later_seconds=round(self._last - since, 3),
            images_a_unit=self.images,
            device=device,
            peak_gpu_mb=None if peak is None else round(peak, 1),
        )

    def close(self) -> None:
        """End the bar, or write the last lines."""
        if self._bar is not None:
            self._bar.close()
        logger.info("%s", self.line())
        logger.info("%s", self.measured().line())

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
