"""One leave-one-domain-out run: train on the source domains, predict the target domain."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.checkpoints import STOPPED, Checkpoints, stop_on_signal
from replidg.config.schema import FineTuning, Method
from replidg.data.images import InputSpec, loader, normalise
from replidg.methods.network import Classifier
from replidg.methods.predictions import prediction_table
from replidg.methods.registry import OBJECTIVES
from replidg.methods.swad import LossValley
from replidg.models.layers import freeze
from replidg.models.store import Backbone
from replidg.progress import Progress
from replidg.seeds import seed_of
from replidg.training.data import Batch, Shares, training_batches

logger = logging.getLogger(__name__)
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Settings:
    """Everything but the data that a run depends on."""

    method: Method
    protocol: FineTuning
    spec: InputSpec
    classes: int
    seed: int
    feature_layers: list[str]
    frozen_batchnorm: bool
    channels_last: bool


class Run:
    """State of one training: network, objective, optimiser, averaging, best weights so far."""

    def __init__(self, backbone: Backbone, settings: Settings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        method = settings.method
        torch.manual_seed(seed_of(settings.seed, "head"))
        self.classifier = Classifier(
            backbone.visual, backbone.dim, settings.classes, settings.frozen_batchnorm
        )
        freeze(self.classifier.visual, settings.protocol.frozen_layers)
        self.objective = OBJECTIVES[method.objective](
            self.classifier, method, settings.spec.size, settings.feature_layers
        )
        memory = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.classifier.to(device, memory_format=memory)
        self.objective.to(device, memory_format=memory)
        self.optimizer = torch.optim.Adam(
            self.objective.parameter_groups(self.classifier), weight_decay=method.weight_decay
        )
        self.valley = (
            LossValley(method.swad_converge, method.swad_tolerate, method.swad_ratio)
            if method.averaging == "swad"
            else None
        )
        self.step = 0
        self.best: dict[str, Any] = {"accuracy": -1.0, "step": 0, "weights": {}}
        self.history: list[dict[str, float]] = []

    def train_step(self, batch: Batch) -> Tensor:
        """Take one optimiser step; returns the loss, still on the device."""
        # Dropout and the like draw from here, so a resumed step draws the same.
        torch.manual_seed(seed_of(self.settings.seed, "step", self.step))
        self.classifier.train()
        self.objective.train()
        images = self._input(batch.pixels)
        loss = self.objective.loss(
            self.classifier,
            images,
            batch.labels.to(self.device),
            batch.domains.to(self.device),
            self.step,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        if self.valley is not None:
            self.valley.update(self.classifier.state_dict())
        return loss.detach()

    def validate(self, validation: list[HeldOut]) -> None:
        """Evaluate the source hold-outs; keep the best weights (training-domain validation).

        With SWAD the running segment's average is what is evaluated.
        """
        own = None
        if self.valley is not None:
            own = _copy(self.classifier.state_dict())
            self.classifier.load_state_dict(self.valley.candidate())
        each = [self._accuracy_and_loss(images) for images in validation]
        accuracy = sum(a for a, _ in each) / len(each)
        loss = sum(value for _, value in each) / len(each)
        self.history.append({"step": self.step, "accuracy": accuracy, "loss": loss})
        if self.valley is not None:
            self.valley.close_segment(loss)
            self.classifier.load_state_dict(own)
        elif accuracy > self.best["accuracy"]:
            weights = _copy(self.classifier.state_dict())
            self.best = {"accuracy": accuracy, "step": self.step, "weights": weights}

    def final_weights(self) -> Weights:
        """Return the selected or averaged weights."""
        return self.best["weights"] if self.valley is None else self.valley.final()

    def logits(self, pixels: Tensor) -> Tensor:
        """Return logits (N, C) of uint8 images, on the CPU."""
        self.classifier.eval()
        with torch.inference_mode():
            return self.classifier(self._input(pixels)).float().cpu()

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "classifier": self.classifier.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "valley": self.valley.state_dict() if self.valley else None,
            "best": self.best,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.classifier.load_state_dict(state["classifier"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.valley is not None:
            self.valley.load_state_dict(state["valley"])

    def _input(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True)
        return normalise(pixels, self.settings.spec, self.settings.channels_last)

    def _accuracy_and_loss(self, images: HeldOut) -> tuple[float, float]:
        logits = torch.cat([self.logits(pixels) for pixels in images.batches])
        accuracy = (logits.argmax(1) == images.labels).double().mean().item()
        return accuracy, F.cross_entropy(logits, images.labels).item()


def fit(run: Run, shares: Shares, checkpoints: Checkpoints, name: str) -> None:
    """Train to the end, from the newest checkpoint if there is one.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.
    """
    protocol = run.settings.protocol
    state = checkpoints.load()
    if state is not None:
        run.load_state_dict(state)
        logger.info("%s: resuming after step %d", name, run.step)
    validation = [HeldOut(rows, run.settings.spec, protocol.workers) for rows in shares.validation]
    batches = training_batches(shares, run.settings.spec, protocol, run.settings.seed, run.step)
    with stop_on_signal() as stop, Progress(protocol.steps, name, "steps", run.step) as progress:
        for batch in batches:
            loss = run.train_step(batch)
            # As DomainBed: after step 1, 201, 401 …, so 5,001 steps end with a validation.
            if (run.step - 1) % protocol.evaluate_every == 0 or run.step == protocol.steps:
                run.validate(validation)
                progress.add(0, f"loss {loss.item():.3f}")
            progress.add()
            if stop or checkpoints.due():
                checkpoints.save(run.state_dict())
            if stop:
                logger.warning(
                    "%s: stopped by signal %d, step %d saved", name, stop.signal, run.step
                )
                sys.exit(STOPPED)


class HeldOut:
    """Images that are evaluated again and again: decoded once if they fit, else every time.

    Args:
        rows: rows of the index.
        spec: the model's input.
        workers: processes that decode.
    """

    MEMORY = 2 * 2**30

    def __init__(self, rows: pd.DataFrame, spec: InputSpec, workers: int) -> None:
        self.labels = torch.tensor(rows["label"].to_numpy())
        batches = loader(rows["path"].tolist(), spec, 256, workers)
        fits = len(rows) * 3 * spec.size**2 <= self.MEMORY
        self.batches: Iterable[Tensor] = list(batches) if fits else batches


def predict(run: Run, rows: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return one row an image: label, prediction, confidence.

    Args:
        run: its classifier holds the final weights.
        rows: rows of the index.
        role: "target" or "source_validation".
    """
    batches = loader(rows["path"].tolist(), run.settings.spec, 256, run.settings.protocol.workers)
    logits = torch.cat([run.logits(pixels) for pixels in batches])
    return prediction_table(rows, logits.numpy(), role)


def _copy(weights: Weights) -> Weights:
    return {name: value.detach().clone() for name, value in weights.items()}


def deterministic(threads: int) -> None:
    """Make runs repeatable bit for bit on this machine."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
