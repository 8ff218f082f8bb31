"""Meta-learning domain generalization (Li et al. 2018, arXiv 1710.03463), first order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.methods.hybrid.base import HybridObjective
from replidg.methods.network import Classifier
from replidg.methods.sagm import still_statistics


class MLDG(HybridObjective):
    """F(w) + beta G(w - a grad F(w)): F on all source domains but one, G on that one.

    The meta-test domain is drawn every step. As in DomainBed the gradient of G is taken at the
    moved weights and passed on as it is (first order).
    """

    def backward(
        self, classifier: Classifier, images: Tensor, labels: Tensor, domains: Tensor, step: int
    ) -> Tensor:
        """Leave grad F(w) + beta grad G(w') in the parameters; returns F + beta G."""
        kinds = domains.unique(sorted=True)
        tested = domains == kinds[int(torch.randint(len(kinds), ()))]
        if bool(tested.all()):  # one domain: nothing to hold out
            tested = torch.zeros_like(tested)
        train = F.cross_entropy(classifier(images[~tested]), labels[~tested])
        train.backward()
        self.gradients.share()
        if not bool(tested.any()):
            return train.detach()
        with moved(classifier, self.method.mldg_lr), still_statistics(classifier):
            test = self.method.mldg_beta * F.cross_entropy(
                classifier(images[tested]), labels[tested]
            )
            # Gradients add up to those of F; the weights are put back behind it.
            test.backward()
            self.gradients.share()
        return (train + test).detach()


@contextmanager
def moved(model: nn.Module, rate: float) -> Iterator[None]:
    """Move the weights down their gradients by `rate` inside the block, and put them back."""
    learned = [p for p in model.parameters() if p.requires_grad and p.grad is not None]
    # Copies, as w - d + d is not w to the last bit.
    here = [p.detach().clone() for p in learned]
    with torch.no_grad():
        for parameter in learned:
            parameter.add_(parameter.grad, alpha=-rate)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, place in zip(learned, here, strict=True):
                parameter.copy_(place)
