"""A tiny student, teacher and benchmark that the tests of hybrid domain generalisation share."""

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from training_runs import SPEC, tower

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.base import Context, Taught
from replidg.methods.hybrid.heads import make_head
from replidg.methods.hybrid.registry import make_objective
from replidg.methods.network import Classifier
from replidg.models.store import Backbone

CLASSES, DOMAINS, DIM, WIDTH = 3, 3, 6, 5
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2])
PLACES = torch.arange(3).repeat_interleave(3)


def texts(seed: int = 9, classes: int = CLASSES) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(classes, WIDTH, generator=generator), dim=1)


def images(seed: int = 1) -> torch.Tensor:
    return torch.randn(9, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def taught(seed: int = 2) -> Taught:
    generator = torch.Generator().manual_seed(seed)
    embeddings = F.normalize(torch.randn(9, WIDTH, generator=generator), dim=1)
    return Taught(F.softmax(5 * embeddings @ texts().T, dim=1), embeddings)


def context() -> Context:
    return Context(CLASSES, DOMAINS, DIM, texts(), steps=10)


def plain_tower() -> nn.Module:
    """`tower` without dropout and batch-norm: a loss depends on weights and images alone."""
    body = tower()
    return nn.Sequential(body[0], nn.ReLU(), body[4], body[5], body[6])


def student(method: HybridMethod) -> Classifier:
    torch.manual_seed(5)
    return Classifier(plain_tower(), DIM, CLASSES, False, make_head(method, context()))


def parts(objective: str, **keys):
    """Return classifier and objective of a method, the teacher asked."""
    method = HybridMethod(objective=objective, **keys)
    classifier = student(method)
    torch.manual_seed(6)
    made = make_objective(method, classifier, 16, context())
    if method.teaches:
        made.taught = taught()
    return classifier, made


def method_has_texts(classifier: Classifier) -> bool:
    return hasattr(classifier.head, "last")


def step_of(objective: str, step: int = 3, **keys):
    """Return loss and gradients by name after one `backward` of a method."""
    classifier, made = parts(objective, **keys)
    if method_has_texts(classifier):  # at the texts class perturbation is at rest
        torch.manual_seed(8)
        classifier.head.last.weight.data.add_(0.3 * torch.randn(CLASSES, WIDTH))
    torch.manual_seed(7)
    loss = made.backward(classifier, images(), LABELS, PLACES, step)
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in classifier.named_parameters()
        if parameter.grad is not None
    }
    return loss, gradients


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(
        torch.allclose(value, other[name], atol=1e-7) for name, value in one.items()
    )


def backbone() -> Backbone:
    return Backbone(tower(), None, None, SPEC, 6, "1" * 64)


def clip() -> Backbone:
    torch.manual_seed(11)
    visual = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, WIDTH))
    spec = SPEC._replace(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
    return Backbone(visual, None, None, spec, WIDTH, "2" * 64)


def benchmark(index: pd.DataFrame) -> pd.DataFrame:
    """Give the pictures of `training_runs` roles; a fourth, unknown class are copies of owls."""
    rows = index.assign(hdg_label=index["label"], hdg_role="known")
    strange = rows[rows["class_name"] == "owl"].assign(
        image_id=lambda t: t["image_id"].str.replace("owl", "zebra"),
        label=3, class_name="zebra", hdg_label=3, hdg_role="unknown",
    )  # fmt: skip
    return pd.concat([rows, strange], ignore_index=True).sort_values("image_id", ignore_index=True)
