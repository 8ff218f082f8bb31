"""Training of one domain classifier: an encoder with its readout, lowest validation loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal
from replidg.config.forgotten import DomainTraining
from replidg.data.images import INTERPOLATION, InputSpec, normalise, resizer
from replidg.methods.averaging import copied
from replidg.methods.gradients import Gradients
from replidg.methods.network import keep_statistics
from replidg.methods.passes import check_statistics, prepare
from replidg.models.domain_nets import DomainNet
from replidg.models.layers import freeze
from replidg.progress import Progress
from replidg.seeds import seed_of
from replidg.training.data import AugmentedImages
from replidg.training.validation import HeldOut


@dataclass(frozen=True)
class Plan:
    """Everything but the pictures that a run depends on.

    Attributes:
        training: protocol.
        lr: one of its learning rates.
        balanced: domains are drawn alike.
        spec: input of the tower.
        frozen_batchnorm: of the tower.
        channels_last: memory format.
        workers: processes that decode.
    """

    training: DomainTraining
    lr: float
    balanced: bool
    spec: InputSpec
    frozen_batchnorm: bool
    channels_last: bool
    workers: int


class Crops(AugmentedImages):
    """Training pictures as open_clip crops them, or just resized; flipped or not."""

    def __init__(self, paths: list[str], spec: InputSpec, training: DomainTraining) -> None:
        self.paths = paths
        how = INTERPOLATION[spec.interpolation]
        if training.crop_scale:
            size = v2.RandomResizedCrop(spec.size, scale=training.crop_scale, interpolation=how)
        else:  # PILToTensor at its end is for evaluation: here the parent class does that
            size = v2.Compose(resizer(spec).transforms[:-1])
        self.augment = v2.Compose([size, v2.RandomHorizontalFlip(training.flip)])


class Draws:
    """Batch sampler: (row, augmentation seed) of every step from `start` on.

    Each picture once an epoch; balanced: drawn with replacement, the classes alike.

    Args:
        classes: class of each picture.
        plan: protocol.
        start: first step.
    """

    def __init__(self, classes: np.ndarray, plan: Plan, start: int = 0) -> None:
        self.classes, self.plan, self.start = classes, plan, start
        self.per_epoch = math.ceil(len(classes) / plan.training.batch_size)
        self.stop = self.per_epoch * plan.training.epochs

    def __len__(self) -> int:
        """Return the number of steps left."""
        return self.stop - self.start

    def order(self, epoch: int) -> np.ndarray:
        """Return the pictures of an epoch in their order."""
        random = np.random.default_rng(seed_of(self.plan.training.seed, "order", epoch))
        if not self.plan.balanced:
            return random.permutation(len(self.classes))
        weights = 1.0 / np.bincount(self.classes)[self.classes]
        return random.choice(len(self.classes), len(self.classes), p=weights / weights.sum())

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield the items of a step."""
        size = self.plan.training.batch_size
        for step in range(self.start, self.stop):
            epoch, within = divmod(step, self.per_epoch)
            if step == self.start or within == 0:
                order = self.order(epoch)
            rows = order[within * size : (within + 1) * size]
            random = np.random.default_rng(seed_of(self.plan.training.seed, "augmentation", step))
            seeds = random.integers(2**62, size=len(rows))
            yield list(zip(rows.tolist(), seeds.tolist(), strict=True))


def rate(training: DomainTraining, peak: float, step: int, per_epoch: int) -> float:
    """Return the learning rate of a step."""
    if training.schedule == "step":
        return peak * training.gamma ** (step // per_epoch // training.step_epochs)
    warmup = training.warmup_epochs * per_epoch
    if step < warmup:
        return peak * (step + 1) / warmup
    rest = max(training.epochs * per_epoch - warmup, 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / rest))


