"""Self-distillation of a vision-language model, VL2V-SD (Addepalli et al. 2024, arXiv 2310.08255).

Their repository has no script for SD; the nearest class is `DFC_CLIP_INIT` (student initialised
from the CLIP, no projection), which this follows. It goes with `averaging: swad`, as theirs does.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.methods import Method
from replidg.methods.network import Classifier
from replidg.methods.objective import Objective


class VL2VSD(Objective):
    """-[lambda cos(z, image) + (1 - lambda) cos(z, text)], mean over the batch.

    z is the tower's embedding, `image` that of the frozen pretrained tower for the same augmented
    picture, `text` that of the true class. Classes are told apart by the nearest text.
    """

    needs_texts = True

    def __init__(
        self, classifier: Classifier, method: Method, image_size: int, feature_layers: list[str]
    ) -> None:
        super().__init__(classifier, method, image_size, feature_layers)
        self.teacher = copy.deepcopy(classifier.visual).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> VL2VSD:
        """Set the mode; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def towers(self) -> list[nn.Module]:
        """Return the pretrained tower."""
        return [self.teacher]

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return the negative weighted cosine similarity to both targets."""
        embeddings = classifier.visual(images)
        with torch.no_grad():
            targets = self.teacher(images)
        to_images = F.cosine_similarity(embeddings, targets).mean()
        to_texts = F.cosine_similarity(embeddings, classifier.head.texts[labels]).mean()
        share = self.method.vl2v_lambda
        return -(share * to_images + (1 - share) * to_texts)
