"""Checkpoints that survive a kill while they are written, and a stop that loses nothing.

They live outside Snakemake's declared outputs, which it deletes before a job starts, in a folder
named by a hash of everything that affects the training.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from replidg import processes
from replidg.files import whole_file
from replidg.processes import STOPPED

logger = logging.getLogger(__name__)


class Checkpoints:
    """The newest checkpoint of a run and the one before it.

    Args:
        folder: where they live.
        every_s: seconds between two.
    """

    def __init__(self, folder: Path, every_s: float) -> None:
        self.newest, self.previous = folder / "newest.pt", folder / "previous.pt"
        self.every_s = every_s
        self.saved_at = time.monotonic()

    def due(self) -> bool:
        """Tell whether it is time for the next one."""
        return time.monotonic() - self.saved_at >= self.every_s

    def save(self, state: dict[str, Any]) -> None:
        """Write `state`, keeping the checkpoint before it; while it is written there are two."""
        for leftover in self.newest.parent.glob(f".{self.newest.stem}.*.part*"):
            leftover.unlink()  # of a process that was killed while it wrote: as large as the others
        with whole_file(self.newest) as temporary:
            torch.save(state, temporary)
            if self.newest.exists():
                self.newest.replace(self.previous)
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the newest state that can be read, or None if there is none."""
        for path in (self.newest, self.previous):
            if path.is_file():
                try:
                    return read(path)
                # See `read` for what a damaged file may raise.
                except Exception as error:
                    logger.warning("%s is damaged (%r); trying the one before", path, error)
                    path.unlink()
        return None


def read(path: Path) -> dict[str, Any]:
    """Return a checkpoint.

    torch does not compare its records with their checksums: a flipped bit would go unnoticed.

    Raises:
        zipfile.BadZipFile: a record is not what was written.
        Exception: torch raises nearly anything on a damaged file: KeyError, EOFError …
    """
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
    return torch.load(path, map_location="cpu", weights_only=True)


class StopRequest:
    """Whether the scheduler asked this job to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        """Tell whether a signal came."""
        return self.signal is not None


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Note SIGTERM and SIGUSR1 (time limit, preemption) instead of dying of them in the block."""
    request = StopRequest()

    def note(number: int, _frame: object) -> None:
        request.signal = number

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Resumable(Protocol):
    """A training in steps whose whole state can be saved."""

    step: int

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""


def resume(run: Resumable, checkpoints: Checkpoints, name: str) -> None:
    """Continue from the newest checkpoint that can be read, if there is one."""
    if not processes.is_main():
        processes.meet()  # the main one takes damaged files away first
    state = checkpoints.load()
    if processes.is_main():
        processes.meet()
    if state is not None:
        run.load_state_dict(state)
        logger.info("%s: resuming after step %d", name, run.step)


def keep(run: Resumable, checkpoints: Checkpoints, stop: StopRequest, name: str) -> None:
    """After a step: save if it is time to, or if a signal came, after which the job exits.

    Of several processes the first one saves, by its clock; a signal to one stops all.
    """
    main = processes.is_main()
    stopped, due = processes.agreed([bool(stop), main and checkpoints.due()])
    if stopped or due:
        state = run.state_dict()  # by all processes: some gather in it what each has
        if main:
            checkpoints.save(state)
    if stopped:
        processes.meet()  # torchrun ends the others when one is gone
        logger.warning("%s: stopped by signal %s, step %d saved", name, stop.signal, run.step)
        sys.exit(STOPPED)
