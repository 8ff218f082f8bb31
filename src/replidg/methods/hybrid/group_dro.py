"""Group distributionally robust optimisation (Sagawa et al. 2020, arXiv 1911.08731)."""

from __future__ import annotations

import torch
from torch import Tensor

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, HybridObjective, domain_losses
from replidg.methods.network import Classifier


class GroupDRO(HybridObjective):
    """sum_d q_d L_d; q_d grows by exp(eta L_d) a step and sums to 1 (their algorithm 1)."""

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, context)
        self.register_buffer("shares", torch.full((context.domains,), 1.0 / context.domains))

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the weighted loss, after the weights took their step."""
        losses = domain_losses(classifier, images, labels, domains)
        grown = self.shares * torch.exp(self.method.dro_eta * losses.detach())
        self.shares.copy_(grown / grown.sum())
        return (self.shares * losses).sum()
