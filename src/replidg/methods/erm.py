"""Empirical risk minimisation (Vapnik 1998; DomainBed's ERM)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from replidg.methods.network import Classifier
from replidg.methods.objective import Objective


class ERM(Objective):
    """Cross-entropy over the union of the source domains, each with equally many images."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean cross-entropy."""
        return F.cross_entropy(classifier(images), labels)
