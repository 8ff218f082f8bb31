"""How a tower's passes are computed: compiled, in fewer bits, each process its part of a batch.

Only passes of towers differ. What is made of their embeddings (heads, losses, metrics) sees the
whole batch as float32 in every process, so losses that compare images or domains stay what they
are. Gradients too: with R processes that compute the same loss, each gets the gradient of its own
rows times R, and their mean (`gradients.Gradients`) is that of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from replidg import processes
from replidg.config.compute import Compute

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
Pass = Callable[[Tensor], Tensor]


def prepare(tower: nn.Module, compute: Compute, device: torch.device) -> None:
    """Let a tower compute by the switches from now on. By default it stays as it is."""
    function: Pass = tower.forward
    if compute.compile:
        function = torch.compile(function)
    function = in_precision(function, compute, device)
    if processes.count() > 1:
        function = shared(function)
    if function != tower.forward:
        tower.forward = function


def restore(tower: nn.Module) -> None:
    """Let a tower compute as it was written: in float32, in this process alone."""
    tower.__dict__.pop("forward", None)


def in_precision(function: Pass, compute: Compute, device: torch.device) -> Pass:
    """Return a pass in autocast that returns float32; the pass itself if the precision is that."""
    dtype = DTYPES.get(compute.precision)
    if dtype is None:
        return function

    def narrow(images: Tensor, **options: Any) -> Tensor:
        with torch.autocast(device.type, dtype):
            return function(images, **options).float()

    return narrow


def shared(function: Pass) -> Pass:
    """Return a pass of which each process computes its rows, and gets the rows of all."""

    def passed(images: Tensor) -> Tensor:
        return Together.apply(function(images[own_rows(len(images))]))[: len(images)]

    return passed


def own_rows(total: int) -> slice | list[int]:
    """Return the rows of this process; all have as many, the last one again where some lack."""
    size = -(-total // processes.count())
    first = processes.rank() * size
    if size * processes.count() == total:
        return slice(first, first + size)
    return [min(row, total - 1) for row in range(first, first + size)]


class OwnItems:
    """Batch sampler: of each batch of another sampler, the items of this process.

    Args:
        sampler: yields lists of items; its batches may differ in their length.
    """

    def __init__(self, sampler: Collection[list[Any]]) -> None:
        self.sampler = sampler

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield the own items of a batch."""
        for items in self.sampler:
            rows = own_rows(len(items))
            yield items[rows] if isinstance(rows, slice) else [items[row] for row in rows]


def whole_batch(own: Tensor, total: int, device: torch.device) -> Tensor:
    """Return the `total` images of a batch, of which each process decoded its rows, as uint8."""
    if processes.count() == 1:
        return own
    return processes.together(own.to(device, non_blocking=True))[:total]


class Together(torch.autograd.Function):
    """The rows of all processes.

    Each computes the same loss of them, so none has to be asked for its gradient: the sum over
    processes is this one's times their number.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        """Return all rows."""
        ctx.size = len(own)
        return processes.together(own)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of the own rows, over all processes."""
        first = processes.rank() * ctx.size
        return gradient[first : first + ctx.size] * processes.count()


def check_statistics(tower: nn.Module, compute: Compute) -> None:
    """Refuse to divide batches of a tower in training mode whose layers take statistics of them.

    Raises:
        ValueError: batch-norm layers learn their statistics.
    """
    learning = any(isinstance(m, _BatchNorm) and m.training for m in tower.modules())
    if learning and (compute.accumulate > 1 or compute.gpus > 1):
        raise ValueError(
            "accumulate and gpus divide a batch, and the tower's batch-norm layers take statistics "
            "of it: set both switches to 1, or, where the statistics may stay as they are, "
            "models.<name>.frozen_batchnorm: true (students of scipd always learn theirs)"
        )
