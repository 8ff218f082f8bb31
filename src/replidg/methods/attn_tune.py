"""Attention tuning (Touvron et al. 2022, arXiv 2203.09795; `--attn_tune` in the alignment code)."""

from __future__ import annotations

from torch import nn

from replidg.config.methods import Method
from replidg.methods.erm import ERM
from replidg.methods.network import Classifier

NAME = "attn"


class AttnTune(ERM):
    """ERM of the head and of those parameters of the tower whose name contains "attn".

    In open_clip's and timm's ViTs these are the weights and biases of the query, key, value and
    output projections; the layer norms around them stay, as in the authors' code.
    """

    def __init__(
        self, classifier: Classifier, method: Method, image_size: int, feature_layers: list[str]
    ) -> None:
        super().__init__(classifier, method, image_size, feature_layers)
        keep_attention(classifier.visual)


def keep_attention(visual: nn.Module) -> None:
    """Exclude all other parameters from training; what is excluded already stays so.

    Raises:
        ValueError: the tower has no attention that may learn.
    """
    for name, parameter in visual.named_parameters():
        if NAME not in name:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in visual.parameters()):
        raise ValueError(
            f"objective attn_tune: no parameter of the image tower that may learn has {NAME!r} in "
            "its name; it needs a tower with attention (a ViT), or fewer frozen_layers"
        )
