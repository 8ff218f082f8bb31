"""Domain-adversarial training (Ganin et al. 2016, JMLR 17)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, HybridObjective
from replidg.methods.network import Classifier


class Reversed(torch.autograd.Function):
    """The identity, whose gradient is multiplied by -strength."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        """Return the values."""
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the reversed gradient."""
        return -ctx.strength * gradient, None


class DANN(HybridObjective):
    """Cross-entropy plus that of a domain classifier behind a gradient reversal."""

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, context)
        self.discriminator = nn.Sequential(
            nn.Linear(context.dim, method.dann_width),
            nn.ReLU(),
            nn.Linear(method.dann_width, context.domains),
        )

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return both cross-entropies; the tower gets the second one's gradient reversed."""
        features = classifier.visual(images)
        hidden = Reversed.apply(features, strength(step / self.context.steps))
        adversary = F.cross_entropy(self.discriminator(hidden), domains)
        own = F.cross_entropy(classifier.head(features), labels)
        return own + self.method.dann_weight * adversary


def strength(share: float) -> float:
    """Return 2 / (1 + exp(-10 p)) - 1 at the share p of the training (their section 5.2.2)."""
    return 2.0 / (1.0 + math.exp(-10.0 * share)) - 1.0
