"""Correlation alignment (Sun and Saenko 2016, arXiv 1607.01719), as DomainBed has it.

Deep CORAL aligns covariances; DomainBed's CORAL, which the alignment paper ran, adds the means and
takes the mean over elements instead of the sum over 4 d^2 of them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.erm import ERM
from replidg.methods.network import Classifier


class CORAL(ERM):
    """Cross-entropy plus gamma times the mean distance of moments over pairs of source domains."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return cross-entropy plus the penalty; with one source domain there is none."""
        features = classifier.visual(images)
        loss = F.cross_entropy(classifier.head(features), labels)
        return loss + self.method.coral_gamma * mean_over_pairs(features, domains, moment_distance)


def mean_over_pairs(
    features: Tensor, domains: Tensor, distance: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Return the mean distance over pairs of domains; 0 if there is one domain.

    Args:
        features: of images (N, D).
        domains: domain of each (N,).
        distance: of the features of two domains.
    """
    parts = [features[domains == domain] for domain in domains.unique()]
    distances = [distance(a, b) for a, b in combinations(parts, 2)]
    return torch.stack(distances).sum() / len(distances) if distances else features.new_zeros(())


def moment_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared differences of means and of covariances.

    Args:
        a: features of one domain (N, D).
        b: of another (M, D).

    Raises:
        ValueError: a domain has one image, which has no covariance.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError("CORAL needs batch_per_domain of 2 or more: one image has no covariance")
    means = (a.mean(0) - b.mean(0)).pow(2).mean()
    return means + (a.T.cov() - b.T.cov()).pow(2).mean()
