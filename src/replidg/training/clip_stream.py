"""The samples of open_clip's pipeline in an order that a resumed run can go on in.

open_clip seeds all generators once, when it starts, and webdataset seeds its shuffle by the clock.
Here order and augmentation are functions of (seed, epoch, process, worker). Each batch says where
in its worker's stream it ends; a resumed run reads on behind that without decoding what is before.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from open_clip_train.data import DataInfo, SharedEpoch
from torch import Tensor
from torch.utils.data import get_worker_info
from webdataset.filters import _shuffle, default_collation_fn

from replidg.seeds import seed_of

Stage = Callable[[Iterator[Any]], Iterator[Any]]


class Place(NamedTuple):
    """Where a batch ends.

    Attributes:
        passes: over the worker's shards before this one, in this epoch.
        samples: given out in this pass.
        random: state of torch's generator, uint8.
    """

    passes: int
    samples: int
    random: Tensor


class Start(NamedTuple):
    """Where a resumed run goes on.

    Attributes:
        epoch: from 0.
        batches: of this process that are done in it.
        places: the last of each worker; None before its first.
    """

    epoch: int
    batches: int
    places: list[Place | None]


class SampleStream:
    """Two stages of a worker's pipeline that know of each other: shuffle, and batches.

    Args:
        seed: of the run.
        start: where a resumed run goes on, or None.
    """

    def __init__(self, seed: int, start: Start | None) -> None:
        self.seed, self.start = seed, start
        # Shared with the processes that decode.
        self.epoch = SharedEpoch(0)
        self.rank = int(os.environ.get("RANK", "0"))
        self.last, self.passes, self.samples = -1, 0, 0

    @property
    def resumed(self) -> Start | None:
        """Where the epoch goes on, if it was begun in another life."""
        begun = self.start is not None and self.start.epoch == self.epoch.get_value()
        return self.start if begun else None

    def shuffle(self, bufsize: int, initial: int) -> Stage:
        """Return the stage that stands for webdataset's `shuffle`.

        Args:
            bufsize: samples in the buffer.
            initial: samples before the first one is given out.
        """

        def run(source: Iterator[Any]) -> Iterator[Any]:
            place, worker = self._begin(), _worker()
            key = seed_of(self.seed, "clip samples", self.last, self.rank, worker, self.passes)
            seed_process(key)
            if place:
                torch.set_rng_state(place.random)
            self.samples = place.samples if place else 0
            shuffled = _shuffle(source, bufsize, initial, random.Random(key))
            for sample in islice(shuffled, self.samples, None):
                self.samples += 1
                yield sample

        return run

    def batched(self, size: int, partial: bool) -> Stage:
        """Return the stage that stands for webdataset's `batched`; batches get their place.

        Args:
            size: samples a batch.
            partial: whether incomplete ones are wanted; open_clip says no in training.

        Raises:
            ValueError: they are wanted.
        """
        if partial:
            raise ValueError("incomplete batches are not repeatable")

        def run(source: Iterator[Any]) -> Iterator[tuple[Tensor, Tensor, Place] | None]:
            for _ in range(self._blanks()):
                yield None
            batch = []
            for sample in source:
                batch.append(sample)
                if len(batch) == size:
                    # Without workers the trainer draws from the same generator in between.
                    state = torch.get_rng_state()
                    place = Place(self.passes, self.samples, state)
                    yield (*default_collation_fn(batch), place)
                    torch.set_rng_state(state)
                    batch = []

        return run

    def _begin(self) -> Place | None:
        """Count the passes of an epoch; return where this one begins, if not at its start."""
        epoch = self.epoch.get_value()
        if epoch == self.last:
            self.passes += 1
            return None
        self.last = epoch
        place = self.resumed.places[_worker()] if self.resumed else None
        self.passes = place.passes if place else 0
        return place

    def _blanks(self) -> int:
        """Return how many empty batches come before the first of a resumed epoch.

        Batches come from the workers in turn, beginning with the first: who had more turns has to
        miss one. All give one more, as webdataset takes a pass without any for the end.
        """
        resumed = self.resumed
        if resumed is None or self.last == resumed.epoch:
            return 0
        return 1 + (_worker() < resumed.batches % len(resumed.places))


class StreamLoader:
    """open_clip's loader of such a stream, from any batch of an epoch on.

    Args:
        data: what open_clip made of it.
        stream: its stages.
    """

    def __init__(self, data: DataInfo, stream: SampleStream) -> None:
        self.data, self.stream = data, stream
        self.num_batches = data.dataloader.num_batches
        self.num_samples = data.dataloader.num_samples
        (loader,) = data.dataloader.pipeline
        self.workers = max(1, loader.num_workers)
        self.places: list[Place | None] = [None] * self.workers
        if stream.start is not None:
            # Room for the empty batches.
            loader.dataset.with_epoch(self.num_batches // self.workers + 2)

    def set_epoch(self, epoch: int) -> None:
        """Choose order and augmentation."""
        self.data.set_epoch(epoch)
        self.stream.epoch.set_value(epoch)

    def batches(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of the epoch from the one of that number on."""
        resumed = self.stream.resumed
        self.places = list(resumed.places) if resumed else [None] * self.workers
        blanks = self.workers + first % self.workers if resumed else 0
        given = islice(self.data.dataloader, blanks, None)
        for number, (images, texts, place) in enumerate(given, first):
            self.places[number % self.workers] = place
            yield images, texts


def _worker() -> int:
    info = get_worker_info()
    return info.id if info else 0


def seed_process(seed: int) -> None:
    """Seed torch, numpy and Python's generator."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
