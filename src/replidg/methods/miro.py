"""Mutual information regularisation with oracle (Cha et al. 2022, arXiv 2203.10789)."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.methods import Method
from replidg.methods.erm import ERM
from replidg.methods.network import Classifier, layer_shapes, recorded
from replidg.models.layers import select_layers

VARIANCE_INIT = 0.1
VARIANCE_FLOOR = 1e-5


class VarianceEncoder(nn.Module):
    """A variance a channel that does not depend on the input: softplus of a bias (their 4.1).

    Args:
        shape: shape of the features of one image with a leading 1, (1, C, H, W) or (1, T, C).
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        # The bias whose softplus, plus the floor, is VARIANCE_INIT.
        start = math.log(math.expm1(VARIANCE_INIT - VARIANCE_FLOOR))
        channelwise = (
            (1, shape[1], 1, 1) if len(shape) == 4 else (*(1,) * (len(shape) - 1), shape[-1])
        )
        self.bias = nn.Parameter(torch.full(channelwise, start))

    def forward(self) -> Tensor:
        """Return the variance, broadcastable to the features."""
        return F.softplus(self.bias) + VARIANCE_FLOOR


class MIRO(ERM):
    """Cross-entropy plus lambda * sum over layers of a Gaussian negative log-likelihood.

    The likelihood is that of the pretrained tower's features given the current ones (their
    equation 4), with the identity as mean encoder, as in their code.
    """

    def __init__(
        self, classifier: Classifier, method: Method, image_size: int, feature_layers: list[str]
    ) -> None:
        super().__init__(classifier, method, image_size, feature_layers)
        if not feature_layers:
            raise ValueError("MIRO needs models.<name>.feature_layers")
        self.layers = select_layers(classifier.visual, feature_layers)
        self.oracle = copy.deepcopy(classifier.visual).eval().requires_grad_(False)
        shapes = layer_shapes(self.oracle, self.layers, image_size)
        self.variances = nn.ModuleList(VarianceEncoder(shape) for shape in shapes)

    def train(self, mode: bool = True) -> MIRO:
        """Set the mode; the pretrained tower stays in evaluation mode."""
        super().train(mode)
        self.oracle.eval()
        return self

    def towers(self) -> list[nn.Module]:
        """Return the pretrained tower."""
        return [self.oracle]

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return cross-entropy plus the regulariser."""
        with recorded(classifier.visual, self.layers) as features:
            logits = classifier(images)
        with torch.no_grad(), recorded(self.oracle, self.layers) as origins:
            self.oracle(images)
        pairs = zip(features, origins, self.variances, strict=True)
        penalty = sum(gaussian_nll(f, f0, variance()) for f, f0, variance in pairs)
        return F.cross_entropy(logits, labels) + self.method.miro_lambda * penalty

    def parameter_groups(self, classifier: Classifier) -> list[dict[str, Any]]:
        """Return the groups; the variance encoders learn faster than the classifier."""
        fast = self.method.lr * self.method.miro_lr_mult
        encoders = {"params": list(self.variances.parameters()), "lr": fast}
        return [*super().parameter_groups(classifier), encoders]


def gaussian_nll(features: Tensor, origin: Tensor, variance: Tensor) -> Tensor:
    """Return mean of ((f - f0)^2 / var + log var) / 2 over all elements (their equation 4)."""
    return 0.5 * ((features - origin).pow(2) / variance + variance.log()).mean()
