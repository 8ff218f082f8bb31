"""Readouts of domain classifiers against sklearn and values worked out by hand."""

import numpy as np
import open_clip
import pytest
import torch
from domain_runs import SPEC, make_backbone
from sklearn.neighbors import NearestCentroid, NearestNeighbors
from torch import nn

from replidg.config.forgotten import DomainClassifier
from replidg.models import domain_nets
from replidg.models.domain_nets import DomainNet, load, save, trainable, without_projection
from replidg.models.domain_readouts import (
    CentroidReadout,
    LinearReadout,
    StyleReadout,
    calibrated,
    targets,
)
from replidg.models.domain_style import StyleTower, style_tower


def unit(count, seed=0, dim=6):
    values = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_classes_of_the_authors_code():
    """natural_v_rest {0:0, 1:1, 2:1}, stylistic_v_rest {0:0, 1:1, 2:0}."""
    labels = torch.tensor([0, 1, 2])
    assert targets(labels, None).tolist() == [0, 1, 2]
    assert targets(labels, "natural").tolist() == [0, 1, 1]
    assert targets(labels, "rendition").tolist() == [0, 1, 0]


def linear(weights, ratio=1.0):
    readout = LinearReadout(2, len(weights), normalised=False, ratio=ratio)
    readout.linear.weight.data = torch.tensor(weights)
    readout.linear.bias.data.zero_()
    return readout


def test_a_ternary_readout_takes_the_likeliest():
    found = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])(torch.tensor([[2.0, 1.0], [-1.0, -1.0]]))
    expected = torch.softmax(torch.tensor([2.0, 1.0, 0.0]), 0)
    torch.testing.assert_close(found[0, :2], expected[:2])
    assert found[:, 2].tolist() == [0, 2]


def test_the_density_ratio_decides_at_one_to_five():
    """Class 1 only where it is five times as likely: a logit difference above ln 5."""
    readout = linear([[0.0, 0.0], [1.0, 0.0]], ratio=0.2)
    bound = float(np.log(5))
    found = readout(torch.tensor([[bound - 0.01, 0.0], [bound + 0.01, 0.0], [-3.0, 0.0]]))
    assert found[:, 2].tolist() == [0, 1, 0]
    assert linear([[0.0, 0.0], [1.0, 0.0]])(torch.tensor([[0.1, 0.0]]))[0, 2] == 1
    readout.temperature.fill_(2.0)  # halves the difference
    assert readout(torch.tensor([[bound + 0.01, 0.0]]))[0, 2] == 0


def test_features_of_ft_are_brought_to_unit_length():
    readout = LinearReadout(3, 3, normalised=True)
    features = torch.randn(4, 3)
    torch.testing.assert_close(readout(features), readout(7 * features))


def test_centroids_are_sklearns():
    values, labels = unit(60), np.arange(60) % 3
    readout = CentroidReadout.fitted(torch.tensor(values), torch.tensor(labels))
    known = NearestCentroid().fit(values, labels)
    other = unit(40, seed=1)
    assert readout(torch.tensor(other) * 3)[:, 2].tolist() == known.predict(other).tolist()
    distances = ((other[:, None] - known.centroids_[None]) ** 2).sum(-1)
    scores = np.exp(-distances) / np.exp(-distances).sum(1, keepdims=True)
    np.testing.assert_allclose(readout(torch.tensor(other))[:, :2], scores[:, :2], rtol=1e-4)


@pytest.mark.parametrize(("against", "domain"), [("natural", 0), ("rendition", 1)])
def test_style_neighbours_vote_any_of_k(against, domain):
    values, labels, other = unit(80), np.arange(80) % 3, unit(50, seed=2)
    readout = StyleReadout.fitted(torch.tensor(values), torch.tensor(labels), against, 7)
    found = readout(torch.tensor(other)).numpy()
    nearest = NearestNeighbors(n_neighbors=7).fit(values).kneighbors(other, return_distance=False)
    hit = labels[nearest] == domain
    for k in range(1, 8):
        any_of_k = hit[:, :k].any(1)
        assert ((found[:, domain] >= np.float32(1 / k)) == any_of_k).all()
        assert ((found[:, 1 - domain] > 1 - np.float32(1 / k)) == ~any_of_k).all()
    assert (found[:, 2] == np.where(hit[:, 0], domain, 1 - domain)).all()


