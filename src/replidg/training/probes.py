"""Linear probes of cached embeddings, many trained at once as batched matrix products.

A stream is one order of training images (a subset and its draws). All learning rates of a stream
see the same batches, so their heads stand side by side in one matrix (L * C, D); several streams
are a batch of such matrices. The gradient of the mean cross-entropy is written down, not derived,
and torch's own fused Adam takes the step, so every probe ends where it would have ended alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from replidg.data.epoch_draws import epoch_rows
from replidg.methods.epoch_schedule import Schedule
from replidg.scores import SCORES
from replidg.seeds import seed_of, seeded
from replidg.training.probe_heads import Head, take_step


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
        self.weight = Head(torch.stack([w for w, _ in heads]).to(like), self.rates)
        self.bias = Head(torch.stack([b for _, b in heads]).to(like), self.rates)
        self.ends = [s.steps(budget.batch) * budget.schedule.epochs for s in self.streams]
        self.step = 0
        self.best_weight, self.best_bias = self.weight.value.clone(), self.bias.value.clone()
        shape = (len(streams), self.rates)
        self.best_score, self.best_epoch = np.full(shape, -1.0), np.zeros(shape, np.int64)
        self.history = np.full((*shape, budget.schedule.epochs), np.nan)
        self._plan: dict[int, tuple[int, Tensor]] = {}
        self._groups: dict[float, list[int]] = {}

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
        budget = self.budget
        count = sum(end > self.step for end in self.ends)
        rows = self._rows(count)
        real, rows = rows >= 0, rows.clamp(min=0)
        x = self.train.values[rows]  # (S, B, D)
        weight, bias = self.weight.value[:count], self.bias.value[:count]
        logits = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
        # The gradient of the mean cross-entropy: (softmax - one-hot) / B, rows of padding 0.
        g = torch.softmax(logits.view(*rows.shape, self.rates, budget.classes), dim=-1)
        labels = self.train.labels[rows][:, :, None, None].expand(-1, -1, self.rates, 1)
        g.scatter_add_(3, labels, torch.full_like(labels, -1, dtype=g.dtype))
        g.mul_((real / real.sum(1, keepdim=True)).to(g.dtype)[:, :, None, None])
        g = g.view(logits.shape)
        torch.sum(g, 1, out=self.bias.gradient[:count])
        torch.bmm(g.transpose(1, 2), x, out=self.weight.gradient[:count])
        self.step += 1
        for rate, which in self._groups.items():
            take_step([self.weight, self.bias], which, rate, budget.weight_decay)
        for place in range(count):
            steps = self.streams[place].steps(budget.batch)
            if self.step % steps == 0:
                self._end_epoch(place, self.step // steps - 1)

    def _rows(self, count: int) -> Tensor:
        """Return the training rows (S, B) of this step, -1 where a batch is short."""
        device, rows = self.train.values.device, []
        fresh = len(self._plan) != count
        for place, stream in enumerate(self.streams[:count]):
            epoch, within = divmod(self.step, stream.steps(self.budget.batch))
            if self._plan.get(place, (-1, None))[0] != epoch:
                drawn = torch.from_numpy(stream.batches(epoch, self.budget.batch)).to(device)
                self._plan[place] = (epoch, drawn)
                fresh = True
            rows.append(self._plan[place][1][within])
        if fresh:
            self._plan = {place: self._plan[place] for place in range(count)}
            self._groups = self._probes_by_rate()
        return torch.stack(rows)

    def _probes_by_rate(self) -> dict[float, list[int]]:
        """Return the probes that still train (stream * L + place) by their rate of now."""
        found: dict[float, list[int]] = {}
        for place, (epoch, _) in self._plan.items():
            for number, base in enumerate(self.streams[place].rates):
                rate = self.budget.schedule.rates(base)[epoch]
                found.setdefault(rate, []).append(place * self.rates + number)
        return found

    def _end_epoch(self, place: int, epoch: int) -> None:
        """Keep the weights of the probes of a stream whose validation is their best so far."""
        if self.validation is None and epoch < self.budget.schedule.epochs - 1:
            return
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
        values = {name: [h.value, h.first, h.second, h.taken] for name, h in heads.items()}
        best = {"best_weight": self.best_weight, "best_bias": self.best_bias}
        return {"step": self.step} | arrays | values | best

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.step = state["step"]
        for name in _ARRAYS:
            getattr(self, name)[...] = state[name].numpy()
        for name, head in (("weight", self.weight), ("bias", self.bias)):
            own = (head.value, head.first, head.second, head.taken)
            for mine, saved in zip(own, state[name], strict=True):
                mine.copy_(saved)
        self.best_weight.copy_(state["best_weight"])
        self.best_bias.copy_(state["best_bias"])


_ARRAYS = ("best_score", "best_epoch", "history")


def train_all(
    every: list[Probes], threads: int, after_step: Callable[[int], bool] = lambda place: True
) -> None:
    """Train some, as many at once as there are threads.

    Each has one thread of torch's: the bits do not depend on how many train at once, and on a CPU
    small products gain more from threads of their own than from shared ones.

    Args:
        every: at their beginnings, or wherever they were stopped.
        threads: CPU threads.
        after_step: called with the place in `every`, from that one's thread; False stops it.
    """

    def train(place: int) -> None:
        for _ in every[place].run():
            if not after_step(place):
                break

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for each in [pool.submit(train, place) for place in range(len(every))]:
                each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    torch.set_num_threads(threads)
