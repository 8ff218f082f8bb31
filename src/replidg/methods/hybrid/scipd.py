"""SCI-PD (arXiv 2404.09011): distillation with score, instance and class perturbation."""

from __future__ import annotations

import torch
from torch import Tensor

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, HybridObjective, soft_cross_entropy
from replidg.methods.hybrid.perturbation import (
    class_loss,
    instance_weights,
    perturb_scores,
    weighted_mean,
)
from replidg.methods.network import Classifier


class SCIPD(HybridObjective):
    """sum_i w_i l_i / sum_i w_i + beta L_CP, each perturbation switchable.

    l_i is the cross-entropy of the student with the (perturbed) teacher scores. There is no term of
    the labels but what SP makes of them. With all three off it is CLIPBase.
    """

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, context)
        if method.class_perturbation and method.head != "text":
            raise ValueError(
                "class perturbation compares the last layer with the texts: set head: text"
            )
        if context.texts is None:
            raise ValueError("scipd needs the texts of the classes")
        self.register_buffer("texts", context.texts.clone(), persistent=False)

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the loss of one step."""
        method, scores = self.method, self.teacher().scores
        targets = scores
        if method.score_perturbation:
            targets = perturb_scores(scores, labels, method.tau)
        weights = torch.ones_like(scores[:, 0])
        if method.instance_perturbation:
            weights = instance_weights(scores, method.alpha)
        loss = weighted_mean(soft_cross_entropy(classifier(images), targets), weights)
        if method.class_perturbation:
            twice = method.class_softmax == "twice"
            loss = loss + method.beta * class_loss(self.texts, classifier.head.last.weight, twice)
        return loss
