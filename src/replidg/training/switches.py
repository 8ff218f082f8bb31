"""Torch's switches for a whole job."""

from __future__ import annotations

import os

import torch

from replidg import processes
from replidg.config.compute import Compute


def deterministic(threads: int, compute: Compute | None = None) -> None:
    """Make runs repeatable bit for bit on this machine, or as fast as the configuration allows.

    Args:
        threads: CPU threads of the job; its processes share them.
        compute: the switches of its training; the default without.
    """
    compute = compute or Compute()
    torch.set_num_threads(max(1, threads // processes.count()))
    if compute.deterministic:
        # cuBLAS repeats its sums only with a workspace of a fixed size.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(compute.deterministic, warn_only=True)
    torch.backends.cudnn.benchmark = not compute.deterministic
    torch.backends.cuda.matmul.allow_tf32 = compute.tf32
    torch.backends.cudnn.allow_tf32 = compute.tf32
