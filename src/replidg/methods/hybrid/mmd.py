"""Maximum mean discrepancy of features between domains (Li et al. 2018, CVPR), as DomainBed does.

The kernel is a sum of Gaussians exp(-g |a - b|^2) of seven widths.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.coral import mean_over_pairs
from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier

WIDTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


class MMD(HybridObjective):
    """Cross-entropy plus gamma times the mean squared discrepancy over pairs of domains."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return cross-entropy plus the penalty."""
        features = classifier.visual(images)
        loss = F.cross_entropy(classifier.head(features), labels)
        return loss + self.method.mmd_gamma * mean_over_pairs(features, domains, discrepancy)


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Return mean k(a, a') + mean k(b, b') - 2 mean k(a, b), of (N, D) and (M, D)."""
    return kernel(a, a).mean() + kernel(b, b).mean() - 2 * kernel(a, b).mean()


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum of Gaussian kernels (N, M)."""
    squared = (a[:, None, :] - b[None]).pow(2).sum(dim=2)
    return torch.stack([torch.exp(-width * squared) for width in WIDTHS]).sum(dim=0)
