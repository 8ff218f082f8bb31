"""Risk extrapolation (Krueger et al. 2021, arXiv 2003.00688)."""

from __future__ import annotations

from torch import Tensor

from replidg.methods.hybrid.base import HybridObjective, domain_losses
from replidg.methods.network import Classifier


class VREx(HybridObjective):
    """Mean of the domains' losses plus lambda times their variance, lambda 1 in the first steps."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the penalised loss."""
        losses = domain_losses(classifier, images, labels, domains)
        weight = self.method.vrex_lambda if step >= self.method.vrex_anneal else 1.0
        return losses.mean() + weight * losses.var(correction=0)
