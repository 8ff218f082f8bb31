"""One leave-one-domain-out run: train on the source domains, predict the target domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal
from replidg.config.methods import FineTuning, Method
from replidg.data.images import InputSpec, loader, normalise, still_paths
from replidg.methods.averaging import Weights, copied
from replidg.methods.gradients import Gradients
from replidg.methods.network import Classifier, TextHead
from replidg.methods.passes import check_statistics, prepare
from replidg.methods.predictions import prediction_table
from replidg.methods.registry import OBJECTIVES, OPTIMIZERS, make_averaging
from replidg.methods.schedule import lr_factor
from replidg.models.layers import freeze
from replidg.models.store import Backbone
from replidg.progress import Progress
from replidg.seeds import seed_of
from replidg.training.data import Batch, Shares, training_batches
from replidg.training.validation import BATCH, HeldOut


@dataclass(frozen=True)
class Settings:
    """Everything but the data that a run depends on.

    Attributes:
        method: hyper-parameters, as the data set has them.
        protocol: budget and protocol, as the method has them.
        spec: input of the tower.
        classes: number of classes C.
        seed: of all that is random.
        feature_layers: modules of the tower that a method may tie to their origin.
        frozen_batchnorm: keep batch-norm statistics fixed in training.
        channels_last: memory format.
        texts: unit embeddings (C, D) of the class texts, for the methods that need them.
        keep_step: step whose weights are kept; None: that of the best validation.
    """

    method: Method
    protocol: FineTuning
    spec: InputSpec
    classes: int
    seed: int
    feature_layers: list[str]
    frozen_batchnorm: bool
    channels_last: bool
    texts: Tensor | None = None
    keep_step: int | None = None


class Run:
    """State of one training: network, objective, optimiser, averaging, best weights so far."""

    def __init__(self, backbone: Backbone, settings: Settings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        method = settings.method
        kind = OBJECTIVES[method.objective]
        torch.manual_seed(seed_of(settings.seed, "head"))
        self.classifier = Classifier(
            backbone.visual,
            backbone.dim,
            settings.classes,
            settings.frozen_batchnorm,
            text_head(settings, backbone.dim) if kind.needs_texts else None,
        )
        freeze(self.classifier.visual, settings.protocol.frozen_layers)
        self.objective = kind(self.classifier, method, settings.spec.size, settings.feature_layers)
        memory = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.classifier.to(device, memory_format=memory)
        self.objective.to(device, memory_format=memory)
        self._equip()
        groups = self.objective.parameter_groups(self.classifier)
        self.optimizer = OPTIMIZERS[method.optimizer](groups, weight_decay=method.weight_decay)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.averaging = make_averaging(method, settings.protocol.steps)
        if self.averaging is not None:
            self.averaging.start(self.classifier.state_dict())
        self.step = 0
        self.best: dict[str, Any] = {"accuracy": -1.0, "step": 0, "weights": {}}
        self.history: list[dict[str, float]] = []

    def train_step(self, batch: Batch) -> Tensor:
        """Take one optimiser step; returns the loss, still on the device."""
        # Dropout and the like draw from here, so a resumed step draws the same.
        torch.manual_seed(seed_of(self.settings.seed, "step", self.step))
        self.classifier.train()
        self.objective.train()
        factor = lr_factor(self.settings.method.schedule, self.step, self.settings.protocol.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.objective.backward(
            self.classifier,
            self._input(batch.pixels),
            batch.labels.to(self.device),
            batch.domains.to(self.device),
            self.step,
        )
        self.objective.gradients.step([self.optimizer])
        self.step += 1
        if self.averaging is not None:
            self.averaging.update(self.classifier.state_dict())
        return loss

    def batches(self, shares: Shares) -> Iterator[Batch]:
        """Yield the batches of the steps that are left."""
        settings = self.settings
        return training_batches(shares, settings.spec, settings.protocol, settings.seed, self.step)

    def due(self) -> bool:
        """Tell whether a validation follows the step just taken.

        As in DomainBed: after step 1, 201, 401 …, so 5,001 steps end with a validation.
        """
        protocol = self.settings.protocol
        return (self.step - 1) % protocol.evaluate_every == 0 or self.step == protocol.steps

    def validate(self, validation: list[HeldOut], target: HeldOut | None = None) -> None:
        """Evaluate the hold-outs of the training domains; keep the weights if they are selected.

        With an averaging its candidate is what is evaluated. The target's hold-out, if there is
        one, is only put on record.
        """
        own = None
        if self.averaging is not None:
            own = copied(self.classifier.state_dict())
            self.classifier.load_state_dict(self.averaging.candidate())
        each = [self._accuracy_and_loss(images) for images in validation]
        accuracy = sum(a for a, _ in each) / len(each)
        loss = sum(value for _, value in each) / len(each)
        entry = {"step": self.step, "accuracy": accuracy, "loss": loss}
        if target is not None:
            entry["target_accuracy"] = self._accuracy_and_loss(target)[0]
        self.history.append(entry)
        if self.averaging is not None:
            self.averaging.close_segment(loss, accuracy)
            self.classifier.load_state_dict(own)
        elif self._selected(accuracy):
            weights = copied(self.classifier.state_dict())
            self.best = {"accuracy": accuracy, "step": self.step, "weights": weights}

    def _selected(self, accuracy: float) -> bool:
        keep = self.settings.keep_step
        return accuracy > self.best["accuracy"] if keep is None else self.step == keep

    def final_weights(self) -> Weights:
        """Return the selected or averaged weights."""
        return self.best["weights"] if self.averaging is None else self.averaging.final()

    def selected_step(self) -> int | None:
        """Return the step that the final weights were selected at, if they were."""
        chosen = self.best["step"] if self.averaging is None else self.averaging.selected_step
        return chosen or None

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
            "scaling": self.objective.gradients.state_dict(),
            "averaging": self.averaging.state_dict() if self.averaging else None,
            "best": self.best,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.classifier.load_state_dict(state["classifier"])
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.objective.gradients.load_state_dict(state["scaling"])
        if self.averaging is not None:
            self.averaging.load_state_dict(state["averaging"])

    def _equip(self) -> None:
        """Let passes and gradients be computed as the protocol says."""
        protocol = self.settings.protocol
        learned = [*self.classifier.parameters(), *self.objective.parameters()]
        learned = [parameter for parameter in learned if parameter.requires_grad]
        self.objective.gradients = Gradients(learned, protocol, self.device)
        check_statistics(self.classifier.train().visual, protocol)
        for tower in (self.classifier.visual, *self.objective.towers()):
            prepare(tower, protocol, self.device)

    def _input(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, non_blocking=True)
        return normalise(pixels, self.settings.spec, self.settings.channels_last)

    def _accuracy_and_loss(self, images: HeldOut) -> tuple[float, float]:
        logits = torch.cat([self.logits(pixels) for pixels in images.batches(self.step)])
        accuracy = (logits.argmax(1) == images.labels).double().mean().item()
        return accuracy, F.cross_entropy(logits, images.labels).item()


def text_head(settings: Settings, dim: int) -> TextHead:
    """Return the head of a method that classifies by class texts.

    Raises:
        ValueError: there are no texts, or they do not fit the tower or the classes.
    """
    if settings.texts is None:
        raise ValueError(
            f"objective {settings.method.objective} needs the texts of the classes: the job's "
            "input `texts`, made by embed_texts with the method's `prompts`"
        )
    if settings.texts.shape != (settings.classes, dim):
        raise ValueError(
            f"class texts are {tuple(settings.texts.shape)}, the tower and the classes ask for "
            f"{(settings.classes, dim)}"
        )
    return TextHead(settings.texts, settings.method.logit_scale)


def fit(
    run: Run,
    shares: Shares,
    checkpoints: Checkpoints,
    name: str,
    held: tuple[list[HeldOut], HeldOut | None] | None = None,
) -> None:
    """Train to the end, from the newest checkpoint if there is one.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.

    Args:
        run: what to train.
        shares: images by their part in the run.
        checkpoints: of this run.
        name: for the log.
        held: what `held_out` returns, where the caller has it already.
    """
    protocol = run.settings.protocol
    resume(run, checkpoints, name)
    validation, target = held or held_out(shares, run.settings)
    batches = run.batches(shares)
    images = protocol.batch_per_domain * len(shares.train)
    counted = Progress(protocol.steps, name, "steps", run.step, images)
    with stop_on_signal() as stop, counted as progress:
        for batch in batches:
            loss = run.train_step(batch)
            if run.due():
                run.validate(validation, target)
                progress.add(0, f"loss {loss.item():.3f}")
            progress.add()
            keep(run, checkpoints, stop, name)


def held_out(shares: Shares, settings: Settings) -> tuple[list[HeldOut], HeldOut | None]:
    """Return the hold-outs of the training domains, and that of the target if it is validated.

    The target's is never augmented, as in DomainBed.
    """
    protocol = settings.protocol
    augmentation = protocol.augmentation if protocol.validation_augmentation else None
    sources = [
        HeldOut(rows, settings.spec, protocol.workers, augmentation, seed_of(settings.seed, number))
        for number, rows in enumerate(shares.validation)
    ]
    if shares.target_validation is None:
        return sources, None
    return sources, HeldOut(shares.target_validation, settings.spec, protocol.workers)


def predict(run: Run, rows: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return one row an image: label, prediction, confidence.

    Args:
        run: its classifier holds the final weights.
        rows: rows of the index.
        role: "target", "source_validation" or "target_validation".
    """
    batches = loader(
        still_paths(rows, run.settings.spec),
        run.settings.spec,
        BATCH,
        run.settings.protocol.workers,
    )
    logits = torch.cat([run.logits(pixels) for pixels in batches])
    return prediction_table(rows, logits.numpy(), role)
