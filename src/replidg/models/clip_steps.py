"""Saving, stopping and resuming a training that open_clip's `train_one_epoch` runs.

That function asks its loader for a batch only once the step before is done. So the loader is where
a training is saved between two steps, and where a resumed one is given the batches that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from replidg.seeds import seed_of

Batch = tuple[Tensor, Tensor]


class Loader(Protocol):
    """What `train_one_epoch` expects of a data loader.

    Attributes:
        num_batches: an epoch.
        num_samples: an epoch.
    """

    num_batches: int
    num_samples: int

    def batches(self, first: int) -> Iterable[Batch]:
        """Return the batches of the epoch from the one of that number on."""

    def set_epoch(self, epoch: int) -> None:
        """Choose order and augmentation."""


class ClipSteps:
    """Weights, optimiser and place of a training; its loader, too, in `train_one_epoch`'s eyes.

    Args:
        model: the CLIP, wrapped for several processes or not.
        optimizer: its own.
        scaler: of the loss in float16, or None.
        loader: of the batches.
        accumulate: batches a step; those behind an epoch's last whole step are left out.
        seed: what the forward pass draws (dropout) is a function of it and of the batch.
        after_step: called with this object once a step is done: here it is saved.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler | None,
        loader: Loader,
        accumulate: int,
        seed: int,
        after_step: Callable[[ClipSteps], None],
    ) -> None:
        self.model, self.optimizer, self.scaler = model, optimizer, scaler
        self.loader, self.accumulate, self.after_step = loader, accumulate, after_step
        self.seed = seed
        self.per_epoch = loader.num_batches // accumulate
        self.num_batches, self.num_samples = loader.num_batches, loader.num_samples
        self.step = 0
        self.dataloader = self

    @property
    def epoch(self) -> int:
        """Number of the epoch that the next step is in, from 0."""
        return self.step // self.per_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose order and augmentation, as `train_one_epoch` asks for."""
        self.loader.set_epoch(epoch)

    def schedule(self, original: Callable[[int], None]) -> Callable[[int], None]:
        """Return the schedule of an epoch that goes on: `train_one_epoch` counts from its start."""
        done = self.step % self.per_epoch
        return lambda step: original(step + done)

    def advance(self) -> None:
        """Count a step."""
        self.step += 1

    def __iter__(self) -> Iterator[Batch]:
        """Yield what is left of the epoch; code behind the yield runs after the batch's use."""
        epoch, done = divmod(self.step, self.per_epoch)
        numbers = range(done * self.accumulate, self.per_epoch * self.accumulate)
        batches = self.loader.batches(numbers.start)
        for number, batch in zip(numbers, islice(batches, len(numbers)), strict=True):
            torch.manual_seed(seed_of(self.seed, "clip batch", epoch, number))
            yield batch
            if (number + 1) % self.accumulate == 0:
                self.advance()
                self.after_step(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the state in the format of open_clip's own checkpoints, and the step."""
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "state_dict": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        return state if self.scaler is None else state | {"scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step = state["step"]
        self.model.load_state_dict(state["state_dict"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])
