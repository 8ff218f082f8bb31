"""Torch's switches between speed and repeatability on a GPU."""

from __future__ import annotations

import os

import torch


def switch(tf32: bool, deterministic: bool) -> None:
    """Set them for this process.

    Args:
        tf32: TF32 for float32 products and convolutions.
        deterministic: the same bits each time, where torch has such kernels (it warns where not);
            else the fastest ones.
    """
    if deterministic:
        # cuBLAS repeats its sums only with a workspace of a fixed size.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
