"""SAGM's gradient against autograd of the written-out formula and finite differences."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from replidg.config.methods import Method
from replidg.methods.erm import ERM
from replidg.methods.network import Classifier
from replidg.methods.sagm import SAGM, still_statistics


def net(frozen_batchnorm: bool = True) -> Classifier:
    torch.manual_seed(0)
    tower = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(16, 5)
    )
    return Classifier(tower, 5, 3, frozen_batchnorm).double().train()


def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 4, 4, generator=generator, dtype=torch.float64)
    return images, torch.tensor([0, 1, 2, 2, 1, 0]), torch.tensor([0, 0, 0, 1, 1, 1])


def step(classifier, kind=SAGM, **values):
    objective = kind(classifier, Method(objective="sagm", **values), 4, [])
    classifier.zero_grad(set_to_none=True)
    return objective.backward(classifier, *batch(), 0)


def gradients(classifier) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in classifier.named_parameters() if p.grad is not None}


def written_out(classifier, rho, alpha):
    """Return the gradient (g(w) + g(w + rho g / |g| - alpha g)) / 2 and the shift of w."""
    images, labels, _ = batch()
    weights = {name: p.detach().clone() for name, p in classifier.named_parameters()}

    def at(place):
        leaves = {name: value.detach().requires_grad_() for name, value in place.items()}
        loss = F.cross_entropy(functional_call(classifier, leaves, images), labels)
        return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))

    first = at(weights)
    norm = math.sqrt(sum(g.square().sum().item() for g in first.values()))
    shift = {name: rho * g / norm - alpha * g for name, g in first.items()}
    second = at({name: value + shift[name] for name, value in weights.items()})
    return {name: (g + second[name]) / 2 for name, g in first.items()}, shift


@pytest.mark.parametrize(("rho", "alpha"), [(0.05, 0.001), (0.5, 0.2), (0.0, 0.3), (0.4, 0.0)])
def test_gradient_is_the_written_out_formula(rho, alpha):
    classifier = net()
    expected, _ = written_out(classifier, rho, alpha)
    step(classifier, sagm_rho=rho, sagm_alpha=alpha)
    found = gradients(classifier)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)


def test_gradient_is_that_of_finite_differences():
    """Of (L(w) + L(w + d)) / 2 in w, with d held still."""
    classifier, (images, labels, _) = net(), batch()
    _, shift = written_out(classifier, 0.3, 0.1)
    step(classifier, sagm_rho=0.3, sagm_alpha=0.1)
    found = gradients(classifier)
    weights = {name: p.detach().clone() for name, p in classifier.named_parameters()}
    generator = torch.Generator().manual_seed(2)
    way = {n: torch.randn(v.shape, generator=generator).double() for n, v in weights.items()}

    def objective(length):
        total = 0.0
        for shifted in (0.0, 1.0):
            place = {n: v + length * way[n] + shifted * shift[n] for n, v in weights.items()}
            total += F.cross_entropy(functional_call(classifier, place, images), labels).item()
        return total / 2

    slope = (objective(1e-5) - objective(-1e-5)) / 2e-5
    along = sum((found[name] * way[name]).sum().item() for name in weights)
    assert along == pytest.approx(slope, rel=1e-6)


def test_without_radius_and_step_it_is_erm():
    one, other = net(), net()
    assert torch.equal(step(one, sagm_rho=0.0, sagm_alpha=0.0), step(other, kind=ERM))
    for name, value in gradients(other).items():
        assert torch.equal(gradients(one)[name], value), name


def test_weights_are_where_they_were_to_the_last_bit():
    classifier = net().float()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    objective = SAGM(classifier, Method(objective="sagm", sagm_rho=0.7), 4, [])
    images, labels, domains = batch()
    objective.backward(classifier, images.float(), labels, domains, 0)
    for name, value in classifier.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_batch_statistics_are_those_of_the_first_pass():
    one, other = net(frozen_batchnorm=False), net(frozen_batchnorm=False)
    step(one, sagm_rho=0.5)
    step(other, kind=ERM)
    for name in ("running_mean", "running_var"):
        found = getattr(one.visual[1], name)
        assert torch.equal(found, getattr(other.visual[1], name))
        assert not torch.equal(found, getattr(net().visual[1], name))
    assert one.visual[1].momentum == 0.1


def test_momentum_comes_back_after_an_error():
    classifier = net()
    with pytest.raises(KeyError), still_statistics(classifier):
        raise KeyError
    assert classifier.visual[1].momentum == 0.1


def test_what_is_frozen_neither_moves_nor_counts():
    classifier = net()
    classifier.visual[0].requires_grad_(False)
    step(classifier, sagm_rho=0.5, sagm_alpha=0.0)
    assert "visual.0.weight" not in gradients(classifier)
    # The norm is that of the rest: written out with the frozen layer's gradient left out.
    images, labels, _ = batch()
    free = [p for p in classifier.parameters() if p.requires_grad]
    first = torch.autograd.grad(F.cross_entropy(classifier(images), labels), free)
    norm = math.sqrt(sum(g.square().sum().item() for g in first))
    with torch.no_grad():
        for parameter, gradient in zip(free, first, strict=True):
            parameter += 0.5 * gradient / norm
    second = torch.autograd.grad(F.cross_entropy(classifier(images), labels), free)
    for parameter, one, two in zip(free, first, second, strict=True):
        torch.testing.assert_close(parameter.grad, (one + two) / 2, rtol=1e-9, atol=1e-12)
