"""Heads of the student, from its features (N, d) to logits of the known classes (N, C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context


class TextInitialised(nn.Module):
    """Linear(d, D), ReLU, Linear(D, C); the last weights start at the unit texts (C, D)."""

    def __init__(self, dim: int, texts: Tensor) -> None:
        super().__init__()
        self.first = nn.Linear(dim, texts.shape[1])
        self.last = nn.Linear(texts.shape[1], texts.shape[0])
        with torch.no_grad():
            self.last.weight.copy_(F.normalize(texts.float(), dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (N, C)."""
        return self.last(F.relu(self.first(features)))


class ReciprocalPoints(nn.Module):
    """ARPL's head: the logit of a class is the distance to its reciprocal point (their eq. 3 to 5).

    d(f, P_k) = |f - P_k|^2 / d - f . P_k
    """

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.points = nn.Parameter(0.1 * torch.randn(classes, dim))
        self.radius = nn.Parameter(torch.zeros(()))

    def distances(self, features: Tensor) -> Tensor:
        """Return the mean squared distance to each point (N, C)."""
        return (features[:, None, :] - self.points[None]).pow(2).mean(dim=2)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (N, C): far from a class's reciprocal point is near to the class."""
        return self.distances(features) - features @ self.points.T


class DomainHeads(nn.Module):
    """One linear head a source domain; logits are the log of the mean probability of all."""

    def __init__(self, dim: int, classes: int, domains: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(nn.Linear(dim, classes) for _ in range(domains))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (N, C)."""
        logs = torch.stack([F.log_softmax(head(features), dim=1) for head in self.each])
        return logs.logsumexp(dim=0) - torch.log(torch.tensor(float(len(self.each))))


def make_head(method: HybridMethod, context: Context) -> nn.Module | None:
    """Return the head of a method; None is the plain linear one.

    Raises:
        ValueError: a head that starts at the texts has none.
    """
    if method.objective == "arpl":
        return ReciprocalPoints(context.dim, context.classes)
    if method.objective == "daml":
        return DomainHeads(context.dim, context.classes, context.domains)
    if method.head == "linear":
        return None
    if context.texts is None:
        raise ValueError("head: text needs the texts of the classes")
    return TextInitialised(context.dim, context.texts)
