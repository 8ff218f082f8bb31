"""Class texts and pixel-text matching of the paper's first version (DenseCLIP, arXiv 2112.01518).

The text encoder is frozen. With learned context (CoOp, arXiv 2109.01134) it is run at every step,
and the vectors before the class name are learned; what they come to is kept with the weights, so
that a trained network needs no text encoder.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.inputs import Prompts
from replidg.config.street_classes import CLASSES, IGNORED
from replidg.models import store


class ClassTexts(nn.Module):
    """The texts of the classes in the space of a CLIP.

    Args:
        dim: D.
        context: learned vectors before the class name; 0: the texts stay as they are.
        width: of the text encoder's tokens, with learned context.
    """

    def __init__(self, dim: int, context: int = 0, width: int = 0) -> None:
        super().__init__()
        self.register_buffer("texts", torch.zeros(len(CLASSES), dim))
        self.context = nn.Parameter(torch.empty(context, width)) if context else None
        if self.context is not None:
            nn.init.trunc_normal_(self.context)
        # In a list, so that the frozen text encoder is no part of the network's weights.
        self._encoder: list[TextEncoder] = []

    def load(self, folder: Path, prompts: Prompts) -> None:
        """Take the texts, or the encoder that learned context needs, from a stored CLIP."""
        encoder = TextEncoder(folder)
        with torch.no_grad():
            self.texts.copy_(encoder.of_prompts(prompts))
        if self.context is not None:
            self._encoder = [encoder]
            self.keep()

    def forward(self) -> Tensor:
        """Return the texts (K, D)."""
        if self.context is not None and self.training and self._encoder:
            return self._encoder[0].with_context(self.context)
        return self.texts

    @torch.no_grad()
    def keep(self) -> None:
        """Note what the learned context has come to."""
        if self.context is not None and self._encoder:
            self.texts.copy_(self._encoder[0].with_context(self.context))


class TextEncoder:
    """The frozen text tower of a stored CLIP.

    Raises:
        ValueError: the model has no text tower.
    """

    def __init__(self, folder: Path) -> None:
        backbone = store.load(folder)
        if backbone.clip is None:
            raise ValueError(f"{folder} has no text tower; guidance by text needs a CLIP")
        self.clip = backbone.clip.requires_grad_(False).eval()
        self.clip.visual = None
        self.tokenize = backbone.tokenize
        self.tower = getattr(self.clip, "text", self.clip)

    def of_prompts(self, prompts: Prompts) -> Tensor:
        """Return one unit vector a class (K, D): the normalised mean over the templates."""
        vectors = []
        for name in CLASSES:
            tokens = self.tokenize([each.format(name) for each in prompts.templates])
            each = F.normalize(self.clip.encode_text(tokens), dim=-1)
            vectors.append(F.normalize(each.mean(0), dim=-1))
        return torch.stack(vectors)

    def with_context(self, context: Tensor) -> Tensor:
        """Return the texts (K, D) of "<context> <class name>", differentiable in the context."""
        device = context.device
        self.clip.to(device)
        # "X" is one token each, and stands where the learned vectors go.
        filler = " ".join("X" * len(context))
        tokens = self.tokenize([f"{filler} {name}" for name in CLASSES]).to(device)

        def insert(_module: nn.Module, _inputs: object, embedded: Tensor) -> Tensor:
            own = context.to(embedded.dtype).expand(len(embedded), -1, -1)
            return torch.cat([embedded[:, :1], own, embedded[:, 1 + len(context) :]], dim=1)

        handle = self.tower.token_embedding.register_forward_hook(insert)
        try:
            return self.clip.encode_text(tokens)
        finally:
            handle.remove()


def ptm_loss(scores: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return the pixel-text matching loss: cross-entropy of the upsampled, scaled cosines.

    Args:
        scores: cosines (N, K, h, w).
        labels: train ids (N, H, W); 255 is left out.
        temperature: tau.
    """
    logits = F.interpolate(
        scores / temperature, size=labels.shape[-2:], mode="bilinear", align_corners=False
    )
    return F.cross_entropy(logits, labels, ignore_index=IGNORED)
