"""Heads of many linear probes in one tensor, and Adam's steps of some of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS, EPS = (0.9, 0.999), 1e-8


class Head:
    """Parameters (S, L * C, D) or (S, L * C), their gradient, and Adam's state of each probe's.

    Args:
        value: the parameters at the start.
        rates: L.
    """

    def __init__(self, value: Tensor, rates: int) -> None:
        self.value, self.rates = value, rates
        self.gradient, self.first, self.second = (torch.zeros_like(value) for _ in range(3))
        self.taken = value.new_zeros(len(value), rates, dtype=torch.float32)
        own = (self.value, self.gradient, self.first, self.second)
        views = [t.unflatten(1, (rates, -1)).flatten(0, 1).unbind() for t in own]
        # Of probe p of stream s, at s * L + p: what a step reads and writes.
        self.parts = list(zip(*views, self.taken.flatten().unbind(), strict=True))


def take_step(heads: list[Head], which: list[int], rate: float, decay: float) -> None:
    """Take a step of Adam with L2 weight decay of some probes, all at one learning rate."""
    parts = [head.parts[probe] for head in heads for probe in which]
    values, gradients, firsts, seconds, taken = map(list, zip(*parts, strict=True))
    adam(
        values, gradients, firsts, seconds, [], taken,
        fused=True, amsgrad=False, maximize=False, lr=rate, weight_decay=decay,
        beta1=BETAS[0], beta2=BETAS[1], eps=EPS,
    )  # fmt: skip
