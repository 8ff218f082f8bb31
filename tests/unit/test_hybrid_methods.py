"""Each baseline against its formula, and against itself without its special term."""

import math

import numpy as np
import pytest
import torch
from hybrid_parts import LABELS, PLACES, images, parts, same, step_of, taught
from scipy.special import log_softmax, softmax
from torch.nn import functional as F

from replidg.methods.hybrid import and_mask, arpl, contrastive_kd, dann, hinton, mixup, mmd
from replidg.methods.hybrid.heads import DomainHeads, ReciprocalPoints
from replidg.methods.hybrid.mixstyle import mixed_style
from replidg.methods.hybrid.registry import OWN, SHARED

ERM = step_of("erm")
#: Keys that take a method's special term away, after which it is ERM.
OFF = {
    "coral": {"coral_gamma": 0.0},
    "mmd": {"mmd_gamma": 0.0},
    "dann": {"dann_weight": 0.0},
    "mldg": {"mldg_beta": 0.0},
    "rsc": {"rsc_features": 0.0},
    "vrex": {"vrex_lambda": 0.0, "vrex_anneal": 0},
    "mixstyle": {"mixstyle_p": 0.0, "mixstyle_layers": ["0"]},
    "group_dro": {"dro_eta": 0.0},
    "hinton": {"kd_weight": 0.0},
    "feature_kd": {"feature_weight": 0.0},
    "contrastive_kd": {"contrast_weight": 0.0},
}
ON = {
    "mixstyle": {"mixstyle_p": 1.0, "mixstyle_layers": ["0"]},
    "rsc": {"rsc_features": 0.5},
    "vrex": {"vrex_lambda": 5.0, "vrex_anneal": 0},
    "group_dro": {"dro_eta": 5.0},
    "mldg": {"mldg_lr": 0.5},
}


@pytest.mark.parametrize("name", OFF)
def test_the_special_term_is_what_differs_from_erm(name):
    on, off = step_of(name, **ON.get(name, {})), step_of(name, **OFF[name])
    assert not same(on[1], off[1])
    assert not same(on[1], ERM[1])
    if name != "mldg":  # which is then ERM of the domains but one
        assert same(off[1], ERM[1])


def test_every_objective_of_the_configuration_exists():
    from replidg.config.hybrid_methods import HybridMethod

    names = HybridMethod.model_fields["objective"].annotation.__args__
    assert set(names) == {*SHARED, *OWN}


def test_clip_base_is_the_cross_entropy_with_the_teachers_scores():
    classifier, made = parts("clip_base")
    p = taught().scores.numpy()
    logs = log_softmax(classifier(images()).detach().numpy(), axis=1)
    found = made.loss(classifier, images(), LABELS, PLACES, 0).item()
    assert found == pytest.approx(-(p * logs).sum(axis=1).mean(), rel=1e-5)
    # Labels are not used.
    assert made.loss(classifier, images(), LABELS.flip(0), PLACES, 0).item() == found


def test_mmd_by_hand():
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [3.0]])

    def k(x, y):
        return sum(math.exp(-g * (x - y) ** 2) for g in mmd.WIDTHS)

    same_a = (2 * k(0, 0) + 2 * k(0, 1)) / 4
    wanted = same_a + k(3, 3) - 2 * (k(0, 3) + k(1, 3)) / 2
    assert mmd.discrepancy(a, b).item() == pytest.approx(wanted, rel=1e-5)
    assert mmd.discrepancy(a, a).item() == pytest.approx(0.0, abs=1e-6)


def test_dann_reverses_the_gradient():
    values = torch.ones(2, requires_grad=True)
    dann.Reversed.apply(values, 0.5).sum().backward()
    assert values.grad.tolist() == [-0.5, -0.5]
    assert dann.strength(0.0) == 0.0 and dann.strength(1.0) == pytest.approx(1.0, abs=1e-4)


def test_dann_trains_its_discriminator():
    classifier, made = parts("dann")
    made.backward(classifier, images(), LABELS, PLACES, 5)
    assert all(p.grad.abs().sum() > 0 for p in made.discriminator.parameters())
    groups = made.parameter_groups(classifier)
    assert {id(p) for p in made.parameters()} <= {id(p) for g in groups for p in g["params"]}


def test_mixup_pairs_other_domains():
    torch.manual_seed(0)
    for _ in range(5):
        partner = mixup.partners(PLACES)
        assert (PLACES[partner] != PLACES).all()


def test_mixup_by_hand(monkeypatch):
    assert mixup.mix(torch.ones(2, 1), torch.zeros(2, 1), torch.tensor([0.25, 1.0])).tolist() == [
        [0.25], [1.0]
    ]  # fmt: skip
    partner = torch.arange(9).roll(3)
    monkeypatch.setattr(mixup, "partners", lambda _: partner)
    share = torch.full((3,), 0.3)
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self, shape: share)
    classifier, made = parts("mixup")
    x = images()
    logits = classifier(0.3 * x + 0.7 * x[partner])
    wanted = 0.3 * F.cross_entropy(logits, LABELS) + 0.7 * F.cross_entropy(logits, LABELS[partner])
    assert made.loss(classifier, x, LABELS, PLACES, 0).item() == pytest.approx(wanted.item())


