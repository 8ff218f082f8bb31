"""Learning rates by epoch: StepLR, and StepLR followed by SWALR (arXiv 2311.02236's train.py).

In closed form, so that a resumed or batched run needs no scheduler's state; the unit tests compare
every epoch with torch's own schedulers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Epochs and learning rates of a run.

    Attributes:
        epochs: of the run.
        step_epochs: StepLR: epochs between two drops.
        gamma: StepLR: factor of a drop.
        swa_epochs: the last so many epochs end with a snapshot that is averaged; 0: no averaging.
        swa_lr: SWALR: the rate that it anneals to.
        anneal_epochs: SWALR: epochs until it is there.
    """

    epochs: int
    step_epochs: int
    gamma: float
    swa_epochs: int = 0
    swa_lr: float = 0.0
    anneal_epochs: int = 1

    def rates(self, base: float) -> list[float]:
        """Return the learning rate of each epoch.

        StepLR is stepped after every epoch that ends without a snapshot, SWALR (cosine) after every
        other one. So in the first averaged epoch the rate is still StepLR's, and StepLR's drops
        after that never happen.

        Args:
            base: learning rate of the first epoch.
        """
        start = self.epochs - self.swa_epochs
        found = []
        for epoch in range(self.epochs):
            stepped = base * self.gamma ** (min(epoch, start) // self.step_epochs)
            taken = max(0, epoch - start)
            share = (1 - math.cos(math.pi * min(1.0, taken / self.anneal_epochs))) / 2
            found.append(stepped * (1 - share) + self.swa_lr * share)
        return found

    def averaged(self, epoch: int) -> bool:
        """Tell whether the weights at the end of an epoch (from 0) join the average."""
        return epoch >= self.epochs - self.swa_epochs
