"""The classifier that every fine-tuning method trains: an image tower and a linear head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Classifier(nn.Module):
    """A linear head on the image tower's embedding, which is not normalised (DB_EH, MIRO).

    Args:
        visual: image tower, (N, 3, S, S) -> (N, D).
        dim: D.
        classes: number of classes C.
        frozen_batchnorm: keep batch-norm statistics fixed in training.
    """

    def __init__(self, visual: nn.Module, dim: int, classes: int, frozen_batchnorm: bool) -> None:
        super().__init__()
        self.visual = visual
        self.head = nn.Linear(dim, classes)
        self.frozen_batchnorm = frozen_batchnorm

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, C)."""
        return self.head(self.visual(images))

    def train(self, mode: bool = True) -> Classifier:
        """Set the mode; frozen batch-norm layers stay in evaluation mode."""
        super().train(mode)
        if mode and self.frozen_batchnorm:
            for module in self.visual.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


@contextmanager
def recorded(visual: nn.Module, layers: list[str]) -> Iterator[list[Tensor]]:
    """Collect the outputs of the named modules during the forward passes inside the block."""
    modules = dict(visual.named_modules())
    outputs: list[Tensor] = []
    hooks = [
        modules[name].register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        for name in layers
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


@torch.inference_mode()
def layer_shapes(visual: nn.Module, layers: list[str], size: int) -> list[torch.Size]:
    """Return the output shape of each named module for one image of `size` pixels."""
    with recorded(visual, layers) as outputs:
        visual(torch.zeros(1, 3, size, size))
    return [output.shape for output in outputs]
