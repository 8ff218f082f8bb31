"""Contrastive distillation (Tian et al. 2020, arXiv 1910.10699), with the batch as negatives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.feature_kd import FeatureKD
from replidg.methods.network import Classifier


class ContrastiveKD(FeatureKD):
    """Cross-entropy plus InfoNCE: an image's projection must find its own teacher embedding.

    The paper draws negatives from a memory bank; here they are the other images of the step.
    """

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return both terms."""
        features = classifier.visual(images)
        near = F.normalize(self.projection(features), dim=1)
        contrast = info_nce(near, self.teacher().embeddings, self.method.contrast_temperature)
        own = F.cross_entropy(classifier.head(features), labels)
        return own + self.method.contrast_weight * contrast


def info_nce(near: Tensor, embeddings: Tensor, temperature: float) -> Tensor:
    """Return the mean of -log softmax of row i's cosines at column i, of unit rows (N, D)."""
    logits = near @ embeddings.T / temperature
    return F.cross_entropy(logits, torch.arange(len(near), device=near.device))
