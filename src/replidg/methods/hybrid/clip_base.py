"""CLIPBase of arXiv 2404.09011: the student fits the teacher's scores; no label is used."""

from __future__ import annotations

from torch import Tensor

from replidg.methods.hybrid.base import HybridObjective, soft_cross_entropy
from replidg.methods.network import Classifier


class CLIPBase(HybridObjective):
    """Cross-entropy with the teacher's probabilities, L = -mean_i sum_c p_ic log softmax(z_i)_c."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean cross-entropy with the teacher's scores."""
        return soft_cross_entropy(classifier(images), self.teacher().scores).mean()
