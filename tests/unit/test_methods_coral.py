"""CORAL against numpy's moments, by hand, and in its limits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from replidg.config.methods import Method
from replidg.methods.coral import CORAL, moment_distance
from replidg.methods.erm import ERM
from replidg.methods.network import Classifier


def net() -> Classifier:
    torch.manual_seed(0)
    return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), 5, 3, True).double().train()


def batch(domains):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(len(domains), 3, 2, 2, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (len(domains),), generator=generator)
    return images, labels, torch.tensor(domains)


def loss(classifier, data, kind=CORAL, **values):
    method = Method(objective="coral", **values)
    return kind(classifier, method, 2, []).loss(classifier, *data, 0)


def numpy_distance(a, b) -> float:
    means = np.square(a.mean(0) - b.mean(0)).mean()
    return means + np.square(np.cov(a, rowvar=False) - np.cov(b, rowvar=False)).mean()


def test_by_hand():
    a = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    b = torch.tensor([[1.0, 1.0], [1.0, 3.0]])
    # Means (1, 0) and (1, 2): 4 / 2. Covariances diag(2, 0) and diag(0, 2): (4 + 4) / 4.
    assert moment_distance(a, b).item() == pytest.approx(2.0 + 2.0)


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(2, 9), st.integers(2, 6))
def test_distance_is_numpys(seed, n, m, dim):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, dim)), rng.normal(1, 3, size=(m, dim))
    value = moment_distance(torch.from_numpy(a), torch.from_numpy(b)).item()
    assert value == pytest.approx(numpy_distance(a, b), rel=1e-9)
    assert moment_distance(torch.from_numpy(a), torch.from_numpy(a)).item() == 0.0


def test_penalty_is_the_mean_over_pairs_of_domains():
    classifier, data = net(), batch([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    features = classifier.visual(data[0]).detach().numpy()
    a, b, c = (features[data[2] == d] for d in range(3))
    penalty = (numpy_distance(a, b) + numpy_distance(a, c) + numpy_distance(b, c)) / 3
    expected = F.cross_entropy(classifier(data[0]), data[1]).item() + 0.7 * penalty
    assert loss(classifier, data, coral_gamma=0.7).item() == pytest.approx(expected, rel=1e-9)
    # The order of the images does not matter.
    order = torch.randperm(10, generator=torch.Generator().manual_seed(5))
    mixed = tuple(part[order] for part in data)
    assert loss(classifier, mixed, coral_gamma=0.7).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("domains", "gamma"), [([0, 0, 1, 1], 0.0), ([1, 1, 1, 1], 1.0)], ids=["gamma 0", "one domain"]
)
def test_limits_are_erm(domains, gamma):
    classifier, data = net(), batch(domains)
    assert torch.equal(loss(classifier, data, coral_gamma=gamma), loss(classifier, data, kind=ERM))


def test_gradient_is_that_of_finite_differences():
    a = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moment_distance, (a, b))


def test_one_image_has_no_covariance():
    with pytest.raises(ValueError, match="batch_per_domain"):
        loss(net(), batch([0, 0, 1]))


def test_descent_brings_the_domains_together():
    classifier, data = net(), batch([0] * 8 + [1] * 8)
    data[0][8:] += 2.0
    kind = CORAL(classifier, Method(objective="coral", lr=0.05), 2, [])
    optimizer = torch.optim.Adam(kind.parameter_groups(classifier))

    def distance() -> float:
        features = classifier.visual(data[0])
        return moment_distance(features[:8], features[8:]).item()

    before = distance()
    for step in range(60):
        optimizer.zero_grad()
        kind.backward(classifier, *data, step)
        optimizer.step()
    assert distance() < 0.2 * before
