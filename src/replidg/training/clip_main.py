"""open_clip's own trainer, made repeatable: what torchrun starts, or a job calls itself.

`open_clip_train.main` seeds all generators once, when it starts, and webdataset seeds its shuffle
by the clock. A run that was killed and resumed would thus see other samples than an unbroken one.
Here both are functions of (seed, epoch, process, worker).
After each epoch the weights go to a file of their own, for the evaluation; the trainer's checkpoint
(`epoch_latest.pt`, replaced in one step) is what a killed run goes on from.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import open_clip_train.data
import open_clip_train.main as trainer
import torch
import webdataset as wds
from open_clip_train.data import SharedEpoch
from safetensors.torch import save_file
from torch import nn
from torch.nn.parallel import DistributedDataParallel as Parallel
from torch.utils.data import get_worker_info
from webdataset.filters import _shuffle
from webdataset.tariterators import tar_file_expander

from replidg.files import whole_file
from replidg.models import lite  # noqa: F401  (registers the demo's tower)
from replidg.seeds import seed_of

WEIGHTS = "weights"
#: Set in the environment if the weights' memory format is to be that which CNNs are fast in.
CHANNELS_LAST = "REPLIDG_CHANNELS_LAST"


class SeededShuffle(wds.PipelineStage):
    """Shuffle samples in a buffer, and seed this process for the epoch's augmentation.

    Args:
        seed: of the run.
        epoch: shared with the processes that decode.
        bufsize: samples in the buffer.
        initial: samples before the first one is given out.
    """

    def __init__(self, seed: int, epoch: SharedEpoch, bufsize: int, initial: int) -> None:
        self.seed, self.epoch, self.bufsize, self.initial = seed, epoch, bufsize, initial
        self.rank = int(os.environ.get("RANK", "0"))
        self.last, self.passes = -1, 0

    def run(self, source: Iterator[Any]) -> Iterator[Any]:
        """Yield the samples; a second pass within an epoch has an order of its own."""
        epoch, worker = self.epoch.get_value(), get_worker_info()
        self.passes = self.passes + 1 if epoch == self.last else 0
        self.last = epoch
        place = (self.rank, worker.id if worker else 0, self.passes)
        key = seed_of(self.seed, "clip samples", epoch, *place)
        seed_process(key)
        return _shuffle(source, self.bufsize, self.initial, random.Random(key))


def seed_process(seed: int) -> None:
    """Seed torch, numpy and Python's generator."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


@contextmanager
def repeatable(seed: int, folder: Path) -> Iterator[None]:
    """Replace, inside the block, what in open_clip's trainer depends on when it was started.

    Args:
        seed: of the run.
        folder: of the run; weights go into `weights/` below it.
    """
    shared = SharedEpoch(0)
    rank = int(os.environ.get("RANK", "0"))
    original = trainer.train_one_epoch

    def shuffle(bufsize: int, initial: int) -> SeededShuffle:
        return SeededShuffle(seed, shared, bufsize, initial)

    def train_one_epoch(model: nn.Module, data: Any, loss: Any, epoch: int, *others: Any, **k: Any):
        shared.set_value(epoch)
        seed_process(seed_of(seed, "clip epoch", epoch, rank))
        if os.environ.get(CHANNELS_LAST):
            model.to(memory_format=torch.channels_last)
        original(model, data, loss, epoch, *others, **k)
        if rank == 0:
            save_weights(model, folder / WEIGHTS / f"epoch{epoch + 1:03d}.safetensors")

    # open_clip 3.3 stumbles over the mark that webdataset 1.0 puts at the end of a shard. Keys are
    # unique in a pool, so none is needed.
    expand = partial(tar_file_expander, eof_value=None)
    with (
        mock.patch.object(torch.nn.parallel, "DistributedDataParallel", wrap),
        mock.patch.object(open_clip_train.data, "tar_file_expander", expand),
        mock.patch.object(open_clip_train.data.wds, "shuffle", shuffle),
        mock.patch.object(trainer, "train_one_epoch", train_one_epoch),
    ):
        yield


def wrap(model: nn.Module, device_ids: list[Any], **options: Any) -> nn.Module:
    """Wrap a model for several processes; open_clip names devices, which CPUs must not have."""
    on_cpu = torch.device(device_ids[0]).type == "cpu"
    return Parallel(model, device_ids=None if on_cpu else device_ids, **options)


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the weights of a CLIP, wrapped for distributed training or not."""
    whole = getattr(model, "module", model)
    state = {name: t.detach().cpu().clone().contiguous() for name, t in whole.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(state, temporary)


@contextmanager
def own_logging() -> Iterator[None]:
    """Take away again what open_clip's trainer does to Python's logging."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for handler in [h for h in root.handlers if h not in handlers]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)


def main(arguments: Sequence[str]) -> None:
    """Train a CLIP.

    Args:
        arguments: of open_clip's trainer; `--logs`, `--name` and `--seed` among them.

    Raises:
        RuntimeError: the trainer gave up; its log says why.
    """
    known = trainer.parse_args(list(arguments))
    folder = Path(known.logs) / known.name
    with own_logging(), repeatable(known.seed, folder):
        if trainer.main(list(arguments)) == -1:
            raise RuntimeError(f"open_clip's trainer refused to start; see {folder}/out.log")


if __name__ == "__main__":
    main(sys.argv[1:])
