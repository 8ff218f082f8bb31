"""Mixup of images of two domains (Zhang et al. 2018; inter-domain as in DomainBed)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier


class Mixup(HybridObjective):
    """Cross-entropy of x = l x_a + (1 - l) x_b with both labels; b is of the next domain."""

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean over images; each domain draws one l ~ Beta(alpha, alpha) a step."""
        partner = partners(domains)
        alpha = torch.tensor(self.method.mixup_alpha)
        drawn = torch.distributions.Beta(alpha, alpha).sample((self.context.domains,))
        share = drawn.to(images)[domains]
        mixed = mix(images, images[partner], share)
        logits = classifier(mixed)
        own = F.cross_entropy(logits, labels, reduction="none")
        other = F.cross_entropy(logits, labels[partner], reduction="none")
        return (share * own + (1 - share) * other).mean()


def mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return share * a + (1 - share) * b, a share for each image (N,)."""
    wide = share.view(-1, *(1,) * (a.dim() - 1))
    return wide * a + (1 - wide) * b


def partners(domains: Tensor) -> Tensor:
    """Return for each image one of another domain: the domains are shifted by a random number.

    With one domain the images are shuffled.
    """
    kinds = domains.unique(sorted=True)
    if len(kinds) == 1:
        return torch.randperm(len(domains)).to(domains.device)
    shift = int(torch.randint(1, len(kinds), ()))
    found = torch.empty_like(domains)
    for place, kind in enumerate(kinds):
        own = (domains == kind).nonzero()[:, 0]
        other = (domains == kinds[(place + shift) % len(kinds)]).nonzero()[:, 0]
        shuffled = other[torch.randperm(len(other)).to(domains.device)]
        found[own] = shuffled[torch.arange(len(own), device=domains.device) % len(other)]
    return found
