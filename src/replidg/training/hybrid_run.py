"""One run of the HDG benchmark: the shared trainer with SGD, a teacher and the paper's schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim import SGD

from replidg.config.hybrid_methods import HybridMethod
from replidg.config.methods import FineTuning
from replidg.data.hybrid import HybridShares
from replidg.data.images import InputSpec
from replidg.files import stable_hash
from replidg.methods.hybrid.base import Context, HybridObjective
from replidg.methods.hybrid.heads import make_head
from replidg.methods.hybrid.registry import make_objective
from replidg.methods.network import Classifier
from replidg.methods.predictions import prediction_table
from replidg.models.layers import freeze
from replidg.models.store import Backbone
from replidg.seeds import seed_of
from replidg.training.data import Batch, Shares, training_batches
from replidg.training.teacher import Teacher, Views, chosen_views
from replidg.training.trainer import Run
from replidg.training.validation import HeldOut


@dataclass(frozen=True)
class HybridSettings:
    """Everything but the data that a run depends on.

    Attributes:
        method: hyper-parameters.
        protocol: budget; an epoch is `evaluate_every` steps.
        spec: the student's input.
        classes: number of known classes C.
        domains: number of source domains.
        seed: of all that is random.
        channels_last: memory format of the student.
        frozen_batchnorm: keep its batch-norm statistics.
        texts: unit embeddings (C, D) of the known classes' texts, or None.
    """

    method: HybridMethod
    protocol: FineTuning
    spec: InputSpec
    classes: int
    domains: int
    seed: int
    channels_last: bool
    frozen_batchnorm: bool
    texts: Tensor | None = None


class HybridRun(Run):
    """State of one training of a student.

    Args:
        backbone: the student's tower, at its pretrained weights.
        settings: of the run.
        device: where it trains.
        teacher: for the methods that learn from one.
        views: fixed augmentations, where the teacher's scores are cached.
    """

    def __init__(
        self,
        backbone: Backbone,
        settings: HybridSettings,
        device: torch.device,
        teacher: Teacher | None = None,
        views: Views | None = None,
    ) -> None:
        self.settings, self.device = settings, device
        self.teacher, self.views = teacher, views
        method = settings.method
        context = Context(
            settings.classes,
            settings.domains,
            backbone.dim,
            settings.texts,
            settings.protocol.steps,
        )
        torch.manual_seed(seed_of(settings.seed, "head"))
        self.classifier = Classifier(
            backbone.visual,
            backbone.dim,
            settings.classes,
            settings.frozen_batchnorm,
            make_head(method, context),
        )
        freeze(self.classifier.visual, settings.protocol.frozen_layers)
        self.objective = make_objective(method, self.classifier, settings.spec.size, context)
        memory = torch.channels_last if settings.channels_last else torch.contiguous_format
        self.classifier.to(device, memory_format=memory)
        self.objective.to(device)
        self._equip()
        self.optimizers = make_optimizers(method, self.objective.parameter_groups(self.classifier))
        self.rates = [group["lr"] for group in self.optimizers[0].param_groups]
        self.averaging = None
        self.step = 0
        self.best: dict[str, Any] = {"accuracy": -1.0, "step": 0, "weights": {}}
        self.history: list[dict[str, float]] = []
        self.view_seeds: np.ndarray | None = None
        self.view_embeddings: Tensor | None = None

    def batches(self, shares: Shares) -> Iterator[Batch]:
        """Yield the batches of the steps that are left; embeds the fixed views if there are any."""
        settings = self.settings
        if self.views is not None:
            spec, protocol = settings.spec, settings.protocol
            found = [
                self.views.embeddings(
                    rows, spec, protocol.augmentation, self._teacher_input(), protocol.workers
                )
                for rows in shares.train
            ]
            self.view_embeddings = torch.cat(found)
            self.view_seeds = np.concatenate([self.views.seeds(rows) for rows in shares.train])
        return training_batches(
            shares, settings.spec, settings.protocol, settings.seed, self.step, self.view_seeds
        )

    def train_step(self, batch: Batch) -> Tensor:
        """Take one iteration, of two optimiser steps if `doubled`; returns the loss."""
        method = self.settings.method
        # Mixing, dropout and the like draw from here, so a resumed step draws the same.
        torch.manual_seed(seed_of(self.settings.seed, "step", self.step))
        self.classifier.train()
        self.objective.train()
        factor = decayed(method, self.step, self.settings.protocol)
        for optimizer in self.optimizers:
            for group, rate in zip(optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * factor
        self.optimizers[0].zero_grad(set_to_none=True)
        if isinstance(self.objective, HybridObjective):
            self.objective.taught = self._ask(batch) if method.teaches else None
        loss = self.objective.backward(
            self.classifier,
            self._input(batch.pixels),
            batch.labels.to(self.device),
            batch.domains.to(self.device),
            self.step,
        )
        self.objective.gradients.step(self.optimizers)
        self.step += 1
        return loss

    def due(self) -> bool:
        """Tell whether an epoch ends with the step just taken."""
        protocol = self.settings.protocol
        return self.step % protocol.evaluate_every == 0 or self.step == protocol.steps

    def described(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tower's features (N, d) and the logits (N, C) of uint8 images, on the CPU."""
        self.classifier.eval()
        with torch.inference_mode():
            features = self.classifier.visual(self._input(pixels))
            return features.float().cpu(), self.classifier.head(features).float().cpu()

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "classifier": self.classifier.state_dict(),
            "objective": self.objective.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "scaling": self.objective.gradients.state_dict(),
            "best": self.best,
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step, self.best, self.history = state["step"], state["best"], state["history"]
        self.classifier.load_state_dict(state["classifier"])
        self.objective.load_state_dict(state["objective"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.objective.gradients.load_state_dict(state["scaling"])

    def _selected(self, accuracy: float) -> bool:
        # Of equals the later one, as in the public code.
        return accuracy >= self.best["accuracy"]

    def _teacher_input(self) -> InputSpec | None:
        return self.settings.spec if self.settings.method.teacher_input == "student" else None

    def _ask(self, batch: Batch) -> Any:
        if self.teacher is None:
            raise ValueError(f"{self.settings.method.objective} needs a teacher")
        if self.view_embeddings is not None and self.view_seeds is not None:
            embeddings = chosen_views(self.view_embeddings, self.view_seeds, batch.items)
            embeddings = embeddings.to(self.device)
        else:
            embeddings = self.teacher.embed(batch.pixels, self._teacher_input())
        return self.teacher.taught(embeddings, self.settings.method.logit_scale)


def make_optimizers(method: HybridMethod, groups: list[dict[str, Any]]) -> list[SGD]:
    """Return one SGD with Nesterov momentum; two over the same parameters if `doubled`."""
    return [
        SGD(
            [dict(group) for group in groups],
            lr=method.lr,
            momentum=method.momentum,
            weight_decay=method.weight_decay,
            nesterov=method.momentum > 0,
        )
        for _ in range(2 if method.doubled else 1)
    ]


def decayed(method: HybridMethod, step: int, protocol: FineTuning) -> float:
    """Return the factor on the learning rate of an iteration.

    Args:
        method: its decays; each counts twice if `doubled`.
        step: iterations before this one.
        protocol: length of an epoch and of the run.
    """
    epochs = math.ceil(protocol.steps / protocol.evaluate_every)
    epoch = step // protocol.evaluate_every
    # 0.7 of 50 epochs is 35 also where the product is 34.999…9.
    factors = [d.factor for d in method.decays if epoch > d.after * epochs + 1e-9]
    return math.prod(factors) ** (2 if method.doubled else 1)


def predicted(
    run: HybridRun, parts: HybridShares, target: HeldOut, validation: list[HeldOut], count: int
) -> tuple[pd.DataFrame, Tensor]:
    """Return predictions of target and source hold-outs, and features of `count` target images."""
    held = zip(parts.validation, validation, strict=True)
    asked = [("target", parts.target, target)]
    asked += [("source_validation", rows, images) for rows, images in held]
    tables, kept = [], []
    for role, rows, images in asked:
        described = [run.described(pixels) for pixels in images.batches(run.step)]
        logits = torch.cat([values for _, values in described])
        kept.append(torch.cat([values for values, _ in described]))
        table = prediction_table(rows, logits.numpy(), role)
        # The public code takes thresholds between the extremes of all entries of the softmax.
        lowest = torch.softmax(logits, dim=1).min(dim=1).values.numpy()
        tables.append(table.assign(min_softmax=lowest, feature_row=-1))
    place = [stable_hash(name) for name in parts.target["image_id"]]
    chosen = sorted(range(len(place)), key=place.__getitem__)[:count]
    tables[0].loc[tables[0].index[chosen], "feature_row"] = range(len(chosen))
    return pd.concat(tables, ignore_index=True), kept[0][chosen].half()
