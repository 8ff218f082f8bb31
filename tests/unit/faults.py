"""Kill a real training at drawn steps, resume it until it ends, and compare it with a whole one.

A training is a function at the top of a test module, or an object that can be pickled, called as
`train(folder, strike)`. It keeps unfinished work and results under `folder`, its results in
`folder / "out"`, and calls `strike(step)` after each step with the number of steps taken (`watch`
does that for a class with `train_step` and `step`). Each life of a training is a process that is
forked from a warm server, so a restart costs no imports. Faults strike by the step counter or by
the count of renames, never by the clock.
"""

import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import count
from pathlib import Path

#: What the server imports before it forks; missing ones are passed over.
PRELOAD = [
    "pytest",
    "open_clip",
    "timm",
    "replidg.training.hybrid_job",
    "replidg.training.wilds_job",
    "replidg.training.domain_job",
    "replidg.training.probe_job",
    "replidg.training.subset_nets",
]
LIFE_S = 120


@dataclass(frozen=True)
class Fault:
    """How one life ends.

    Attributes:
        step: after so many optimiser steps; None: not by steps.
        number: the signal. SIGKILL strikes before the step can be saved; others are asked to stop.
        rename: just before the so-manyth rename of a file in this life (SIGKILL); None: not so.
    """

    step: int | None = None
    number: int = signal.SIGKILL
    rename: int | None = None


Training = Callable[[Path, Callable[[int], None]], None]


def drawn(seed: int, steps: int, points: int = 10) -> list[Fault]:
    """Return `points` SIGKILLs and as many SIGTERMs, one of them a SIGUSR1, by increasing steps.

    Args:
        seed: of the draws.
        steps: of the training; at least twice `points`.
        points: of each signal.
    """
    chosen = random.Random(seed)
    at = sorted(chosen.sample(range(1, steps + 1), 2 * points))
    numbers = [signal.SIGKILL, signal.SIGTERM] * points
    chosen.shuffle(numbers)
    numbers[numbers.index(signal.SIGTERM)] = signal.SIGUSR1
    return [Fault(step, number) for step, number in zip(at, numbers, strict=True)]


def watch(cls: type, strike: Callable[[int], None], method: str = "train_step") -> None:
    """Let a class call `strike(self.step)` after each step. For a process that ends anyway."""
    take = getattr(cls, method)

    @wraps(take)
    def watched(self, *args, **kwargs):
        result = take(self, *args, **kwargs)
        strike(self.step)
        return result

    setattr(cls, method, watched)


def save_every(calls: int) -> None:
    """Let checkpoints be due by the count of steps: some kills then fall between two of them."""
    from replidg.checkpoints import Checkpoints

    counter = count(1)
    Checkpoints.due = lambda self: next(counter) % calls == 0


def unbroken(train: Training, folder: Path) -> dict[str, bytes]:
    """Return the results of a training that nothing disturbs, by file name."""
    return results(folder, [_live(train, folder, Fault())])


def broken(train: Training, folder: Path, faults: Sequence[Fault]) -> dict[str, bytes]:
    """Return the results of a training that dies of each fault in turn, and then ends in peace."""
    ends = [_live(train, folder, fault) for fault in faults]
    for fault, end in zip(faults, ends, strict=True):
        # Asked to stop, a training saves and exits with 99.
        expected = -signal.SIGKILL if fault.number == signal.SIGKILL else 99
        assert end == expected, f"{fault} ended with {end}: {told(folder)}"
    return results(folder, [_live(train, folder, Fault())])


def broken_at_every_rename(train: Training, folder: Path, most: int = 60) -> dict[str, bytes]:
    """Return the results of a training that dies before its 1st, 2nd, … rename until none is left.

    Between two deaths it may get on by a rename or by many; each life goes one rename further.
    """
    for rename in range(1, most):
        end = _live(train, folder, Fault(rename=rename))
        if end == 0:
            return results(folder, [end])
        assert end == -signal.SIGKILL, f"rename {rename} ended with {end}: {told(folder)}"
    raise AssertionError(f"still renaming after {most} lives")


def side_by_side(train: Training, folder: Path, fault: Fault, processes: int = 2) -> list[int]:
    """Run one life as several processes that meet by gloo; returns their exit statuses.

    The fault strikes the first one; what asks to stop is then passed on by the training itself, and
    a process that lost another one is killed here, as torchrun does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meeting = folder / f"meeting-{len(list(folder.glob('meeting-*')))}"
    group = [
        _start(_member, train, folder, fault if rank == 0 else Fault(), meeting, rank, processes)
        for rank in range(processes)
    ]
    group[0].join(LIFE_S)
    if group[0].exitcode is None or group[0].exitcode < 0:
        for process in group:
            process.kill()
    for process in group:
        process.join(LIFE_S)
    return [process.exitcode for process in group]


def _member(
    train: Training, folder: Path, fault: Fault, meeting: Path, rank: int, processes: int
) -> None:
    from torch import distributed

    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes
    )
    _life(train, folder, fault)


def results(folder: Path, ends: list[int]) -> dict[str, bytes]:
    """Return the bytes of all files below `out`, once the last life ended well."""
    assert ends[-1] == 0, told(folder)
    out = folder / "out"
    # A kill may leave a temporary file under a hidden name; no reader looks at these.
    files = sorted(p for p in out.rglob("*") if p.is_file() and not p.name.startswith("."))
    assert files, f"{out} is empty"
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def told(folder: Path) -> str:
    """Return the traceback of the last life, if it left one."""
    note = folder / "error.txt"
    return note.read_text() if note.exists() else "no traceback"


def _live(train: Training, folder: Path, fault: Fault) -> int:
    """Run one life; returns its exit status, minus the signal that ended it."""
    folder.mkdir(parents=True, exist_ok=True)
    process = _start(_life, train, folder, fault)
    process.join(LIFE_S)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{fault}: still running after {LIFE_S} s")
    return process.exitcode


def _start(target: Callable[..., None], *arguments: object) -> multiprocessing.Process:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(PRELOAD)
    process = server.Process(target=target, args=arguments)
    process.start()
    return process


def _life(train: Training, folder: Path, fault: Fault) -> None:
    renames = count(1)

    def die_before_rename(event: str, _arguments: tuple) -> None:
        if event == "os.rename" and next(renames) == fault.rename:
            os.kill(os.getpid(), signal.SIGKILL)

    def strike(step: int) -> None:
        if step == fault.step:
            os.kill(os.getpid(), fault.number)
            # Called in another thread, it lets the main one take note of the signal.
            time.sleep(0.05)

    if fault.rename is not None:
        sys.addaudithook(die_before_rename)
    try:
        train(folder, strike)
    except Exception:
        (folder / "error.txt").write_text(traceback.format_exc())
        raise
