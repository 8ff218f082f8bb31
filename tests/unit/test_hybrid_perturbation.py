"""The three perturbations of SCI-PD against values computed another way, shapes, limits."""

import math

import numpy as np
import pytest
import torch
from hybrid_parts import LABELS, PLACES, images, parts, same, step_of, taught, texts
from scipy.special import log_softmax, softmax
from torch.nn import functional as F

from replidg.methods.hybrid.perturbation import (
    class_loss,
    instance_weights,
    perturb_scores,
    weighted_mean,
)

SCORES = torch.tensor([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]])
TRUTH = torch.tensor([0, 1])


def test_right_rows_stay_and_wrong_ones_are_pulled_by_hand():
    found = perturb_scores(SCORES, TRUTH, 0.5)
    assert torch.equal(found[0], SCORES[0])
    # (0.7, 0.2 + 0.7, 0.1) / 0.5 = 1.4, 1.8, 0.2
    raised = np.exp([1.4, 1.8, 0.2])
    assert found[1].numpy() == pytest.approx(raised / raised.sum(), abs=1e-6)
    assert found[1].argmax() == 1


def test_published_flatness_of_the_targets():
    """Values that a run of the official helper gave (specification, 5.3)."""
    for classes, wanted in ((54, (0.094, 0.094)), (6, (0.381, 0.366))):
        scores = torch.full((1, classes), 0.1 / (classes - 1))
        scores[0, 1] = 0.9
        found = perturb_scores(scores, torch.tensor([0]), 0.5)[0]
        assert found[:2].tolist() == pytest.approx(wanted, abs=1e-3)


def test_a_large_tau_makes_pulled_rows_uniform():
    found = perturb_scores(SCORES, TRUTH, 1e9)
    assert found[1].tolist() == pytest.approx([1 / 3] * 3)
    assert torch.equal(found[0], SCORES[0])


def test_a_small_tau_makes_pulled_rows_the_label():
    assert perturb_scores(SCORES, TRUTH, 1e-3)[1].tolist() == pytest.approx([0, 1, 0])


def test_weights_lie_between_one_and_the_power_of_the_classes():
    weights = instance_weights(taught().scores, 0.8)
    assert weights.shape == (9,)
    assert (weights >= 1).all() and (weights <= 3**0.8 + 1e-6).all()
    assert instance_weights(SCORES, 0.8)[0].item() == pytest.approx(0.7**-0.8)
    assert torch.equal(instance_weights(SCORES, 0.0), torch.ones(2))


def test_weighted_mean_is_normalised_by_the_weights():
    found = weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0]))
    assert found.item() == pytest.approx(7 / 4)


def independent_class_loss(embeddings, weights, twice):
    e = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    w = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    s, g = e @ w.T, e @ e.T
    total = 0.0
    for u, t in ((s, g), (s.T, g.T)):
        logits = softmax(u, axis=1) if twice else u
        total += -(softmax(t, axis=1) * log_softmax(logits, axis=1)).sum(axis=1).mean()
    return total / 2


@pytest.mark.parametrize("twice", [False, True])
def test_class_loss_equals_numpy(twice):
    rng = np.random.default_rng(0)
    e, w = rng.normal(size=(4, 7)), rng.normal(size=(4, 7))
    found = class_loss(torch.tensor(e), torch.tensor(w), twice)
    assert found.item() == pytest.approx(independent_class_loss(e, w, twice))


@pytest.mark.parametrize(("classes", "within"), [(6, 0.0094), (54, 0.0006)])
def test_a_double_softmax_leaves_the_loss_at_log_c(classes, within):
    """The code's class perturbation is nearly inert (specification, 5.2); the plain one is not."""
    torch.manual_seed(0)
    e, w = F.normalize(torch.randn(classes, 512), dim=1), torch.randn(classes, 512)
    assert abs(class_loss(e, w, True).item() - math.log(classes)) < within
    apart = -e + 0.1 * w
    gap = abs(class_loss(e, apart, False).item() - math.log(classes))
    assert gap > abs(class_loss(e, apart, True).item() - math.log(classes))


