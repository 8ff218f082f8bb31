"""Trainings of several processes: how they are started, asked to stop, and agree on when.

torchrun kills its processes 30 seconds after a SIGTERM, dies of SIGUSR1 and outlives the job that
started it. So it gets no signals: it holds the end of a pipe. When the job is asked to stop, or is
no more, the pipe is closed; the processes see that after a step, save and end.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed

from replidg.checkpoints import STOPPED, Checkpoints, Resumable, StopRequest, stop_on_signal

logger = logging.getLogger(__name__)
#: Set for processes whose standard input is closed when they are to stop.
PIPED = "REPLIDG_STOP_BY_STDIN"


def run_processes(command: Sequence[str]) -> int:
    """Run torchrun's command to its end.

    SIGTERM and SIGUSR1 are passed on by closing its standard input, see `Agreement`.

    Returns:
        Its exit status; `STOPPED` if it was asked to stop.
    """
    with stop_on_signal() as stop:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            env={**os.environ, PIPED: "1"},
            # A signal for the job's group of processes is then none for torchrun.
            start_new_session=True,
        )
        status = None
        while status is None:
            try:
                status = process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                if stop and not process.stdin.closed:
                    logger.warning("signal %d: asking the processes to stop", stop.signal)
                    process.stdin.close()
    process.stdin.close()
    return STOPPED if status and stop else status


class Agreement:
    """What the processes of a training agree on after a step; one process agrees with itself.

    Args:
        stop: this process' signals.
    """

    def __init__(self, stop: StopRequest) -> None:
        self.stop = stop
        self.several = distributed.is_initialized() and distributed.get_world_size() > 1
        # Of its own, on the CPU: no process then waits for a GPU to say whether to go on.
        self.group = distributed.new_group(backend="gloo") if self.several else None

    @property
    def main(self) -> bool:
        """Tell whether this is the process that saves."""
        return not self.several or distributed.get_rank() == 0

    def reached(self, due: bool) -> tuple[bool, bool]:
        """Return whether to stop, and whether to save: the same in every process.

        Args:
            due: it is time to save; what the main process says counts.
        """
        if not self.stop and _closed():
            self.stop.signal = signal.SIGTERM
        asked = torch.tensor([bool(self.stop), due and self.main], dtype=torch.uint8)
        if self.several:
            distributed.all_reduce(asked, distributed.ReduceOp.MAX, group=self.group)
        stop, save = asked.bool().tolist()
        return stop, stop or save

    def keep(self, run: Resumable, checkpoints: Checkpoints, name: str) -> None:
        """After a step: save if it is time to, or if a signal came, after which the job exits.

        Like `replidg.checkpoints.keep`, for several processes.
        """
        stop, save = self.reached(checkpoints.due())
        if save:
            state = run.state_dict()  # of all processes, where each has a part
            if self.main:
                checkpoints.save(state)
        if stop:
            self.wait()
            logger.warning("%s: asked to stop, step %d saved", name, run.step)
            sys.exit(STOPPED)

    def gather(self, own: Any) -> list[Any]:
        """Return what each process has, in the order of their ranks."""
        if not self.several:
            return [own]
        found: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(found, own, group=self.group)
        return found

    def wait(self) -> None:
        """Wait for the other processes: torchrun ends all when the first one does."""
        if self.several:
            distributed.barrier(group=self.group)


def _closed() -> bool:
    """Tell whether the job that started this process has closed its standard input, or is gone."""
    if PIPED not in os.environ:
        return False
    # Nothing is ever written: what can be read is the end.
    return bool(select.select([sys.stdin], [], [], 0)[0])
