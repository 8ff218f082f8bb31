"""What arXiv 2311.02236 trains end to end: a CLIP with its prompts, or a tower with a linear head.

A learner gives a loss in training, and logits in evaluation by a head that is computed once a pass
(the class texts, which change whenever the text tower does).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.methods.network import Classifier, keep_statistics
from replidg.models.layers import freeze
from replidg.models.store import Backbone


class LinearLearner(Classifier):
    """A linear head on a vision-only tower, cross-entropy."""

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy of normalised images (B, 3, S, S) and labels (B,)."""
        return F.cross_entropy(self(images), labels)

    def texts(self) -> Tensor | None:
        """Return nothing: the head is a part of the learner."""
        return None

    def logits(self, images: Tensor, texts: Tensor | None) -> Tensor:
        """Return logits (B, C)."""
        return self(images)


class TextLearner(nn.Module):
    """A CLIP whose classifier is s f t^T: scale, unit image and unit prompt embeddings.

    The scale is exp(logit_scale), trained and not clamped, as in the authors' code.

    Args:
        clip: an open_clip model.
        tokens: token ids (C, L) of the class prompts.
        loss: "cross_entropy" over the C prompts (the paper), or "contrastive": the symmetric
            image-text loss of the batch with each image's own prompt (FLYP, Goyal et al. 2023,
            arXiv 2212.00638, equation 2), where images of one class are each other's negatives.
        trained: "all", or "image": the text tower and the scale stay as they are.
        frozen_batchnorm: keep batch-norm statistics.
    """

    def __init__(
        self,
        clip: nn.Module,
        tokens: Tensor,
        loss: Literal["cross_entropy", "contrastive"] = "cross_entropy",
        trained: Literal["all", "image"] = "all",
        frozen_batchnorm: bool = True,
    ) -> None:
        super().__init__()
        self.clip, self.kind, self.frozen_batchnorm = clip, loss, frozen_batchnorm
        self.register_buffer("tokens", tokens, persistent=False)
        fixed = None
        if trained == "image":
            clip.requires_grad_(False)
            clip.visual.requires_grad_(True)
            with torch.no_grad():
                fixed = clip.encode_text(tokens, normalize=True)
        self.register_buffer("fixed", fixed, persistent=False)

    def train(self, mode: bool = True) -> TextLearner:
        """Set the mode; frozen batch-norm layers stay in evaluation mode."""
        super().train(mode)
        if mode and self.frozen_batchnorm:
            keep_statistics(self.clip.visual)
        return self

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of normalised images (B, 3, S, S) and labels (B,)."""
        if self.kind == "cross_entropy":
            return F.cross_entropy(self.logits(images, self.texts()), labels)
        # Each prompt is encoded once, however often its class is in the batch.
        present, which = labels.unique(return_inverse=True)
        texts = self._texts(present)[which]
        logits = self.logits(images, texts)
        own = torch.arange(len(labels), device=labels.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

    def texts(self) -> Tensor:
        """Return the unit embeddings (C, D) of the class prompts."""
        return self._texts(torch.arange(len(self.tokens), device=self.tokens.device))

    def _texts(self, labels: Tensor) -> Tensor:
        if self.fixed is not None:
            return self.fixed[labels]
        return self.clip.encode_text(self.tokens[labels], normalize=True)

    def logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return logits (B, T) of images against texts (T, D)."""
        features = self.clip.encode_image(images, normalize=True)
        return self.clip.logit_scale.exp() * features @ texts.T


def make_learner(
    backbone: Backbone,
    classes: int,
    tokens: Tensor | None,
    loss: Literal["cross_entropy", "contrastive"],
    trained: Literal["all", "image"],
    frozen_layers: list[str],
    frozen_batchnorm: bool,
) -> LinearLearner | TextLearner:
    """Return the learner of an arm; draws a linear head from torch's generator.

    Args:
        backbone: it becomes a part of the learner.
        classes: C.
        tokens: of the class prompts, for a CLIP; None: a linear head.
        loss: see `TextLearner`.
        trained: see `TextLearner`.
        frozen_layers: modules of the image tower that keep their weights; shell patterns.
        frozen_batchnorm: keep batch-norm statistics.
    """
    if tokens is None:
        learner = LinearLearner(backbone.visual, backbone.dim, classes, frozen_batchnorm)
    else:
        learner = TextLearner(backbone.clip, tokens, loss, trained, frozen_batchnorm)
    freeze(backbone.visual, frozen_layers)
    return learner
