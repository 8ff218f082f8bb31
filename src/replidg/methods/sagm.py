"""Sharpness-aware gradient matching (Wang et al. 2023, arXiv 2303.10353).

It minimises L(w) + L(w + e - alpha grad L(w)) with e = rho grad L(w) / |grad L(w)|: the loss where
the weights are, and the highest loss near the weights one small step on. Expanded, the
second term holds the angle between the gradients of the two, hence the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from replidg.methods.erm import ERM
from replidg.methods.network import Classifier

TINY = 1e-12


class SAGM(ERM):
    """Cross-entropy whose gradient is the mean of two: at w, and at w + (rho / |g| - alpha) g.

    As in the public code e and the step are constants for the second gradient, and the sum is
    halved; Adam does not see the factor.
    """

    def backward(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Leave the mean of the two gradients in the parameters; returns the loss at w."""
        batch = (images, labels, domains, step)
        loss = super().backward(classifier, *batch)
        learned = [p for p in self.learned(classifier) if p.grad is not None]
        first = [p.grad for p in learned]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in first]))
        reach = self.method.sagm_rho / (norm + TINY) - self.method.sagm_alpha
        # Copies, as w + d - d is not w to the last bit.
        here = [p.detach().clone() for p in learned]
        with torch.no_grad():
            for parameter, gradient in zip(learned, first, strict=True):
                parameter.add_(gradient * reach)
                parameter.grad = None
        with still_statistics(classifier):
            super().backward(classifier, *batch)
        with torch.no_grad():
            for parameter, place, gradient in zip(learned, here, first, strict=True):
                parameter.copy_(place)
                parameter.grad.add_(gradient).mul_(0.5)
        return loss

    @staticmethod
    def learned(classifier: Classifier) -> list[nn.Parameter]:
        """Return the parameters that are moved."""
        return [p for p in classifier.parameters() if p.requires_grad]


@contextmanager
def still_statistics(model: nn.Module) -> Iterator[None]:
    """Keep batch-norm's running statistics as they are during forward passes in the block."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
