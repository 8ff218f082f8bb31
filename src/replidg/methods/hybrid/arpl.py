"""Adversarial reciprocal points (Chen et al. 2021, arXiv 2103.00953), without their generator."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier

MARGIN = 1.0


class ARPL(HybridObjective):
    """Cross-entropy over distances to reciprocal points, plus the bound on the open space.

    The bound is max(0, d(f, P_y) - R + margin) with a learned radius R: known images stay within R
    of their class's reciprocal point, so that what is unknown has a bounded place (their eq. 10,
    with the public code's margin of 1).
    """

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return cross-entropy plus the weighted bound."""
        features, head = classifier.visual(images), classifier.head
        own = head.distances(features).gather(1, labels[:, None])[:, 0]
        bound = F.relu(own - head.radius + MARGIN).mean()
        return F.cross_entropy(head(features), labels) + self.method.arpl_weight * bound
