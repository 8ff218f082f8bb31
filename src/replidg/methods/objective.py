"""What a method must offer to the trainer."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from replidg.config.methods import Method
from replidg.methods.gradients import Gradients
from replidg.methods.network import Classifier


class Objective(nn.Module):
    """The loss of a method, with whatever parameters it has besides the classifier's.

    Args:
        classifier: the network that is trained, at its pretrained weights.
        method: hyper-parameters.
        image_size: side of the input in pixels.
        feature_layers: modules of the image tower that a method may tie to their origin.
    """

    #: The head is the class texts (`network.TextHead`); nothing of it learns.
    needs_texts: ClassVar[bool] = False

    def __init__(
        self, classifier: Classifier, method: Method, image_size: int, feature_layers: list[str]
    ) -> None:
        super().__init__()
        self.method = method
        #: Set by the trainer; the default computes the batch at once.
        self.gradients = Gradients()

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

    def backward(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Leave the gradient of one step in the parameters; returns the loss. Arguments as above.

        For methods whose step is not the gradient of a loss at one place.
        """

        def mean(images: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
            return self.loss(classifier, images, labels, domains, step)

        return self.gradients.of(mean, images, labels, domains)

    def towers(self) -> list[nn.Module]:
        """Return towers of its own that see the same images as the classifier's."""
        return []

    def parameter_groups(self, classifier: Classifier) -> list[dict[str, Any]]:
        """Return the optimiser's groups: the image tower, and the head if it learns."""
        head_lr = self.method.lr * self.method.head_lr_mult
        tower = {"params": list(classifier.visual.parameters()), "lr": self.method.lr}
        head = {"params": list(classifier.head.parameters()), "lr": head_lr}
        return [tower, head] if head["params"] else [tower]
