"""Torch's switches for a whole job."""

from __future__ import annotations

import torch

from replidg import processes
from replidg.arithmetic import switch
from replidg.config.compute import Compute


def deterministic(threads: int, compute: Compute | None = None) -> None:
    """Make runs repeatable bit for bit on this machine, or as fast as the configuration allows.

    Args:
        threads: CPU threads of the job; its processes share them.
        compute: the switches of its training; the default without.
    """
    compute = compute or Compute()
    torch.set_num_threads(max(1, threads // processes.count()))
    switch(compute.tf32, compute.deterministic)
