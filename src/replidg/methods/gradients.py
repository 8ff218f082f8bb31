"""The gradient of a step: of a batch at once or in parts, scaled or not, in one process or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from replidg import processes
from replidg.config.compute import Compute


class Gradients:
    """Leaves gradients in parameters, and takes steps along them.

    Args:
        parameters: those that learn.
        compute: the switches.
        device: where they are.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] = (),
        compute: Compute | None = None,
        device: torch.device | None = None,
    ) -> None:
        compute = compute or Compute()
        self.parameters, self.parts = list(parameters), compute.accumulate
        kind = device.type if device is not None else "cpu"
        self.scaler = torch.amp.GradScaler(kind, enabled=compute.precision == "fp16")

    def of(self, loss: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """Add the gradient of a mean over a batch; returns the loss, detached, on the device.

        Args:
            loss: of tensors with a row an image.
            batch: these tensors; they are divided into parts of the same rows.
        """
        total: Tensor | None = None
        for part in zip(*(each.chunk(self.parts) for each in batch), strict=True):
            value = loss(*part)
            if len(part[0]) != len(batch[0]):
                value = value * (len(part[0]) / len(batch[0]))
            self.scaler.scale(value).backward()
            total = value.detach() if total is None else total + value.detach()
        self.share()
        return total

    def share(self) -> None:
        """Make the gradients those of all processes: their mean."""
        found = [p.grad for p in self.parameters if p.grad is not None]
        if processes.count() > 1 and found:
            for gradient, mean in zip(found, mean_over_processes(found), strict=True):
                gradient.copy_(mean)

    def step(self, optimizers: Iterable[Optimizer], clip_norm: float | None = None) -> None:
        """Take a step; one whose scaled gradients overflow is left out, as PyTorch does."""
        for optimizer in optimizers:
            if clip_norm:
                self.scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(self.parameters, clip_norm)
            self.scaler.step(optimizer)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the loss scaling; empty without."""
        return self.scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        if state:
            self.scaler.load_state_dict(state)


def mean_over_processes(tensors: list[Tensor]) -> list[Tensor]:
    """Return the mean of each tensor over the processes, sent as one."""
    if processes.count() == 1:
        return tensors
    flat = torch.cat([each.reshape(-1) for each in tensors])
    distributed.all_reduce(flat)
    flat /= processes.count()
    parts = flat.split([each.numel() for each in tensors])
    return [part.view(each.shape) for part, each in zip(parts, tensors, strict=True)]
