"""What a method must offer to the trainer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from replidg.config.schema import Method
from replidg.methods.network import Classifier


class Objective(nn.Module):
    """The loss of a method, with whatever parameters it has besides the classifier's.

    Args:
        classifier: the network that is trained, at its pretrained weights.
        method: hyper-parameters.
        image_size: side of the input in pixels.
        feature_layers: modules of the image tower that a method may tie to their origin.
    """

    def __init__(
        self, classifier: Classifier, method: Method, image_size: int, feature_layers: list[str]
    ) -> None:
        super().__init__()
        self.method = method

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the scalar loss of one step.

        Args:
            classifier: the network in training mode.
            images: normalised images (N, 3, S, S), the source domains one after the other.
            labels: class of each image (N,).
            domains: source domain of each image (N,).
            step: number of optimiser steps taken before this one.
        """
        raise NotImplementedError

    def parameter_groups(self, classifier: Classifier) -> list[dict[str, Any]]:
        """Return the optimiser's groups: the image tower, and the head."""
        head_lr = self.method.lr * self.method.head_lr_mult
        return [
            {"params": list(classifier.visual.parameters()), "lr": self.method.lr},
            {"params": list(classifier.head.parameters()), "lr": head_lr},
        ]