class DomainRun:
    """State of one training: network, optimiser, best weights so far.

    Args:
        net: with its pretrained tower; trained in place.
        train: pictures with `path` and `label`, the class of the readout.
        plan: protocol.
        device: where it trains.
    """

    def __init__(
        self, net: DomainNet, train: pd.DataFrame, plan: Plan, device: torch.device
    ) -> None:
        self.plan, self.device, self.train = plan, device, train
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(plan.training.seed, "readout"))
            net.readout.linear.reset_parameters()
        freeze(net.tower, plan.training.frozen_layers)
        memory = torch.channels_last if plan.channels_last else torch.contiguous_format
        self.net = net.to(device, memory_format=memory)
        self.optimizer = _optimizer(net, plan)
        learned = [p for p in net.parameters() if p.requires_grad]
        self.gradients = Gradients(learned, plan.training, device)
        self._train()
        check_statistics(net.tower, plan.training)
        prepare(net.tower, plan.training, device)
        self.draws = Draws(train["label"].to_numpy(), plan)
        self.step = 0
        self.best: dict[str, Any] = {"loss": math.inf, "epoch": -1, "weights": {}}
        self.history: list[dict[str, float]] = []

    def train_step(self, pixels: Tensor, classes: Tensor) -> Tensor:
        """Take one optimiser step on uint8 images (B, 3, S, S); returns the loss, on the device."""
        training = self.plan.training
        torch.manual_seed(seed_of(training.seed, "step", self.step))
        self._train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate(training, self.plan.lr, self.step, self.draws.per_epoch)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.gradients.of(self._loss, pixels, classes)
        self.gradients.step([self.optimizer], training.clip_norm)
        self.step += 1
        return loss

    def _train(self) -> None:
        self.net.train()
        if self.plan.frozen_batchnorm:
            keep_statistics(self.net)

    def _loss(self, pixels: Tensor, classes: Tensor) -> Tensor:
        return F.cross_entropy(self._logits(pixels), classes.to(self.device))

    def end_epoch(self, validation: HeldOut) -> None:
        """Validate and keep the weights with the lowest loss. Call it after whole epochs."""
        logits = self.logits(validation)
        loss = float(F.cross_entropy(logits, validation.labels))
        epoch = self.step // self.draws.per_epoch - 1
        self.history.append({"epoch": epoch, "val_loss": loss})
        if loss < self.best["loss"]:
            weights = copied(self.net.state_dict())
            self.best = {"loss": loss, "epoch": epoch, "weights": weights}

    @torch.inference_mode()
    def logits(self, images: HeldOut) -> Tensor:
        """Return logits (N, C) of held-out pictures, on the CPU."""
        self.net.eval()
        parts = [self._logits(pixels).float().cpu() for pixels in images.batches(self.step)]
        return torch.cat(parts)

    def _logits(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True)
        images = normalise(pixels, self.plan.spec, self.plan.channels_last)
        return self.net.readout.logits(self.net.features(images, None))

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaling": self.gradients.state_dict(),
            "best": self.best,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.gradients.load_state_dict(state["scaling"])


def _optimizer(net: DomainNet, plan: Plan) -> torch.optim.Optimizer:
    parameters = [p for p in net.parameters() if p.requires_grad]
    decay = plan.training.weight_decay
    if plan.training.optimizer == "sgd":
        return torch.optim.SGD(parameters, plan.lr, momentum=0.9, weight_decay=decay)
    return torch.optim.AdamW(parameters, plan.lr, weight_decay=decay)


def fit(run: DomainRun, validation: HeldOut, checkpoints: Checkpoints, name: str) -> None:
    """Train to the end, from the newest checkpoint if there is one.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.

    Args:
        run: at its beginning.
        validation: pictures that select the epoch; their labels are classes of the readout.
        checkpoints: of the run.
        name: for messages.
    """
    resume(run, checkpoints, name)
    classes = torch.tensor(run.train["label"].to_numpy())
    draws = Draws(run.draws.classes, run.plan, run.step)
    crops = Crops(run.train["path"].tolist(), run.plan.spec, run.plan.training)
    loader = DataLoader(crops, batch_sampler=draws, num_workers=run.plan.workers)
    counted = Progress(draws.stop, name, "steps", run.step, run.plan.training.batch_size)
    with stop_on_signal() as stop, counted as progress:
        # The loader returns pixels only; the same sampler says again which rows they were.
        for pixels, items in zip(loader, draws, strict=True):
            loss = run.train_step(pixels, classes[[row for row, _ in items]])
            if run.step % draws.per_epoch == 0:
                run.end_epoch(validation)
                progress.add(0, f"loss {loss.item():.3f}")
            progress.add()
            keep(run, checkpoints, stop, name)
