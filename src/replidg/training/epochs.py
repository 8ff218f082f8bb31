"""One end-to-end run of arXiv 2311.02236: epochs of Adam, best epoch by OOD validation, or SWA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal
from replidg.config.robust_ft import EpochTraining
from replidg.data.images import InputSpec, normalise
from replidg.methods.averaging import Segment, Weights, copied, merge, pack, unpack
from replidg.methods.epoch_schedule import Schedule
from replidg.methods.gradients import Gradients
from replidg.methods.learners import LinearLearner, TextLearner
from replidg.methods.passes import OwnItems, check_statistics, in_precision, prepare, whole_batch
from replidg.progress import Progress
from replidg.scores import SCORES, class_counts
from replidg.seeds import seed_of
from replidg.training.probes import Stream
from replidg.training.validation import HeldOut
from replidg.training.wilds_images import EpochSteps, LightlyAugmented

#: Images of a forward pass on a CPU: the first stages' maps of more leave the cache.
CPU_BATCH = 32


@dataclass(frozen=True)
class Plan:
    """Everything but the data that a run depends on.

    Attributes:
        training: protocol.
        swa: average the weights at the ends of the last epochs.
        spec: input of the tower.
        classes: C.
        score: that selects the epoch.
        channels_last: memory format.
    """

    training: EpochTraining
    swa: bool
    spec: InputSpec
    classes: int
    score: str
    channels_last: bool

    @property
    def schedule(self) -> Schedule:
        """Return epochs and learning rates."""
        return schedule_of(self.training, self.swa)


def schedule_of(training: EpochTraining, swa: bool) -> Schedule:
    """Return epochs and learning rates of an arm."""
    return Schedule(
        training.epochs,
        training.step_epochs,
        training.gamma,
        training.swa_epochs if swa else 0,
        training.swa_lr,
        training.swa_anneal_epochs,
    )


class EpochRun:
    """State of one training: learner, optimiser, average, best weights so far.

    Args:
        learner: at its pretrained weights.
        stream: subset, draws, seed and the one learning rate.
        plan: the rest.
        device: where it trains.
    """

    def __init__(
        self,
        learner: LinearLearner | TextLearner,
        stream: Stream,
        plan: Plan,
        device: torch.device,
    ) -> None:
        self.stream, self.plan, self.device = stream, plan, device
        memory = torch.channels_last if plan.channels_last else torch.contiguous_format
        self.learner = learner.to(device, memory_format=memory)
        self.rates = plan.schedule.rates(stream.rates[0])
        parameters = [p for p in learner.parameters() if p.requires_grad]
        decay = plan.training.weight_decay
        # Fused: one pass over the weights a step. A text tower's table of tokens is most of them.
        self.optimizer = torch.optim.Adam(
            parameters, lr=self.rates[0], weight_decay=decay, fused=True
        )
        self.gradients = Gradients(parameters, plan.training, device)
        self._equip()
        self.per_epoch = stream.steps(plan.training.batch_size)
        self.steps = self.per_epoch * plan.training.epochs
        self.step = 0
        self.average: Segment | None = None
        self.best: dict[str, Any] = {"score": -1.0, "epoch": -1, "weights": {}}
        self.history: list[dict[str, float]] = []

    def train_step(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Take one optimiser step on uint8 images; returns the loss, still on the device."""
        torch.manual_seed(seed_of(self.stream.seed, "step", self.step))
        self.learner.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[self.step // self.per_epoch]
        self.optimizer.zero_grad(set_to_none=True)
        labels = labels.to(self.device)
        loss = self.gradients.of(self.learner.loss, self._input(pixels), labels)
        self.gradients.step([self.optimizer])
        self.step += 1
        return loss

    def end_epoch(self, validation: HeldOut) -> None:
        """Average the weights, or validate them and keep the best. Call it after whole epochs."""
        epoch = self.step // self.per_epoch - 1
        if self.plan.schedule.averaged(epoch):
            now = Segment(copied(self.learner.state_dict()), 1)
            self.average = now if self.average is None else merge(self.average, now)
        if self.plan.swa:
            return
        score = self.score(validation)
        self.history.append({"epoch": epoch, "rate": self.rates[epoch], self.plan.score: score})
        if score > self.best["score"]:
            weights = copied(self.learner.state_dict())
            self.best = {"score": score, "epoch": epoch, "weights": weights}

    def score(self, images: HeldOut) -> float:
        """Return the selecting score on held-out images, in percent."""
        pred = self.logits(images).argmax(1)
        counts = class_counts(images.labels.numpy(), pred, self.plan.classes)
        return float(SCORES[self.plan.score](counts))

    def final_weights(self) -> Weights:
        """Return the average where there is one, else the weights of the best epoch."""
        return self.best["weights"] if self.average is None else self.average.weights

    @torch.inference_mode()
    def logits(self, images: HeldOut) -> np.ndarray:
        """Return logits (N, C) of held-out images."""
        self.learner.eval()
        texts = self.learner.texts()
        parts = [
            self.learner.logits(self._input(part), texts)
            for pixels in images.batches(self.step)
            for part in pixels.split(len(pixels) if self.device.type == "cuda" else CPU_BATCH)
        ]
        return torch.cat(parts).float().cpu().numpy()

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "learner": self.learner.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaling": self.gradients.state_dict(),
            "average": pack(self.average),
            "best": self.best,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.learner.load_state_dict(state["learner"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.gradients.load_state_dict(state["scaling"])
        self.average = unpack(state["average"])

    def _equip(self) -> None:
        """Let passes be computed as the protocol says."""
        training, learner = self.plan.training, self.learner.train()
        text = isinstance(learner, TextLearner)
        tower = learner.clip.visual if text else learner.visual
        check_statistics(tower, training)
        prepare(tower, training, self.device)
        if text:
            clip = learner.clip
            clip.encode_text = in_precision(clip.encode_text, training, self.device)

    def _input(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True)
        return normalise(pixels, self.plan.spec, self.plan.channels_last)


def fit(
    run: EpochRun, train: pd.DataFrame, validation: HeldOut, checkpoints: Checkpoints, name: str
) -> None:
    """Train to the end, from the newest checkpoint if there is one.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.

    Args:
        run: at its beginning.
        train: the training split, rows of the index.
        validation: images that select the epoch.
        checkpoints: of the run.
        name: for messages.
    """
    resume(run, checkpoints, name)
    training = run.plan.training
    labels = torch.tensor(train["label"].to_numpy())
    steps = EpochSteps(run.stream, training.batch_size, training.epochs, run.step)
    images = LightlyAugmented(train["path"].tolist(), run.plan.spec, training)
    loader = DataLoader(images, batch_sampler=OwnItems(steps), num_workers=training.workers)
    counted = Progress(run.steps, name, "steps", run.step, training.batch_size)
    with stop_on_signal() as stop, counted as progress:
        # The loader returns pixels only; the same sampler says again which rows they were.
        for own, items in zip(loader, steps, strict=True):
            pixels = whole_batch(own, len(items), run.device)
            loss = run.train_step(pixels, labels[[row for row, _ in items]])
            if run.step % run.per_epoch == 0:
                run.end_epoch(validation)
                progress.add(0, f"loss {loss.item():.3f}")
            progress.add()
            keep(run, checkpoints, stop, name)
