"""Several processes of one training, one a GPU: how they start, meet and agree.

All of them compute the same run. Files are written by the first alone, and read by the others once
it says so.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
from functools import cache
from typing import Any

import torch
from torch import Tensor, distributed

logger = logging.getLogger(__name__)
#: Status of a job that a signal asked to stop, and that saved what it had.
STOPPED = 99


def count() -> int:
    """Return how many processes share a training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_main() -> bool:
    """Tell whether this process writes files."""
    return rank() == 0


def agreed(flags: list[bool]) -> list[bool]:
    """Return flags that any process has set; waits for all of them."""
    if count() == 1:
        return flags
    values = torch.tensor(flags, dtype=torch.int32)
    distributed.all_reduce(values, distributed.ReduceOp.MAX, group=_on_cpu())
    return [bool(value) for value in values]


@cache
def _on_cpu() -> distributed.ProcessGroup:
    """Return a group for the CPU: nobody waits for a GPU, and open_clip has begun without one."""
    return distributed.new_group(backend="gloo")


def gathered(own: Any) -> list[Any]:
    """Return what each process has, in the order of their ranks; any object of plain Python."""
    if count() == 1:
        return [own]
    found = [None] * count()
    distributed.all_gather_object(found, own, group=_on_cpu())
    return found


def meet() -> None:
    """Wait for all processes."""
    agreed([False])


def together(own: Tensor) -> Tensor:
    """Return the rows (N, …) of all processes, one process after the other (count * N, …)."""
    own = own.contiguous()
    everyone = [torch.empty_like(own) for _ in range(count())]
    distributed.all_gather(everyone, own)
    return torch.cat(everyone)


def launch(processes: int) -> None:
    """Run this very script as so many processes by torchrun, and exit when they have ended.

    A process that torchrun started joins the others and returns; so does the only one.

    Raises:
        SystemExit: the processes' status; 99 where a signal asked to stop.
        RuntimeError: there are GPUs, but fewer.
    """
    if processes == 1:
        return
    found = torch.cuda.device_count()
    if 0 < found < processes:
        raise RuntimeError(
            f"gpus: {processes} in the configuration, but this job sees {found}; ask the scheduler "
            "for as many, or lower `gpus`"
        )
    if "TORCHELASTIC_RUN_ID" in os.environ:
        join()
        return
    raise SystemExit(run([*torchrun(processes), *sys.argv]))


def torchrun(processes: int) -> list[str]:
    """Return the command that starts so many processes of what is appended, on this node."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        f"--nproc-per-node={processes}",
        # Time to end a step and to save.
        "--shutdown-timeout=300",
        # A scheduler may signal every process of a job: torchrun must not die of what asks to stop.
        "--signals-to-handle=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1",
    ]


def join(backend: str | None = None) -> None:
    """Meet the other processes that torchrun started, once, and part from them at the end.

    Args:
        backend: gloo for tensors on the CPU and NCCL for those on a GPU, if absent.
    """
    if distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = backend or "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend or "gloo")
    atexit.register(leave)
    if not is_main():  # one of them tells
        logging.getLogger("replidg").setLevel(logging.WARNING)


def leave() -> None:
    """Part from the other processes as this one ends: threads that still listen can abort it.

    Not after an error: the others may wait in a step that this one never takes, and parting would
    wait for them; torchrun ends them when this one is gone.
    """
    if distributed.is_initialized() and not hasattr(sys, "last_value"):
        distributed.destroy_process_group()


def run(command: list[str]) -> int:
    """Run torchrun, ask its processes to stop when a signal asks this one; returns its status."""
    process = subprocess.Popen(command)
    asked: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        asked.append(number)
        # Of the two that ask to stop, torchrun knows this one.
        process.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return STOPPED if status and asked else status
