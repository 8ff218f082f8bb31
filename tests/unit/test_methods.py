"""Losses and parameters of the methods against torch, scipy and numpy."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import norm
from torch import nn
from torch.nn import functional as F

from replidg.config.methods import Method
from replidg.methods.miro import MIRO, VarianceEncoder, gaussian_nll
from replidg.methods.network import Classifier, layer_shapes, recorded
from replidg.methods.predictions import prediction_table
from replidg.methods.registry import OBJECTIVES
from replidg.methods.zero_shot import zero_shot
from replidg.models.layers import freeze, select_layers

SIZE = 16
LAYERS = ["0", "3", "5"]  # a convolution, a map after batch-norm and ReLU, a vector


def tower() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 6),
    )


def classifier(frozen_batchnorm: bool = True) -> Classifier:
    torch.manual_seed(2)
    return Classifier(tower(), 6, 3, frozen_batchnorm).train()


def objective(name: str, net: Classifier, layers=LAYERS, **method):
    built = OBJECTIVES[name](net, Method(objective=name, **method), SIZE, layers)
    return built.train()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(6, 3, SIZE, SIZE, generator=generator)
    return images, torch.tensor([0, 1, 2, 2, 1, 0]), torch.tensor([0, 0, 0, 1, 1, 1])


def loss_of(kind, net, batch, step=0):
    return kind.loss(net, *batch, step)


def moved(net: Classifier, amount: float = 0.1) -> None:
    """Move the weights away from where they started."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += amount * torch.randn(parameter.shape, generator=generator)


# --- ERM and LP-FT -----------------------------------------------------------------------------


def test_erm_is_cross_entropy(batch):
    net = classifier()
    images, labels, _ = batch
    loss = loss_of(objective("erm", net), net, batch)
    logits = net.head(net.visual(images)).detach().numpy().astype(np.float64)
    by_hand = -np.log(softmax(logits, axis=1)[np.arange(6), labels.numpy()]).mean()
    assert loss.item() == pytest.approx(by_hand, rel=1e-5)
    assert torch.equal(loss, F.cross_entropy(net(images), labels))


def test_groups_hold_every_parameter_once_with_its_learning_rate():
    net = classifier()
    groups = objective("erm", net, lr=0.01, head_lr_mult=5).parameter_groups(net)
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.05])
    assert [id(p) for p in groups[0]["params"]] == [id(p) for p in net.visual.parameters()]
    assert [id(p) for p in groups[1]["params"]] == [id(p) for p in net.head.parameters()]


@pytest.mark.parametrize(("step", "tower_learns"), [(0, False), (4, False), (5, True), (6, True)])
def test_lp_ft_probes_first(step, tower_learns, batch):
    net = classifier()
    kind = objective("lp_ft", net, linear_steps=5)
    loss = loss_of(kind, net, batch, step)
    assert loss.item() == pytest.approx(loss_of(objective("erm", net), net, batch).item())
    loss.backward()
    learned = [p.grad is not None and bool(p.grad.any()) for p in net.visual.parameters()]
    assert learned[0] is tower_learns and learned[-1] is tower_learns
    assert any(learned) is tower_learns
    assert net.head.weight.grad.any()


