"""Linear probes of cached embeddings, many trained at once as batched matrix products.

A stream is one order of training images (a subset and its draws). All learning rates of a stream
see the same batches, so their heads stand side by side in one matrix (L * C, D); several streams
are a batch of such matrices. The arithmetic is that of torch.optim.Adam with L2 weight decay, mean
cross-entropy and a rate per epoch, so every probe ends where it would have ended alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from replidg.data.epoch_draws import epoch_rows
from replidg.methods.epoch_schedule import Schedule
from replidg.scores import SCORES
from replidg.seeds import seed_of, seeded

BETAS, EPS = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Stream:
    """One order of training images, and the learning rates that are trained on it.

    Attributes:
        rows: (n,) rows of the training features: the subset.
        weights: (n,) probability of each at a draw with replacement; None: each once an epoch.
        parts: what the draws are for.
        seed: of the heads.
        rates: learning rate of each of the L probes in the first epoch.
    """

    rows: np.ndarray
    weights: np.ndarray | None
    parts: tuple[int | str, ...]
    seed: int
    rates: tuple[float, ...]

    def steps(self, batch: int) -> int:
        """Return the optimiser steps of an epoch."""
        return -(-len(self.rows) // batch)

    def batches(self, epoch: int, batch: int) -> np.ndarray:
        """Return the training rows of an epoch (steps, batch); -1 fills up the last one."""
        drawn = self.rows[epoch_rows(self.weights, len(self.rows), *self.parts, epoch)]
        padded = np.full(self.steps(batch) * batch, -1)
        padded[: len(drawn)] = drawn
        return padded.reshape(-1, batch)


@dataclass(frozen=True)
class Features:
    """Features (N, D) and labels (N,) on the device of the training."""

    values: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Budget:
    """What all probes share.

    Attributes:
        schedule: epochs and rates.
        batch: images a step.
        weight_decay: of weights and biases.
        classes: C.
        score: of `replidg.scores.SCORES`; selects the epoch by the validation features.
    """

    schedule: Schedule
    batch: int
    weight_decay: float
    classes: int
    score: str = "accuracy"


@dataclass
class Head:
    """Parameters (S, L * C, D) or (S, L * C), and Adam's moments of them."""

    value: Tensor
    first: Tensor = field(init=False)
    second: Tensor = field(init=False)

    def __post_init__(self) -> None:
        """Start with moments of 0."""
        self.first, self.second = torch.zeros_like(self.value), torch.zeros_like(self.value)

    def adam(self, count: int, gradient: Tensor, rates: Tensor, step: int, decay: float) -> None:
        """Take Adam's step number `step` (from 1) of the first `count` streams.

        Args:
            count: streams that still train.
            gradient: theirs; it is overwritten.
            rates: (count, L * C) or (count, L * C, 1).
            step: number of the step.
            decay: weight decay.
        """
        value, first, second = (t[:count] for t in (self.value, self.first, self.second))
        gradient.add_(value, alpha=decay)
        first.lerp_(gradient, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        # rate / c1 * first / (sqrt(second) / c2 + eps), both sides of the fraction times c2.
        scale = math.sqrt(1 - BETAS[1] ** step)
        torch.sqrt(second, out=gradient).add_(EPS * scale)
        torch.div(first, gradient, out=gradient)
        value.addcmul_(gradient, rates * (scale / (1 - BETAS[0] ** step)), value=-1)


class Probes:
    """Streams that train together; those with most steps come first, so that others drop out last.

    Args:
        streams: all with the same number of rates L.
        train: features that the streams' rows refer to.
        validation: selects the epoch of each probe; None keeps the last.
        budget: see `Budget`.
    """

    def __init__(
        self, streams: list[Stream], train: Features, validation: Features | None, budget: Budget
    ) -> None:
        self.order = sorted(range(len(streams)), key=lambda k: -streams[k].steps(budget.batch))
        self.streams = [streams[k] for k in self.order]
        self.train, self.validation, self.budget = train, validation, budget
        self.rates = len(streams[0].rates)
        heads = [self._start(stream) for stream in self.streams]
        like = train.values
        self.weight = Head(torch.stack([w for w, _ in heads]).to(like))
        self.bias = Head(torch.stack([b for _, b in heads]).to(like))
        self.ends = [s.steps(budget.batch) * budget.schedule.epochs for s in self.streams]
        self.step = 0
        self.best_weight, self.best_bias = self.weight.value.clone(), self.bias.value.clone()
        shape = (len(streams), self.rates)
        self.best_score, self.best_epoch = np.full(shape, -1.0), np.zeros(shape, np.int64)
        self.history = np.full((*shape, budget.schedule.epochs), np.nan)
        self._plan: dict[int, tuple[int, Tensor]] = {}

    def _start(self, stream: Stream) -> tuple[Tensor, Tensor]:
        """Return nn.Linear's own initial weights by the stream's seed, the same for each rate."""
        with seeded(seed_of(stream.seed, "head")):
            layer = nn.Linear(self.train.values.shape[1], self.budget.classes)
        return layer.weight.detach().repeat(self.rates, 1), layer.bias.detach().repeat(self.rates)

    @property
    def steps(self) -> int:
        """Return the steps of the longest stream."""
        return self.ends[0]

    def run(self) -> Iterator[int]:
        """Train to the end, from wherever `step` is; yields the number of steps taken."""
        while self.step < self.steps:
            self._train_step()
            yield self.step

    def _train_step(self) -> None:
        batch, classes = self.budget.batch, self.budget.classes
        count = sum(end > self.step for end in self.ends)
        rows, rates = self._inputs(count)
        real = rows >= 0
        x = self.train.values[rows.clamp(min=0)]  # (S, B, D)
        weight, bias = self.weight.value[:count], self.bias.value[:count]
        logits = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
        # The gradient of the mean cross-entropy: (softmax - one-hot) / B, rows of padding 0.
        flat = logits.view(count, batch, self.rates, classes)
        g = torch.softmax(flat, dim=-1)
        labels = self.train.labels[rows.clamp(min=0)][:, :, None, None].expand(
            -1, -1, self.rates, 1
        )
        g.scatter_add_(3, labels, torch.full_like(labels, -1, dtype=g.dtype))
        g.mul_((real / real.sum(1, keepdim=True)).to(g.dtype)[:, :, None, None])
        g = g.view(count, batch, -1)
        self.step += 1
        decay = self.budget.weight_decay
        self.bias.adam(count, g.sum(1), rates, self.step, decay)
        gradient = torch.bmm(g.transpose(1, 2), x)
        self.weight.adam(count, gradient, rates.unsqueeze(2), self.step, decay)
        for place in range(count):
            steps = self.streams[place].steps(batch)
            if self.step % steps == 0:
                self._end_epoch(place, self.step // steps - 1)

    def _inputs(self, count: int) -> tuple[Tensor, Tensor]:
        """Return rows (S, B) and rates (S, L * C) of this step."""
        device, rows = self.train.values.device, []
        fresh = False
        for place, stream in enumerate(self.streams[:count]):
            epoch, within = divmod(self.step, stream.steps(self.budget.batch))
            if self._plan.get(place, (-1, None))[0] != epoch:
                drawn = torch.from_numpy(stream.batches(epoch, self.budget.batch)).to(device)
                self._plan[place] = (epoch, drawn)
                fresh = True
            rows.append(self._plan[place][1][within])
        if fresh or len(self._rates) != count:
            self._rates = self._rates_now(count)
        return torch.stack(rows), self._rates

    _rates: Tensor = torch.empty(0)

    def _rates_now(self, count: int) -> Tensor:
        found = []
        for place, stream in enumerate(self.streams[:count]):
            epoch = self._plan[place][0]
            found.append([self.budget.schedule.rates(rate)[epoch] for rate in stream.rates])
        values = torch.tensor(found, dtype=self.train.values.dtype)
        return values.repeat_interleave(self.budget.classes, 1).to(self.train.values.device)

    def _end_epoch(self, place: int, epoch: int) -> None:
        """Keep the weights of the probes of a stream whose validation is their best so far."""
        chosen = torch.ones(self.rates, dtype=torch.bool)
        if self.validation is not None:
            score = SCORES[self.budget.score](self._validate(place))
            self.history[place, :, epoch] = score
            better = score > self.best_score[place]
            self.best_score[place][better] = score[better]
            chosen = torch.from_numpy(better)
        self.best_epoch[place][chosen.numpy()] = epoch
        for best, now in ((self.best_weight, self.weight), (self.best_bias, self.bias)):
            kept, value = (t[place].unflatten(0, (self.rates, -1)) for t in (best, now.value))
            at = chosen.to(kept.device)
            kept[at] = value[at]

    def _validate(self, place: int) -> np.ndarray:
        """Return counts by class (L, 3, C) of a stream's probes on the validation features."""
        classes, held = self.budget.classes, self.validation
        logits = torch.addmm(self.bias.value[place], held.values, self.weight.value[place].T).view(
            len(held.labels), self.rates, classes
        )
        pred, labels = logits.argmax(-1).T, held.labels.expand(self.rates, -1)
        first = torch.arange(self.rates, device=pred.device)[:, None] * classes
        right = (pred + first)[pred == labels]
        each = [right, (pred + first).flatten(), (labels + first).flatten()]
        counts = [torch.bincount(part, minlength=self.rates * classes) for part in each]
        return torch.stack(counts).view(3, self.rates, classes).transpose(0, 1).cpu().numpy()

    def results(self) -> list[dict[str, Any]]:
        """Return one entry a stream, in the order they were given.

        Each has `weight` (L, C, D), `bias` (L, C), `epoch` (L,) from 0 and `history` (L, epochs).
        """
        found: dict[int, dict[str, Any]] = {}
        shape = (self.rates, self.budget.classes)
        for place, own in enumerate(self.order):
            found[own] = {
                "weight": self.best_weight[place].unflatten(0, shape).cpu(),
                "bias": self.best_bias[place].unflatten(0, shape).cpu(),
                "epoch": self.best_epoch[place],
                "history": self.history[place],
            }
        return [found[own] for own in range(len(self.order))]

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed training needs."""
        arrays = {name: torch.from_numpy(getattr(self, name).copy()) for name in _ARRAYS}
        heads = {"weight": self.weight, "bias": self.bias}
        values = {name: [h.value, h.first, h.second] for name, h in heads.items()}
        best = {"best_weight": self.best_weight, "best_bias": self.best_bias}
        return {"step": self.step} | arrays | values | best

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.step = state["step"]
        for name in _ARRAYS:
            getattr(self, name)[...] = state[name].numpy()
        for name, head in (("weight", self.weight), ("bias", self.bias)):
            for own, saved in zip((head.value, head.first, head.second), state[name], strict=True):
                own.copy_(saved)
        self.best_weight.copy_(state["best_weight"])
        self.best_bias.copy_(state["best_bias"])


_ARRAYS = ("best_score", "best_epoch", "history")
