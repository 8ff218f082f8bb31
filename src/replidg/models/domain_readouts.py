"""How a domain classifier turns features into scores (arXiv 2410.08258, "Domain classifiers").

All of them give (N, 3): a score for natural, a score for rendition, and the number of the domain in
the classifier's default setting. A score is meaningful by its order alone: a threshold on it makes
the classifier strict. Of a classifier of one domain against the rest, the rest counts as the other
domain, as in the paper's Tables 4 to 6.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

NATURAL, RENDITION, AMBIGUOUS = range(3)


def targets(labels: Tensor, against: str | None) -> Tensor:
    """Return the classes that a readout is trained on.

    Args:
        labels: 0 natural, 1 rendition, 2 ambiguous.
        against: domain against the rest, or None for all three. Class 0 is natural or the rest,
            class 1 rendition or the rest, as in the authors' code.
    """
    if against is None:
        return labels
    return (labels != NATURAL if against == "natural" else labels == RENDITION).long()


class LinearReadout(nn.Module):
    """A linear layer on a tower's features (FT, DR).

    Args:
        dim: of the features.
        classes: 3, or 2 for one domain against the rest.
        normalised: features are brought to unit length before (FT).
        ratio: the binary default: class 1 where p(class 0) / p(class 1) is below it; 1 is the usual
            decision, 0.2 that of the density ratio (Cohen-Wang et al. 2024).
    """

    def __init__(self, dim: int, classes: int, normalised: bool, ratio: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, classes)
        self.normalised = normalised
        self.register_buffer("ratio", torch.tensor(ratio))
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, features: Tensor) -> Tensor:
        """Return (N, classes), the calibration's temperature left out."""
        features = features.float()
        if self.normalised:
            features = nn.functional.normalize(features, dim=-1)
        return self.linear(features)

    def forward(self, features: Tensor) -> Tensor:
        """Return scores and default domain (N, 3)."""
        p = torch.softmax(self.logits(features) / self.temperature, dim=-1)
        default = p.argmax(1) if p.shape[1] == 3 else (p[:, 0] < self.ratio * p[:, 1]).long()
        return torch.stack([p[:, 0], p[:, 1], default.to(p.dtype)], dim=1)


class CentroidReadout(nn.Module):
    """The nearest of three centroids in squared L2 (CE); nothing is trained.

    The paper thresholds a confidence without naming it; here it is the softmax of the negative
    squared distances of unit vectors.
    """

    def __init__(self, centroids: Tensor) -> None:
        super().__init__()
        self.register_buffer("centroids", centroids.float())

    @classmethod
    def fitted(cls, features: Tensor, labels: Tensor) -> CentroidReadout:
        """Return the readout of labelled features (N, D)."""
        unit = nn.functional.normalize(features.float(), dim=-1)
        return cls(torch.stack([unit[labels == domain].mean(0) for domain in range(3)]))

    def forward(self, features: Tensor) -> Tensor:
        """Return scores and default domain (N, 3)."""
        unit = nn.functional.normalize(features.float(), dim=-1)
        p = torch.softmax(-torch.cdist(unit, self.centroids).square(), dim=-1)
        return torch.stack([p[:, 0], p[:, 1], p.argmax(1).to(p.dtype)], dim=1)


class StyleReadout(nn.Module):
    """Any-of-k vote of nearest neighbours (CSD, Somepalli et al. 2024, arXiv 2404.01292).

    An image has a domain if any of its k nearest labelled images has it. With r the rank of the
    first such neighbour that is r <= k, so 1/r is the domain's score, and 1 - 1/r that of the
    other; a threshold on it stands for k. Default: k = 1.

    Args:
        database: descriptors (M, D) of unit length.
        member: which of them have the domain (M,).
        against: "natural" or "rendition".
        neighbours: the largest k; ranks beyond count as one more.
    """

    def __init__(self, database: Tensor, member: Tensor, against: str, neighbours: int) -> None:
        super().__init__()
        self.register_buffer("database", database.float())
        self.register_buffer("member", member.bool())
        self.against = against
        self.neighbours = min(neighbours, len(database))

    @classmethod
    def fitted(
        cls, features: Tensor, labels: Tensor, against: str, neighbours: int
    ) -> StyleReadout:
        """Return the readout of labelled features (N, D)."""
        unit = nn.functional.normalize(features.float(), dim=-1)
        domain = NATURAL if against == "natural" else RENDITION
        return cls(unit, labels == domain, against, neighbours)

    def forward(self, features: Tensor) -> Tensor:
        """Return scores and default domain (N, 3)."""
        unit = nn.functional.normalize(features.float(), dim=-1)
        nearest = (unit @ self.database.T).topk(self.neighbours, dim=1).indices
        hit = self.member[nearest]
        first = torch.where(hit.any(1), hit.float().argmax(1), self.neighbours)
        own = 1.0 / (first + 1.0)
        domain, other = (NATURAL, RENDITION) if self.against == "natural" else (RENDITION, NATURAL)
        default = torch.where(first == 0, domain, other).to(own.dtype)
        pair = [own, 1.0 - own] if domain == NATURAL else [1.0 - own, own]
        return torch.stack([*pair, default], dim=1)


def calibrated(logits: Tensor, classes: Tensor) -> float:
    """Return the temperature with the lowest cross-entropy (Guo et al. 2017).

    Args:
        logits: (N, C) of validation images.
        classes: (N,).
    """
    from scipy.optimize import minimize_scalar

    logits, classes = logits.double(), classes.long()

    def cost(log_temperature: float) -> float:
        scaled = logits / torch.e**log_temperature
        return float(nn.functional.cross_entropy(scaled, classes))

    found = minimize_scalar(cost, bounds=(-4.0, 4.0), method="bounded")
    return float(torch.e**found.x)
