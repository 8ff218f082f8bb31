"""What the methods of hybrid domain generalisation have beyond an `Objective`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.network import Classifier
from replidg.methods.objective import Objective


@dataclass(frozen=True)
class Context:
    """Numbers and texts of a run that a loss may need.

    Attributes:
        classes: number of known classes C.
        domains: number of source domains S.
        dim: width d of the student's features.
        texts: unit embeddings (C, D) of the class texts, or None.
        steps: of the whole run.
    """

    classes: int
    domains: int
    dim: int
    texts: Tensor | None = None
    steps: int = 1


@dataclass(frozen=True)
class Taught:
    """What the teacher says of a step's augmented images; no gradient.

    Attributes:
        scores: softmax over the known classes of the scaled cosines (N, C).
        embeddings: unit image embeddings (N, D).
    """

    scores: Tensor
    embeddings: Tensor


class HybridObjective(Objective):
    """A loss of the benchmark; `self.taught` is set before each step if the method has a teacher.

    Args:
        classifier: the student.
        method: hyper-parameters.
        image_size: side of the input in pixels.
        context: of the run.
    """

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, [])
        self.context = context
        self.taught: Taught | None = None

    def teacher(self) -> Taught:
        """Return what the teacher says of this step's images.

        Raises:
            RuntimeError: nobody asked it.
        """
        if self.taught is None:
            raise RuntimeError(f"objective {self.method.objective} needs a teacher")
        return self.taught

    def parameter_groups(self, classifier: Classifier) -> list[dict[str, Any]]:
        """Return the tower's, the head's and, at the head's rate, this objective's parameters."""
        groups = super().parameter_groups(classifier)
        own = list(self.parameters())
        if own:
            groups.append({"params": own, "lr": self.method.lr * self.method.head_lr_mult})
        return groups


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return -sum_c q_c log softmax(z)_c of each row (N,).

    Args:
        logits: z (N, C).
        targets: q (N, C), rows that sum to 1.
    """
    return -(targets * F.log_softmax(logits, dim=1)).sum(dim=1)


def by_domain(values: Tensor, domains: Tensor) -> list[Tensor]:
    """Return the rows of each domain, in the order of the domains' numbers."""
    return [values[domains == domain] for domain in domains.unique(sorted=True)]


def domain_losses(classifier: nn.Module, images: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
    """Return the mean cross-entropy of each domain (S,), of one pass over all images."""
    losses = F.cross_entropy(classifier(images), labels, reduction="none")
    return stacked_means(losses, domains)


def stacked_means(values: Tensor, domains: Tensor) -> Tensor:
    """Return the mean of each domain's values (S,)."""
    return torch.stack([part.mean() for part in by_domain(values, domains)])
