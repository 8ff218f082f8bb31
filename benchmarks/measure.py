"""Interleaved measurements: what is compared runs in turns, in one process, with equal threads.

CPU seconds (of this process and of children that have ended) are kept beside wall time, because
other work on the machine stretches wall time and hardly changes CPU time. With a GPU wall time is
what counts: it ends when the GPU has done what it was asked for.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

#: Does some work and returns how many units it did.
Work = Callable[[], float]


class Missing(RuntimeError):
    """A case cannot be measured here; the message says why and what to do about it."""


class Spent(NamedTuple):
    """Seconds a unit of work."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes:
        rounds: measurements of each side.
        quick: less work a measurement: seconds rather than minutes, and more noise.
        threads: of torch, for each side.
        folder: for pictures and other temporary files.
        demo: a checkout with a finished demo.
        device: `cpu` or `cuda`, where networks and probes lie.
        workers: decoding processes of each side; 0: this process decodes.
    """

    rounds: int
    quick: bool
    threads: int
    folder: Path
    demo: Path
    device: str = "cpu"
    workers: int = 0

    @property
    def cuda(self) -> bool:
        """Tell whether a GPU computes."""
        return self.device == "cuda"


class Span(NamedTuple):
    """A median with its lowest and highest value."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A line of the table; what was not measured is None, and `note` says why.

    Attributes:
        case: letter.
        what: is measured.
        peer: what it is compared with.
        unit: of work.
        ours: median seconds a unit.
        theirs: the same of the peer.
        by_cpu: how many times faster than the peer, by CPU time.
        by_wall: the same by wall time.
        goal: in words.
        note: what a reader must know.
    """

    case: str
    what: str
    peer: str = ""
    unit: str = ""
    ours: Spent | None = None
    theirs: Spent | None = None
    by_cpu: Span | None = None
    by_wall: Span | None = None
    goal: str = ""
    note: str = ""


def now() -> Spent:
    """Return wall and CPU seconds so far."""
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Spent(time.perf_counter(), sum(used.ru_utime + used.ru_stime for used in each))


@dataclass(frozen=True)
class Steps:
    """A work of several steps on batches that other processes decode.

    Attributes:
        step: one of them.
        count: measured.
        waiting: as many batches, at most, are decoded before a turn begins. They would be free:
            as many steps come first, unmeasured.
    """

    step: Callable[[], None]
    count: int
    waiting: int = 0

    def warm(self) -> None:
        """Take the steps that are not measured."""
        for _ in range(self.waiting):
            self.step()

    def __call__(self) -> int:
        """Take the others and return their number."""
        for _ in range(self.count):
            self.step()
        return self.count


def timed(work: Work) -> Spent:
    """Return the seconds a unit of one piece of work."""
    if isinstance(work, Steps):
        work.warm()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
    start = now()
    units = work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    end = now()
    return Spent((end.wall - start.wall) / units, (end.cpu - start.cpu) / units)


def interleaved(sides: Mapping[str, Work], rounds: int) -> dict[str, list[Spent]]:
    """Measure each side once a round, one after another, after an unmeasured first time."""
    for work in sides.values():
        timed(work)
    found: dict[str, list[Spent]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            found[name].append(timed(work))
    return found


def middle(spent: list[Spent]) -> Spent:
    """Return the medians."""
    return Spent(median(s.wall for s in spent), median(s.cpu for s in spent))


def faster(ours: list[Spent], theirs: list[Spent], clock: str) -> Span:
    """Return how many times faster ours is, round by round; `clock` is wall or cpu."""
    ratios = [
        getattr(peer, clock) / max(getattr(own, clock), 1e-9)
        for own, peer in zip(ours, theirs, strict=True)
    ]
    return Span(median(ratios), min(ratios), max(ratios))


def compared(
    found: Mapping[str, list[Spent]], ours: str, peer: str, *, case: str, what: str, unit: str,
    goal: str = "", note: str = "",
) -> Row:  # fmt: skip
    """Return the row that compares two sides of `interleaved`."""
    own, other = found[ours], found[peer]
    return Row(
        case, what, peer, unit, middle(own), middle(other),
        faster(own, other, "cpu"), faster(own, other, "wall"), goal, note,
    )  # fmt: skip
