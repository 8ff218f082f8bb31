"""MixStyle (Zhou et al. 2021, arXiv 2104.02008): mix the feature statistics of two domains."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, HybridObjective
from replidg.methods.hybrid.mixup import partners
from replidg.methods.network import Classifier
from replidg.models.layers import select_layers

EPSILON = 1e-6


class MixStyle(HybridObjective):
    """ERM in whose passes chosen maps get the mixed mean and deviation of two images' channels."""

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, context)
        self.layers = select_layers(classifier.visual, method.mixstyle_layers)

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the mean cross-entropy; at a prediction nothing is mixed."""
        modules = dict(classifier.visual.named_modules())

        def hook(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
            if float(torch.rand(())) >= self.method.mixstyle_p:
                return output
            alpha = torch.tensor(self.method.mixstyle_alpha)
            share = torch.distributions.Beta(alpha, alpha).sample((len(output),)).to(output)
            return mixed_style(output, partners(domains), share)

        handles = [modules[name].register_forward_hook(hook) for name in self.layers]
        try:
            return F.cross_entropy(classifier(images), labels)
        finally:
            for handle in handles:
                handle.remove()


def mixed_style(maps: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Return maps (N, C, H, W) with the statistics share * own + (1 - share) * the partner's.

    The statistics are constants to the gradient, as in the paper's code.
    """
    mean = maps.mean(dim=(2, 3), keepdim=True)
    deviation = (maps.var(dim=(2, 3), keepdim=True) + EPSILON).sqrt()
    mean, deviation = mean.detach(), deviation.detach()
    wide = share.view(-1, 1, 1, 1)
    new_mean = wide * mean + (1 - wide) * mean[partner]
    new_deviation = wide * deviation + (1 - wide) * deviation[partner]
    return (maps - mean) / deviation * new_deviation + new_mean
