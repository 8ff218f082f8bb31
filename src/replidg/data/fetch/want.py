"""What a source is asked for, and what it hands over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Patience:
    """How long a source is bothered.

    Attributes:
        tries: attempts in a row that bring no new byte before the source is given up.
        timeout_s: seconds for the connection, and between two pieces of the answer.
        longest_wait_s: a server that asks for a longer pause (Retry-After) is given up at once.
        wait: sleeps that many seconds.
    """

    tries: int = 8
    timeout_s: tuple[float, float] = (15.0, 60.0)
    longest_wait_s: float = 600.0
    wait: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Want:
    """A file that is wanted.

    Attributes:
        dataset: key of the data set, for messages.
        name: the file's name in `folder`.
        folder: where it and its unfinished parts lie.
        archive: kind of archive, as in the registry.
        sha256: expected, where known.
        size: expected, in bytes, where known.
        patience: how long to try.
    """

    dataset: str
    name: str
    folder: Path
    archive: str
    sha256: str | None
    size: int | None
    patience: Patience = Patience()

    @property
    def path(self) -> Path:
        """Its final name."""
        return self.folder / self.name

    def beside(self, suffix: str) -> Path:
        """Return a name beside the final one, for what is not finished."""
        return self.folder / f"{self.name}{suffix}"


@dataclass(frozen=True)
class Candidate:
    """Bytes from a source, not checked yet.

    Attributes:
        path: a file in the wanted file's folder, or below it.
        resumed: its beginning came in an earlier run or from another source, so that a wrong hash
            may not be this source's fault.
    """

    path: Path
    resumed: bool = False
