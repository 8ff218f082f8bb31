"""Domain-augmented meta-learning (Shu et al. 2021, arXiv 2104.03620), with one shared tower.

The paper trains a whole network a source domain. Here the domains share the tower and have a linear
head each, so that every method trains a student of the same size; the prediction is the mean of the
heads' probabilities, as theirs is of the networks'. The meta-gradient is first order.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective, soft_cross_entropy
from replidg.methods.hybrid.mldg import moved
from replidg.methods.network import Classifier
from replidg.methods.sagm import still_statistics


class DAML(HybridObjective):
    """Meta-train: labels, Dirichlet mixup of features, distillation; meta-test: other domains."""

    def backward(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Leave the sum of the meta-train and the meta-test gradient; returns both losses' sum."""
        train = self.meta_train(classifier, images, labels, domains)
        train.backward()
        self.gradients.share()
        with moved(classifier, self.method.mldg_lr), still_statistics(classifier):
            test = self.meta_test(classifier, images, labels, domains)
            test.backward()
            self.gradients.share()
        return (train + test).detach()

    def meta_train(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor
    ) -> Tensor:
        """Return the mean over domains of their own head's losses."""
        features = classifier.visual(images)
        losses = []
        for number, head in enumerate(classifier.head.each):
            own = domains == number
            mixed, targets = self.mixed(features, labels, domains, number)
            losses.append(
                F.cross_entropy(head(features[own]), labels[own])
                + soft_cross_entropy(head(mixed), targets).mean()
                + self.method.daml_distil * self.distilled(classifier, features, domains, number)
            )
        return torch.stack(losses).mean()

    def meta_test(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor
    ) -> Tensor:
        """Return the mean cross-entropy of each head on the other domains' images."""
        features = classifier.visual(images)
        others = [
            F.cross_entropy(head(features[domains != number]), labels[domains != number])
            for number, head in enumerate(classifier.head.each)
            if bool((domains != number).any())
        ]
        return torch.stack(others).mean() if others else features.sum() * 0.0

    def mixed(
        self, features: Tensor, labels: Tensor, domains: Tensor, number: int
    ) -> tuple[Tensor, Tensor]:
        """Return one Dirichlet mixture an image of domain `number`, and its soft label.

        Each takes one image of every domain; the own domain's Dirichlet parameter is `daml_own`,
        the others' `daml_others` (their eq. 2 and 3).
        """
        kinds = domains.unique(sorted=True)
        count = int((domains == number).sum())
        alphas = torch.where(
            kinds.cpu() == number,
            torch.tensor(self.method.daml_own),
            torch.tensor(self.method.daml_others),
        )
        shares = torch.distributions.Dirichlet(alphas).sample((count,)).to(features)
        targets = F.one_hot(labels, self.context.classes).to(features)
        mixed, soft = 0.0, 0.0
        for place, kind in enumerate(kinds):
            rows = (domains == kind).nonzero()[:, 0]
            rows = rows[torch.randperm(len(rows)).to(rows.device)]
            rows = rows[torch.arange(count, device=rows.device) % len(rows)]
            mixed = mixed + shares[:, place, None] * features[rows]
            soft = soft + shares[:, place, None] * targets[rows]
        return mixed, soft

    @staticmethod
    def distilled(classifier: Classifier, features: Tensor, domains: Tensor, number: int) -> Tensor:
        """Return how far head `number` is from what the other heads say of its images."""
        heads = classifier.head.each
        own = features[domains == number]
        others = [head for place, head in enumerate(heads) if place != number]
        if not others:
            return own.sum() * 0.0
        with torch.no_grad():
            said = torch.stack([F.softmax(head(own), dim=1) for head in others]).mean(dim=0)
        return soft_cross_entropy(heads[number](own), said).mean()
