"""Knowledge distillation (Hinton et al. 2015, arXiv 1503.02531)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier


class Hinton(HybridObjective):
    """(1 - w) cross-entropy with labels + w T^2 KL(teacher at T || student at T)."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the weighted sum."""
        weight = self.method.kd_weight
        logits = classifier(images)
        soft = divergence(logits, self.teacher().scores, self.method.kd_temperature)
        return (1 - weight) * F.cross_entropy(logits, labels) + weight * soft


def divergence(logits: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """Return T^2 times the mean KL divergence at temperature T.

    Args:
        logits: of the student (N, C).
        scores: the teacher's probabilities at temperature 1 (N, C); their log is its logits but for
            a constant.
        temperature: T.
    """
    floor = torch.finfo(scores.dtype).tiny
    teacher = F.log_softmax(scores.clamp_min(floor).log() / temperature, dim=1)
    student = F.log_softmax(logits / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)
