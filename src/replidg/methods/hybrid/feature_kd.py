"""Feature distillation (Romero et al. 2015, FitNets, arXiv 1412.6550), onto CLIP's embedding."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, HybridObjective
from replidg.methods.network import Classifier


class FeatureKD(HybridObjective):
    """Cross-entropy plus the squared distance of projected features to the teacher's embedding."""

    def __init__(
        self, classifier: Classifier, method: HybridMethod, image_size: int, context: Context
    ) -> None:
        super().__init__(classifier, method, image_size, context)
        if context.texts is None:
            raise ValueError("feature distillation needs the teacher's width, from its texts")
        self.projection = nn.Linear(context.dim, context.texts.shape[1])

    def loss(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Return both terms."""
        features = classifier.visual(images)
        near = F.normalize(self.projection(features), dim=1)
        distance = (near - self.teacher().embeddings).pow(2).sum(dim=1).mean()
        own = F.cross_entropy(classifier.head(features), labels)
        return own + self.method.feature_weight * distance