def test_mixup_without_mixing_is_erm(monkeypatch):
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self, shape: torch.ones(3))
    assert same(step_of("mixup")[1], ERM[1])
    monkeypatch.undo()
    assert not same(step_of("mixup", mixup_alpha=5.0)[1], ERM[1])


def test_mldg_adds_the_gradient_at_the_moved_weights():
    rate = 0.5
    classifier, made = parts("mldg", mldg_lr=rate)
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    torch.manual_seed(7)
    tested = int(torch.randint(3, ())) == PLACES
    torch.manual_seed(7)
    made.backward(classifier, images(), LABELS, PLACES, 0)
    found = {name: p.grad.clone() for name, p in classifier.named_parameters()}
    assert all(torch.equal(v, before[n]) for n, v in classifier.state_dict().items())
    names = list(found)
    loss = F.cross_entropy(classifier(images()[~tested]), LABELS[~tested])
    first = torch.autograd.grad(loss, list(classifier.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(classifier.parameters(), first, strict=True):
            parameter.sub_(rate * gradient)
    loss = F.cross_entropy(classifier(images()[tested]), LABELS[tested])
    second = torch.autograd.grad(loss, list(classifier.parameters()))
    for name, one, two in zip(names, first, second, strict=True):
        assert torch.allclose(found[name], one + two, atol=1e-6)


def test_group_dro_moves_to_the_worst_domain():
    classifier, made = parts("group_dro", dro_eta=2.0)
    losses = torch.stack(
        [F.cross_entropy(classifier(images()[d == PLACES]), LABELS[d == PLACES]) for d in range(3)]
    )
    wanted = torch.softmax(2.0 * losses, dim=0)
    found = made.loss(classifier, images(), LABELS, PLACES, 0)
    assert torch.allclose(made.shares, wanted, atol=1e-6)
    assert found.item() == pytest.approx((wanted * losses).sum().item(), rel=1e-5)
    assert "shares" in made.state_dict()


def test_rsc_mutes_the_features_of_the_highest_gradient():
    classifier, made = parts("rsc", rsc_features=1 / 3, rsc_images=1.0)
    features = classifier.visual(images()).detach()
    mask = made.kept(classifier, features, LABELS)
    # The head is linear: the gradient of a class's logit is its row of weights.
    for row, label in zip(mask, LABELS, strict=True):
        top = set(classifier.head.weight[label].topk(2).indices.tolist())
        assert set((row == 0).nonzero()[:, 0].tolist()) == top
    few = parts("rsc", rsc_features=1 / 3, rsc_images=1 / 3)[1].kept(classifier, features, LABELS)
    assert int((few == 0).any(dim=1).sum()) == 3


def test_and_mask_by_hand():
    gradients = torch.tensor([[1.0, 1.0, -1.0], [3.0, -1.0, -3.0]])
    # Signs agree in the first and the last; 2 of 3 are kept.
    assert and_mask.masked(gradients, 1.0).tolist() == pytest.approx([3.0, 0.0, -3.0])
    # Without agreement asked for it is the mean gradient.
    assert and_mask.masked(gradients, 0.0).tolist() == pytest.approx([2.0, 0.0, -2.0])


def test_and_mask_leaves_gradients_that_domains_agree_on():
    assert same(step_of("and_mask", and_mask_tau=0.0)[1], ERM[1])
    found = step_of("and_mask")[1]
    assert not same(found, ERM[1])
    assert any((value == 0).any() for value in found.values())


def test_vrex_is_mean_plus_variance():
    classifier, made = parts("vrex", vrex_lambda=4.0, vrex_anneal=10)
    losses = np.array(
        [
            F.cross_entropy(classifier(images()[d == PLACES]), LABELS[d == PLACES]).item()
            for d in range(3)
        ]
    )
    for step, weight in ((9, 1.0), (10, 4.0)):
        found = made.loss(classifier, images(), LABELS, PLACES, step).item()
        assert found == pytest.approx(losses.mean() + weight * losses.var(), rel=1e-5)


def test_mixstyle_exchanges_statistics():
    maps = torch.randn(2, 3, 8, 8) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1) + 2
    swapped = mixed_style(maps, torch.tensor([1, 0]), torch.zeros(2))
    for axis in ("mean", "std"):
        found = getattr(swapped, axis)(dim=(2, 3))
        assert torch.allclose(found, getattr(maps, axis)(dim=(2, 3)).flip(0), atol=1e-3)
    assert torch.allclose(mixed_style(maps, torch.tensor([1, 0]), torch.ones(2)), maps, atol=1e-5)


def test_mixstyle_leaves_predictions_alone():
    classifier, made = parts("mixstyle", mixstyle_p=1.0, mixstyle_layers=["0"])
    made.loss(classifier, images(), LABELS, PLACES, 0)
    assert not any(module._forward_hooks for module in classifier.visual.modules())


def test_arpl_by_hand():
    head = ReciprocalPoints(2, 2)
    with torch.no_grad():
        head.points.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    features = torch.tensor([[2.0, 0.0]])
    # Distances: (1 + 0) / 2 and (4 + 1) / 2; less the products 2 and 0.
    assert head(features).tolist() == [[0.5 - 2.0, 2.5]]
    classifier, made = parts("arpl", arpl_weight=0.5)
    z = classifier.visual(images())
    own = classifier.head.distances(z).gather(1, LABELS[:, None])[:, 0]
    wanted = F.cross_entropy(classifier(images()), LABELS)
    wanted = wanted + 0.5 * F.relu(own - classifier.head.radius + arpl.MARGIN).mean()
    found = made.loss(classifier, images(), LABELS, PLACES, 0)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    found.backward()
    assert classifier.head.radius.grad.abs() > 0
    assert not same(step_of("arpl")[1], step_of("arpl", arpl_weight=0.0)[1])


def test_daml_terms():
    classifier, made = parts("daml")
    assert isinstance(classifier.head, DomainHeads)
    logits = classifier.head(torch.randn(4, 6))
    assert torch.allclose(logits.exp().sum(dim=1), torch.ones(4), atol=1e-5)
    features = classifier.visual(images())
    torch.manual_seed(0)
    mixed, soft = made.mixed(features, LABELS, PLACES, 1)
    assert mixed.shape == (3, 6) and torch.allclose(soft.sum(dim=1), torch.ones(3))
    said = torch.stack(
        [F.softmax(classifier.head.each[d](features[PLACES == 1]), dim=1) for d in (0, 2)]
    ).mean(dim=0)
    logs = F.log_softmax(classifier.head.each[1](features[PLACES == 1]), dim=1)
    found = made.distilled(classifier, features, PLACES, 1)
    assert found.item() == pytest.approx(-(said * logs).sum(dim=1).mean().item(), rel=1e-5)


@pytest.mark.parametrize("keys", [{"daml_distil": 0.0}, {"daml_own": 100.0}, {"mldg_lr": 1.0}])
def test_daml_without_a_term_is_another_method(keys):
    assert not same(step_of("daml")[1], step_of("daml", **keys)[1])


def test_daml_meta_test_counts(monkeypatch):
    full = step_of("daml")[1]
    monkeypatch.setattr(OWN["daml"], "meta_test", lambda s, c, x, y, d: 0 * c(x).sum())
    assert not same(full, step_of("daml")[1])


def test_hinton_by_hand():
    z, p, t = np.array([[1.0, -1.0]]), np.array([[0.8, 0.2]]), 2.0
    teacher = softmax(np.log(p) / t, axis=1)
    kl = (teacher * (np.log(teacher) - log_softmax(z / t, axis=1))).sum()
    found = hinton.divergence(torch.tensor(z), torch.tensor(p), t)
    assert found.item() == pytest.approx(t**2 * kl)
    assert math.isfinite(hinton.divergence(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), t).item())


