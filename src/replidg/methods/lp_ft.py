"""Linear probing, then fine-tuning (Kumar et al. 2022, arXiv 2202.10054)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.erm import ERM
from replidg.methods.network import Classifier


class LPFT(ERM):
    """ERM whose first `linear_steps` steps train the head alone.

    The alignment paper's text says 600 steps, its code (`--warmup`) 500. Adam keeps no moments for
    the tower in that time: a parameter without a gradient is skipped.
    """

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean cross-entropy; no gradient reaches the tower while probing."""
        if step >= self.method.linear_steps:
            return super().loss(classifier, images, labels, domains, step)
        with torch.no_grad():
            features = classifier.visual(images)
        return F.cross_entropy(classifier.head(features), labels)
