"""CLIPood's margin metric softmax: the paper's form, its code's form, limits, gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from training_runs import class_texts

from replidg.config.methods import Method
from replidg.methods.clipood import CLIPood, margin_cosines
from replidg.methods.network import Classifier, TextHead


def net(texts) -> Classifier:
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Flatten(), nn.Linear(12, texts.shape[1]))
    return Classifier(tower, texts.shape[1], len(texts), True, TextHead(texts, 20.0)).train()


def loss(classifier, images, labels, margin=0.3, scale=20.0):
    values = {"clipood_margin": margin, "logit_scale": scale, "lr": 0.01}
    kind = CLIPood(classifier, Method(objective="clipood", prompts="p", **values), 2, [])
    return kind.loss(classifier, images, labels, torch.zeros_like(labels), 0)


def batch(count=7, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 3, 2, 2, generator=generator)
    return images, torch.randint(3, (count,), generator=generator)


def papers_form(features, texts, labels, margin, scale) -> float:
    """Return -log exp(tau S_y) / sum_k exp(tau (S_k + lambda (1 - <t_y, t_k>))), the mean."""
    total = 0.0
    for f, y in zip(features, labels, strict=True):
        logits = [scale * (f @ t + margin * (1 - texts[y] @ t)) for t in texts]
        top = max(logits)
        total -= scale * (f @ texts[y]) - top - math.log(sum(math.exp(z - top) for z in logits))
    return total / len(labels)


@given(
    st.integers(0, 10_000),
    st.floats(0, 1),
    st.sampled_from([1.0, 10.0, 100.0]),
)
def test_it_is_the_papers_form(seed, margin, scale):
    rng = np.random.default_rng(seed)
    features, texts = rng.normal(size=(6, 5)), rng.normal(size=(4, 5))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    labels = rng.integers(4, size=6)
    shifted = margin_cosines(*map(torch.from_numpy, (features, texts, labels)), margin)
    value = F.cross_entropy(scale * shifted, torch.from_numpy(labels)).item()
    expected = papers_form(features, texts, labels, margin, scale)
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_by_hand():
    # Two texts at a right angle, the image on the first: S = (1, 0), D = (0, 1), lambda 0.5, tau 2.
    texts, image = torch.eye(2), torch.tensor([[1.0, 0.0]])
    shifted = margin_cosines(image, texts, torch.tensor([0]), 0.5)
    assert shifted.tolist() == [[0.5, 0.0]]
    by_hand = -math.log(math.exp(2) / (math.exp(2) + math.exp(2 * 0.5)))
    assert F.cross_entropy(2 * shifted, torch.tensor([0])).item() == pytest.approx(by_hand)


def test_loss_is_of_normalised_embeddings():
    classifier, (images, labels) = net(class_texts()), batch()
    features = classifier.visual(images).detach().double()
    features = (features / features.norm(dim=1, keepdim=True)).numpy()
    texts = class_texts().double().numpy()
    expected = papers_form(features, texts, labels.numpy(), 0.3, 20.0)
    assert loss(classifier, images, labels).item() == pytest.approx(expected, rel=1e-5)


def test_without_margin_it_is_the_cross_entropy_of_the_head():
    classifier, (images, labels) = net(class_texts()), batch()
    expected = F.cross_entropy(classifier(images), labels)
    assert loss(classifier, images, labels, margin=0.0).item() == pytest.approx(expected.item())


def test_between_equal_texts_there_is_no_margin():
    texts = class_texts()
    texts[1] = texts[0]
    shifted = margin_cosines(
        F.normalize(torch.randn(4, 6), dim=-1), texts, torch.zeros(4).long(), 1
    )
    assert torch.allclose(shifted[:, 0], shifted[:, 1])


def test_a_wider_margin_costs_more():
    classifier, (images, labels) = net(class_texts()), batch()
    values = [loss(classifier, images, labels, margin).item() for margin in (0.0, 0.1, 0.3, 1.0)]
    assert values == sorted(values) and len(set(values)) == 4


def test_gradient_is_that_of_finite_differences():
    texts = class_texts().double()
    labels = torch.tensor([0, 1, 2, 2])
    embeddings = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)

    def objective(z):
        shifted = margin_cosines(F.normalize(z, dim=-1), texts, labels, 0.3)
        return F.cross_entropy(5 * shifted, labels)

    assert torch.autograd.gradcheck(objective, (embeddings,))


def test_only_the_image_tower_learns():
    classifier, (images, labels) = net(class_texts()), batch()
    method = Method(objective="clipood", prompts="p", lr=0.02)
    kind = CLIPood(classifier, method, 2, [])
    groups = kind.parameter_groups(classifier)
    assert [id(p) for g in groups for p in g["params"]] == [
        id(p) for p in classifier.visual.parameters()
    ]
    loss(classifier, images, labels).backward()
    assert all(p.grad.any() for p in classifier.visual.parameters())
    assert not classifier.head.texts.requires_grad