def test_feature_distillation_by_hand():
    classifier, made = parts("feature_kd", feature_weight=2.0)
    near = F.normalize(made.projection(classifier.visual(images())), dim=1)
    distance = ((near - taught().embeddings) ** 2).sum(dim=1).mean()
    wanted = F.cross_entropy(classifier(images()), LABELS) + 2.0 * distance
    found = made.loss(classifier, images(), LABELS, PLACES, 0)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_contrastive_distillation_by_hand():
    a, b = F.normalize(torch.randn(4, 3), dim=1), F.normalize(torch.randn(4, 3), dim=1)
    logits = (a @ b.T / 0.2).numpy()
    wanted = -np.diag(log_softmax(logits, axis=1)).mean()
    assert contrastive_kd.info_nce(a, b, 0.2).item() == pytest.approx(wanted, rel=1e-5)
    assert contrastive_kd.info_nce(b, b, 0.01) < contrastive_kd.info_nce(a, b, 0.01)


def test_a_method_without_its_teacher_says_so():
    classifier, made = parts("clip_base")
    made.taught = None
    with pytest.raises(RuntimeError, match="needs a teacher"):
        made.loss(classifier, images(), LABELS, PLACES, 0)


def test_coral_is_the_alignment_papers():
    classifier, made = parts("coral", coral_gamma=3.0)
    z = classifier.visual(images()).detach().numpy()
    total = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        x, y = z[a == PLACES], z[b == PLACES]
        gap = np.cov(x.T) - np.cov(y.T)
        total.append(((x.mean(0) - y.mean(0)) ** 2).mean() + (gap**2).mean())
    wanted = F.cross_entropy(classifier(images()), LABELS).item() + 3.0 * np.mean(total)
    found = made.loss(classifier, images(), LABELS, PLACES, 0).item()
    assert found == pytest.approx(wanted, rel=1e-4)