def test_class_loss_reaches_the_classifier_alone():
    e, w = texts().requires_grad_(False), texts(1).requires_grad_(True)
    class_loss(e, w, False).backward()
    assert w.grad.abs().sum() > 0
    # A row's length does not count, so its gradient is at right angles to it.
    assert (w.grad * w).sum(dim=1).detach().tolist() == pytest.approx([0, 0, 0], abs=1e-6)


ALL = {"score_perturbation": True, "instance_perturbation": True, "class_perturbation": True}
OFF = dict.fromkeys(ALL, False)


def test_without_perturbations_it_is_clip_base():
    loss, gradients = step_of("scipd", **OFF)
    other, theirs = step_of("clip_base")
    assert torch.allclose(loss, other) and same(gradients, theirs)


@pytest.mark.parametrize("switch", ALL)
def test_each_switch_changes_the_gradient(switch):
    keys = OFF | {"head": "text"}
    without = step_of("scipd", **keys)[1]
    assert not same(without, step_of("scipd", **(keys | {switch: True}))[1])


def test_limits_of_the_hyper_parameters():
    keys = {"head": "text"}
    base = step_of("scipd", **keys, alpha=0.0)[1]
    assert same(base, step_of("scipd", **keys, instance_perturbation=False)[1])
    base = step_of("scipd", **keys, beta=0.0)[1]
    assert same(base, step_of("scipd", **keys, class_perturbation=False)[1])


def test_loss_equals_numpy():
    classifier, made = parts("scipd", head="text")
    logits = classifier(images()).detach().numpy().astype(np.float64)
    p, y = taught().scores.numpy().astype(np.float64), LABELS.numpy()
    q, weights = p.copy(), p.max(axis=1) ** -0.8
    for i in range(9):
        if p[i].argmax() != y[i]:
            q[i] = softmax((p[i].max() * np.eye(3)[y[i]] + p[i]) / 0.5)
    losses = -(q * log_softmax(logits, axis=1)).sum(axis=1)
    last = classifier.head.last.weight.detach().numpy().astype(np.float64)
    wanted = (weights * losses).sum() / weights.sum()
    wanted += 0.1 * independent_class_loss(texts().numpy().astype(np.float64), last, False)
    found = made.loss(classifier, images(), LABELS, PLACES, 0)
    assert found.item() == pytest.approx(wanted, rel=1e-5)


def test_everything_of_the_student_learns_and_nothing_of_the_teacher():
    classifier, made = parts("scipd", head="text")
    made.backward(classifier, images(), LABELS, PLACES, 0)
    assert all(parameter.grad is not None for parameter in classifier.parameters())
    assert not list(made.parameters()) and not made.taught.scores.requires_grad


LAST = {"head.last.weight"}


def gradients_of(term: str) -> dict[str, torch.Tensor]:
    """Return what a perturbation alone adds to the gradient, by parameter."""
    keys = OFF | {"head": "text"}
    without, with_it = step_of("scipd", **keys)[1], step_of("scipd", **(keys | {term: True}))[1]
    return {name: with_it[name] - value for name, value in without.items()}


def test_class_perturbation_moves_the_last_layers_weight_alone():
    added = gradients_of("class_perturbation")
    assert {name for name, value in added.items() if value.abs().max() > 1e-7} == LAST


@pytest.mark.parametrize("term", ["score_perturbation", "instance_perturbation"])
def test_score_and_instance_perturbation_reach_the_whole_student(term):
    added = gradients_of(term)
    assert all(value.abs().max() > 1e-7 for value in added.values()) and added.keys() > LAST


def test_at_the_texts_class_perturbation_is_at_rest():
    last = texts().requires_grad_(True)
    class_loss(texts(), last, False).backward()
    assert last.grad.abs().max() < 1e-7
    # With the code's double softmax the texts are no minimum: a small pull is left.
    last = texts().requires_grad_(True)
    class_loss(texts(), last, True).backward()
    assert last.grad.abs().max() > 1e-5


def test_the_head_starts_at_the_texts():
    classifier, _ = parts("scipd", head="text")
    assert torch.allclose(classifier.head.last.weight, texts())
    assert classifier(images()).shape == (9, 3)


def test_class_perturbation_needs_that_head():
    with pytest.raises(ValueError, match="head: text"):
        parts("scipd")