def test_lp_ft_leaves_the_tower_alone_under_adam_with_decay(batch):
    net = classifier()
    kind = objective("lp_ft", net, linear_steps=3, lr=0.1)
    optimizer = torch.optim.Adam(kind.parameter_groups(net), weight_decay=0.5)
    before = {name: value.clone() for name, value in net.visual.state_dict().items()}
    for step in range(4):
        same = all(torch.equal(value, before[k]) for k, value in net.visual.state_dict().items())
        assert same
        loss = loss_of(kind, net, batch, step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    assert not torch.equal(net.visual[0].weight, before["0.weight"])


# --- MIRO --------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.sampled_from([(4, 3, 2, 2), (4, 5, 3), (4, 6)]))
def test_gaussian_nll_is_scipys_up_to_the_constant(seed, shape):
    rng = np.random.default_rng(seed)
    features, origin = rng.normal(size=shape), rng.normal(size=shape)
    # One variance a channel: dimension 1 of a map, the last of tokens and vectors.
    channelwise = (1, shape[1], 1, 1) if len(shape) == 4 else (1,) * (len(shape) - 1) + shape[-1:]
    variance = rng.uniform(0.05, 3, channelwise)
    value = gaussian_nll(*(torch.from_numpy(x) for x in (features, origin, variance))).item()
    density = norm.logpdf(origin, loc=features, scale=np.sqrt(np.broadcast_to(variance, shape)))
    assert value == pytest.approx(-density.mean() - math.log(2 * math.pi) / 2, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("shape", "bias"), [((1, 4, 7, 7), (1, 4, 1, 1)), ((1, 5, 8), (1, 1, 8)), ((1, 6), (1, 6))]
)
def test_variance_starts_at_a_tenth_and_is_channelwise(shape, bias):
    encoder = VarianceEncoder(torch.Size(shape))
    assert encoder.bias.shape == bias
    assert torch.allclose(encoder(), torch.full(bias, 0.1), atol=1e-7)
    with torch.no_grad():
        encoder.bias.fill_(-100.0)
    assert torch.allclose(encoder(), torch.full(bias, 1e-5))  # never zero
    with torch.no_grad():
        encoder.bias.fill_(0.5)
    assert torch.allclose(encoder(), torch.full(bias, math.log1p(math.exp(0.5)) + 1e-5))


def test_miro_loss_by_hand(batch):
    net = classifier()
    kind = objective("miro", net, miro_lambda=0.7)
    moved(net)
    images, labels, _ = batch
    # The tower is a sequence, so its layers' outputs can be had without hooks.
    penalty = 0.0
    for number in map(int, LAYERS):
        now, then = net.visual[: number + 1](images), kind.oracle[: number + 1](images)
        squares = (now - then).pow(2).double().mean()
        penalty += 0.5 * (squares / 0.1 + math.log(0.1))
    expected = F.cross_entropy(net(images), labels).double() + 0.7 * penalty
    assert loss_of(kind, net, batch).item() == pytest.approx(expected.item(), rel=1e-5)


def test_miro_penalty_is_flat_at_the_origin(batch):
    net = classifier()
    with_penalty, without = objective("miro", net, miro_lambda=3.0), objective("erm", net)
    gradients = []
    for kind in (with_penalty, without):
        net.zero_grad()
        loss_of(kind, net, batch).backward()
        gradients.append([p.grad.clone() for p in net.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-7)
    # Not so elsewhere.
    moved(net)
    gradients = []
    for kind in (with_penalty, without):
        net.zero_grad()
        loss_of(kind, net, batch).backward()
        gradients.append(net.visual[0].weight.grad.clone())
    assert not torch.allclose(*gradients, atol=1e-4)


def test_miro_with_lambda_0_is_erm(batch):
    net = classifier()
    kind = objective("miro", net, miro_lambda=0.0)
    moved(net)
    assert torch.equal(
        loss_of(kind, net, batch).detach(), loss_of(objective("erm", net), net, batch).detach()
    )


def test_miro_oracle_never_changes_and_its_encoders_learn(batch):
    net = classifier(frozen_batchnorm=False)
    kind = objective("miro", net, lr=0.01)
    before = {name: value.clone() for name, value in kind.oracle.state_dict().items()}
    groups = kind.parameter_groups(net)
    trained = {id(p) for group in groups for p in group["params"]}
    assert not trained & {id(p) for p in kind.oracle.parameters()}
    optimizer = torch.optim.Adam(groups)
    for step in range(3):
        net.train()
        kind.train()
        assert not any(module.training for module in kind.oracle.modules())
        optimizer.zero_grad()
        loss_of(kind, net, batch, step).backward()
        assert all(p.grad is None for p in kind.oracle.parameters())
        assert all(encoder.bias.grad is not None for encoder in kind.variances)
        optimizer.step()
    for name, value in kind.oracle.state_dict().items():
        assert torch.equal(value, before[name]), name
    # The oracle is a copy: the classifier's own tower did move.
    assert not torch.equal(net.visual[0].weight, before["0.weight"])
    # The features hardly moved, so a smaller variance is likelier.
    assert all(bool((encoder() < 0.1).all()) for encoder in kind.variances)


def test_miro_encoders_learn_ten_times_faster():
    net = classifier()
    kind = objective("miro", net, lr=0.003, head_lr_mult=2)
    groups = kind.parameter_groups(net)
    assert [group["lr"] for group in groups] == pytest.approx([0.003, 0.006, 0.03])
    assert {id(p) for p in groups[2]["params"]} == {id(e.bias) for e in kind.variances}
    assert objective("miro", net, lr=0.003, miro_lr_mult=4).parameter_groups(net)[2][
        "lr"
    ] == pytest.approx(0.012)


def test_miro_needs_layers():
    with pytest.raises(ValueError, match="feature_layers"):
        objective("miro", classifier(), layers=[])


def test_miro_pairs_layers_that_run_in_another_order_than_they_are_defined(batch):
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Conv2d(5, 2, 1), nn.Conv2d(3, 5, 1)

        def forward(self, images):
            return self.second(self.first(images)).mean((2, 3))

    torch.manual_seed(0)
    net = Classifier(Backwards(), 2, 3, True)
    kind = MIRO(net, Method(objective="miro"), SIZE, ["first", "second"])
    assert {encoder.bias.shape[1] for encoder in kind.variances} == {2, 5}
    assert torch.isfinite(loss_of(kind, net, batch))


# --- the network -------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batchnorm(frozen, batch):
    net = classifier(frozen_batchnorm=frozen)
    before = {k: v.clone() for k, v in net.visual[1].state_dict().items()}
    loss_of(objective("erm", net), net, batch).backward()
    norm_layer = net.visual[1]
    assert torch.equal(norm_layer.running_mean, before["running_mean"]) is frozen
    assert torch.equal(norm_layer.running_var, before["running_var"]) is frozen
    # Gain and bias learn in either case, and the other modules are in training mode.
    assert norm_layer.weight.grad.any() and net.visual[0].training
    assert not net.eval().visual[0].training


def test_recorded_collects_the_named_outputs_and_leaves_no_hook(batch):
    net = tower().eval()
    with recorded(net, ["0", "5"]) as outputs:
        final = net(batch[0])
    assert torch.equal(outputs[0], net[0](batch[0])) and torch.equal(outputs[1], final)
    net(batch[0])
    assert len(outputs) == 2
    with pytest.raises(RuntimeError), recorded(net, ["0"]):
        raise RuntimeError
    assert not any(module._forward_hooks for module in net.modules())


def test_layer_shapes():
    net = tower().eval()
    assert layer_shapes(net, ["0", "5"], SIZE) == [(1, 4, 7, 7), (1, 6)]


def test_select_layers_in_tree_order_and_its_error():
    net = nn.ModuleDict({"stem": nn.Conv2d(3, 4, 1), "blocks": tower()})
    assert select_layers(net, ["blocks.[35]", "stem"]) == ["stem", "blocks.3", "blocks.5"]
    assert select_layers(net, ["stem", "st*"]) == ["stem"]
    assert select_layers(net, []) == []
    with pytest.raises(ValueError, match=r"'block\.1' matches nothing.*stem, blocks, blocks\.0"):
        select_layers(net, ["stem", "block.1"])


def test_freeze():
    net = tower()
    freeze(net, ["[01]"])
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert frozen == {"0.weight", "0.bias", "1.weight", "1.bias"}
    freeze(net, [])
    with pytest.raises(ValueError, match="'trunk'"):
        freeze(net, ["trunk"])


# --- predictions -------------------------------------------------------------------------------


def rows(labels) -> pd.DataFrame:
    names = [f"photo/c/{i}.png" for i in range(len(labels))]
    return pd.DataFrame({"image_id": names, "domain": "photo", "split": "test", "label": labels})


@given(st.integers(0, 10_000))
def test_zero_shot_is_the_nearest_text(seed):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(9, 5)).astype(np.float32) * 40
    texts = rng.normal(size=(4, 5)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    labels = rng.integers(4, size=9)
    table = zero_shot(rows(labels), images, texts)
    cosines = images.astype(np.float64) @ texts.T / np.linalg.norm(images, axis=1, keepdims=True)
    assert table["pred"].tolist() == cosines.argmax(1).tolist()
    assert table["correct"].tolist() == (cosines.argmax(1) == labels).tolist()
    np.testing.assert_allclose(table["max_logit"], 100 * cosines.max(1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        table["max_softmax"], softmax(100 * cosines, axis=1).max(1), rtol=1e-2, atol=1e-4
    )
    assert set(table["role"]) == {"target"}


def test_prediction_table_by_hand():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32))
    table = prediction_table(rows([0, 1]).set_index(pd.Index([7, 3])), logits, "source_validation")
    assert table.columns.tolist() == [
        "image_id", "domain", "split", "role", "label", "pred", "max_softmax", "max_logit",
        "correct",
    ]  # fmt: skip
    assert table["image_id"].tolist() == ["photo/c/0.png", "photo/c/1.png"]
    assert table["pred"].tolist() == [0, 2] and table["correct"].tolist() == [True, False]
    np.testing.assert_allclose(table["max_softmax"], [0.7, 0.6], rtol=1e-6)
    np.testing.assert_allclose(table["max_logit"], np.log([0.7, 0.6]), rtol=1e-6)
