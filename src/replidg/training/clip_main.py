"""open_clip's own trainer, made repeatable: what torchrun starts, or a job calls itself.

`open_clip_train.main` seeds all generators once, when it starts, and saves after whole epochs. A
run that was killed and resumed would thus see other samples than an unbroken one, and lose an hour
or more. Here it is saved after any step, in the format of its own checkpoints with the place in the
stream of samples added, and goes on behind it. After each epoch the weights go to a file of their
own, for the evaluation.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import open_clip_train.data
import open_clip_train.main as trainer
import torch
from open_clip_train.data import DataInfo
from safetensors.torch import save_file
from torch import nn
from torch.nn.parallel import DistributedDataParallel as Parallel
from webdataset.tariterators import tar_file_expander

from replidg import processes
from replidg.arithmetic import switch
from replidg.checkpoints import Checkpoints, StopRequest, keep, stop_on_signal
from replidg.files import whole_file
from replidg.models import lite  # noqa: F401  (registers the demo's tower)
from replidg.models.clip_steps import ClipSteps
from replidg.seeds import seed_of
from replidg.training.clip_stream import Place, SampleStream, Start, StreamLoader
from replidg.typed import Strict

POINTS = "steps"
#: Where open_clip looks for what it is to go on from.
LATEST = f"checkpoints/{trainer.LATEST_CHECKPOINT_NAME}"


class Settings(Strict):
    """What open_clip's trainer has no argument for.

    Attributes:
        checkpoint_every_s: seconds between two checkpoints.
        channels_last: memory format of the weights, which CNNs are fast in.
        tf32: of products in float32 on a GPU; open_clip always allows it.
        deterministic: ask for deterministic algorithms.
    """

    checkpoint_every_s: float
    channels_last: bool
    tf32: bool
    deterministic: bool


class MixSteps(ClipSteps):
    """The steps of a CLIP on a mix: checkpoints have each process' place in the samples."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state; all processes have to call it."""
        own = [place and tuple(place) for place in self.loader.places]
        batches = self.step % self.per_epoch * self.accumulate
        return super().state_dict() | {"batches": batches, "places": processes.gathered(own)}


@contextmanager
def repeatable(known: Namespace, settings: Settings, stop: StopRequest) -> Iterator[None]:
    """Replace, inside the block, what in open_clip's trainer depends on when it was started.

    Args:
        known: the trainer's arguments.
        settings: what it has no argument for.
        stop: signals.
    """
    folder = Path(known.logs) / known.name
    saved = _saved(folder / LATEST)
    rank = int(os.environ.get("RANK", "0"))
    stream = SampleStream(known.seed, _start(saved, rank))
    points = Checkpoints(folder / POINTS, settings.checkpoint_every_s)
    original = trainer.train_one_epoch
    begun: list[MixSteps] = []

    def after_step(steps: MixSteps) -> None:
        if steps.step % steps.per_epoch == 0 and processes.is_main():
            save_weights(steps.model, folder / weights_of(steps.epoch))
        keep(steps, points, stop, known.name)

    def begin(model: nn.Module, data: DataInfo, *optimisation: Any) -> MixSteps:
        # open_clip has set its own by now.
        switch(settings.tf32, settings.deterministic)
        if settings.channels_last:
            model.to(memory_format=torch.channels_last)
        steps = MixSteps(
            model, *optimisation, StreamLoader(data, stream), known.accum_freq,
            seed_of(known.seed, "clip process", rank), after_step,
        )  # fmt: skip
        steps.step = saved.get("step", 0)
        return steps

    def train_one_epoch(
        model: nn.Module, data: dict[str, DataInfo], loss: Any, epoch: int,
        optimizer: torch.optim.Optimizer, scaler: Any, scheduler: Any, *others: Any, **options: Any,
    ) -> None:  # fmt: skip
        if not begun:
            begun.append(begin(model, data["train"], optimizer, scaler))
        left, schedule = {"train": begun[0]}, begun[0].schedule(scheduler)
        original(model, left, loss, epoch, optimizer, scaler, schedule, *others, **options)

    # open_clip 3.3 stumbles over the mark that webdataset 1.0 puts at the end of a shard. Keys are
    # unique in a pool, so none is needed.
    expand = partial(tar_file_expander, eof_value=None)
    with (
        mock.patch.object(torch.nn.parallel, "DistributedDataParallel", wrap),
        mock.patch.object(open_clip_train.data, "tar_file_expander", expand),
        mock.patch.object(open_clip_train.data.wds, "shuffle", stream.shuffle),
        mock.patch.object(open_clip_train.data.wds, "batched", stream.batched),
        mock.patch.object(trainer, "train_one_epoch", train_one_epoch),
    ):
        yield


def _saved(path: Path) -> dict[str, Any]:
    """Return a checkpoint, its tensors left in the file; nothing if there is none."""
    if not path.exists():
        return {}
    return torch.load(path, map_location="cpu", mmap=True, weights_only=True)


def _start(saved: dict[str, Any], rank: int) -> Start | None:
    if not saved.get("batches"):
        return None
    places = [place and Place(*place[:2], place[2].clone()) for place in saved["places"][rank]]
    return Start(saved["epoch"], saved["batches"], places)


def wrap(model: nn.Module, device_ids: list[Any], **options: Any) -> nn.Module:
    """Wrap a model for several processes; open_clip names devices, which CPUs must not have."""
    on_cpu = torch.device(device_ids[0]).type == "cpu"
    return Parallel(model, device_ids=None if on_cpu else device_ids, **options)


def weights_of(epoch: int) -> str:
    """Return the file of the weights after so many epochs, in the folder of a run."""
    return f"weights/epoch{epoch:03d}.safetensors"


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
    # It makes every library as talkative as itself; torch's compiler then reports at the end.
    levels = {name: logging.getLogger(name).level for name in list(root.manager.loggerDict)}
    try:
        yield
    finally:
        for name, own in levels.items():
            logging.getLogger(name).setLevel(own)
        for handler in [h for h in root.handlers if h not in handlers]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)


def main(settings: Settings, arguments: Sequence[str]) -> None:
    """Train a CLIP, from the checkpoint that open_clip finds, if there is one.

    Args:
        settings: what open_clip's trainer has no argument for.
        arguments: of open_clip's trainer; `--logs`, `--name` and `--seed` among them.

    Raises:
        RuntimeError: the trainer gave up; its log says why.
        SystemExit: 99, where a signal asked to stop; the checkpoint is saved.
    """
    known = trainer.parse_args(list(arguments))
    with own_logging(), stop_on_signal() as stop, repeatable(known, settings, stop):
        if trainer.main(list(arguments)) == -1:
            log = Path(known.logs) / known.name / "out.log"
            raise RuntimeError(f"open_clip's trainer refused to start; see {log}")
    # What it leaves behind refers to itself; the next run of a job needs these gigabytes.
    gc.collect()


if __name__ == "__main__":
    atexit.register(processes.leave)
    main(Settings.model_validate_json(sys.argv[1]), sys.argv[2:])
