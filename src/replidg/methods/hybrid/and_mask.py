"""AND-mask (Parascandolo et al. 2021, arXiv 2009.00329): steps that all domains agree on."""

from __future__ import annotations

import torch
from torch import Tensor

from replidg.methods.gradients import mean_over_processes
from replidg.methods.hybrid.base import HybridObjective, domain_losses
from replidg.methods.network import Classifier


class ANDMask(HybridObjective):
    """The mean of the domains' gradients, where the mean of their signs is at least tau.

    As in the public code the masked gradient is divided by the mask's mean, so that its length does
    not depend on how much is masked.
    """

    def backward(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Leave the masked gradient in the parameters; returns the mean loss."""
        losses = domain_losses(classifier, images, labels, domains)
        learned = [p for p in classifier.parameters() if p.requires_grad]
        each = [
            torch.autograd.grad(loss, learned, retain_graph=True, allow_unused=True)
            for loss in losses
        ]
        for parameter, gradients in zip(learned, zip(*each, strict=True), strict=True):
            if all(gradient is not None for gradient in gradients):
                every = torch.stack(mean_over_processes(list(gradients)))
                parameter.grad = masked(every, self.method.and_mask_tau)
        return losses.mean().detach()


def masked(gradients: Tensor, tau: float) -> Tensor:
    """Return the masked mean of the gradients of S domains (S, ...)."""
    mask = (gradients.sign().mean(dim=0).abs() >= tau).to(gradients.dtype)
    return gradients.mean(dim=0) * mask / (mask.mean() + 1e-10)