def test_calibration_finds_a_known_temperature():
    """Labels drawn from softmax(logits) and logits given three times too large."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(20000, 3)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (random.uniform(size=(20000, 1)) > p.cumsum(1)).sum(1)
    assert calibrated(torch.tensor(3 * logits), torch.tensor(labels)) == pytest.approx(3, rel=0.05)


def test_the_projection_is_taken_away(tmp_path):
    visual = make_backbone(tmp_path).visual
    images = torch.randn(2, 3, 16, 16)
    before, projection = visual(images), visual.proj.detach().clone()
    features = without_projection(visual)(images)
    torch.testing.assert_close(features @ projection, before)
    with pytest.raises(ValueError, match="Linear has no projection"):
        without_projection(nn.Linear(2, 2))


@pytest.mark.parametrize("kind", [{"kind": "ft"}, {"kind": "dr", "against": "natural"}])
def test_a_trained_network_reads_back_alike(tmp_path, kind):
    backbone = make_backbone(tmp_path)
    net = trainable(backbone.visual, backbone.dim, 16, DomainClassifier(**kind), 0.2).eval()
    net.readout.temperature.fill_(1.5)
    before = {name: value.clone() for name, value in backbone.visual.state_dict().items()}
    save(net, tmp_path / "a.safetensors")
    save(net, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    again = load(tmp_path / "a.safetensors", backbone.visual, backbone.dim, SPEC.size)
    images = torch.randn(5, 3, 16, 16)
    assert torch.equal(net(images), again(images))
    assert all(torch.equal(v, before[n]) for n, v in backbone.visual.state_dict().items())


def test_networks_on_shared_embeddings_read_back_alike(tmp_path):
    values, labels = torch.tensor(unit(30)), torch.arange(30) % 3
    readouts = {
        "ce": (CentroidReadout.fitted(values, labels), DomainClassifier(kind="ce")),
        "csd": (
            StyleReadout.fitted(values, labels, "rendition", 4),
            DomainClassifier(kind="csd", against="rendition"),
        ),
    }
    for name, (readout, classifier) in readouts.items():
        facts = classifier.model_dump() | {"own_tower": False, "neighbours": 4}
        save(DomainNet(None, readout, facts), tmp_path / name)
        again = load(tmp_path / name, nn.Identity(), 6, 16)
        other = torch.tensor(unit(9, seed=3))
        assert torch.equal(readout(other), again(None, other))


def test_a_foreign_file_is_refused(tmp_path):
    domain_nets.save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="no domain classifier"):
        domain_nets.facts_of(tmp_path / "x.safetensors")


SMALL = "ViT-B-32"  # built without weights; CSD's own is as large as ViT-L/14


def test_style_descriptors_of_a_checkpoint(tmp_path):
    """CSD's checkpoint has `module.backbone.*` and two projections; the content's is not used."""
    torch.manual_seed(0)
    whole = StyleTower(open_clip.create_model(SMALL).visual).eval()
    state = {f"module.{name}": value for name, value in whole.state_dict().items()}
    state["module.last_layer_content"] = torch.zeros(2, 2)
    torch.save({"model_state_dict": state}, tmp_path / "csd.pth")
    again = style_tower(tmp_path / "csd.pth", SMALL)
    images = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        found = again(images)
        torch.testing.assert_close(found, whole(images))
        raw = whole.backbone(images) @ whole.last_layer_style
    torch.testing.assert_close(found, raw / raw.norm(dim=1, keepdim=True))


def test_style_weights_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        style_tower(tmp_path / "none.pth", SMALL)
    (tmp_path / "text.pth").write_text("no checkpoint")
    with pytest.raises(ValueError, match="cannot be read"):
        style_tower(tmp_path / "text.pth", SMALL)
    torch.save({"model_state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="tensors, e"):
        style_tower(tmp_path / "other.pth", SMALL)
