"""Representation self-challenging (Huang et al. 2020, arXiv 2007.02454)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier


class RSC(HybridObjective):
    """Cross-entropy on features of which those that the true class rests on most are muted.

    Muted are, in each image, the share `rsc_features` of features with the highest gradient of the
    true class's logit; and only in the share `rsc_images` of images whose true class loses most
    probability by it. The pooled features are muted ("channel-wise" in the paper).
    """

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean cross-entropy of the challenged features."""
        features = classifier.visual(images)
        mask = self.kept(classifier, features.detach(), labels)
        return F.cross_entropy(classifier.head(features * mask), labels)

    def kept(self, classifier: Classifier, features: Tensor, labels: Tensor) -> Tensor:
        """Return 1 where a feature stays and 0 where it is muted (N, D)."""
        probe = features.clone().requires_grad_(True)
        logits = classifier.head(probe)
        own = logits.gather(1, labels[:, None]).sum()
        gradient = torch.autograd.grad(own, probe)[0]
        count = round(self.method.rsc_features * features.shape[1])
        keep = torch.ones_like(features).scatter(1, gradient.topk(count, dim=1).indices, 0.0)
        with torch.no_grad():
            before, after = (
                F.softmax(values, dim=1).gather(1, labels[:, None])[:, 0]
                for values in (logits, classifier.head(features * keep))
            )
        number = round(self.method.rsc_images * len(features))
        chosen = torch.zeros_like(before, dtype=torch.bool)
        chosen[(before - after).topk(number).indices] = True
        return torch.where(chosen[:, None], keep, torch.ones_like(keep))
