"""The classifier that every fine-tuning method trains: an image tower and a head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


class TextHead(nn.Module):
    """Class texts as the classifier: scaled cosine similarity, nothing to learn.

    Args:
        texts: unit embeddings (C, D) of the class texts, in label order.
        scale: factor on the cosines.

    Raises:
        ValueError: a text is not of unit length.
    """

    def __init__(self, texts: Tensor, scale: float) -> None:
        super().__init__()
        if not torch.allclose(texts.norm(dim=-1), torch.ones(len(texts)), atol=1e-3):
            raise ValueError("class texts must be of unit length")
        self.register_buffer("texts", texts.clone())
        self.scale = scale

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return logits (N, C) of embeddings (N, D) of any length."""
        return self.scale * F.normalize(embeddings, dim=-1) @ self.texts.T


class Classifier(nn.Module):
    """A linear head on the image tower's embedding, which is not normalised (DB_EH, MIRO).

    Args:
        visual: image tower, (N, 3, S, S) -> (N, D).
        dim: D.
        classes: number of classes C.
        frozen_batchnorm: keep batch-norm statistics fixed in training.
        head: (N, D) -> (N, C); takes the place of the linear head.
    """

    def __init__(
        self,
        visual: nn.Module,
        dim: int,
        classes: int,
        frozen_batchnorm: bool,
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.visual = visual
        self.head = nn.Linear(dim, classes) if head is None else head
        self.frozen_batchnorm = frozen_batchnorm

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, C)."""
        return self.head(self.visual(images))

    def train(self, mode: bool = True) -> Classifier:
        """Set the mode; frozen batch-norm layers stay in evaluation mode."""
        super().train(mode)
        if mode and self.frozen_batchnorm:
            keep_statistics(self.visual)
        return self


def keep_statistics(model: nn.Module) -> None:
    """Set batch-norm layers to evaluation mode."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


@contextmanager
def recorded(visual: nn.Module, layers: list[str]) -> Iterator[list[Tensor]]:
    """Collect the outputs of the named modules, as float32, in the forward passes in the block."""
    modules = dict(visual.named_modules())
    outputs: list[Tensor] = []
    hooks = [
        modules[name].register_forward_hook(
            lambda _module, _inputs, output: outputs.append(output.float())
        )
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
