"""Margin metric softmax of CLIPood (Shu et al. 2023, arXiv 2302.00864).

With f the image's and t_k the texts' unit embeddings, y the true class, and the distance of texts
D(y, k) = 1 - <t_y, t_k>, the loss is

    -log  exp(tau <f, t_y>) / sum_k exp(tau (<f, t_k> + lambda D(y, k))):

a class must lose by a margin, the wider the farther its text is from the true one's. A softmax does
not change when lambda is taken off all its logits, and <f, t_k> + lambda D(y, k) - lambda is
<f - lambda t_y, t_k>; so it is the cross-entropy of tau (f - lambda t_y) T^T, the form of their
code. For k = y the margin is D = 0 in the one form and lambda is taken off in the other.

The rest of CLIPood is `averaging: beta`, `optimizer: adamw`, `schedule: cosine`.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from replidg.methods.network import Classifier
from replidg.methods.objective import Objective


class CLIPood(Objective):
    """Cross-entropy over class texts with class-adaptive margins; only the image tower learns."""

    needs_texts = True

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean margin metric softmax."""
        features = F.normalize(classifier.visual(images), dim=-1)
        shifted = margin_cosines(
            features, classifier.head.texts, labels, self.method.clipood_margin
        )
        return F.cross_entropy(self.method.logit_scale * shifted, labels)


def margin_cosines(features: Tensor, texts: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return <f - margin t_y, t_k> (N, C).

    Args:
        features: unit embeddings of images (N, D).
        texts: unit embeddings of class texts (C, D).
        labels: true classes (N,).
        margin: lambda.
    """
    return (features - margin * texts[labels]) @ texts.T
