"""VL2V-SD against numpy, its limits, its frozen teacher, and its head of class texts."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from training_runs import begin, class_texts, settings

from replidg.config.methods import Method
from replidg.methods.network import Classifier, TextHead
from replidg.methods.vl2v_sd import VL2VSD


def net() -> Classifier:
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 6))
    return Classifier(tower, 6, 3, True, TextHead(class_texts(), 100.0)).train()


def batch():
    images = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return images, torch.tensor([0, 1, 2, 2, 1]), torch.zeros(5)


def objective(classifier, share=0.5) -> VL2VSD:
    method = Method(objective="vl2v_sd", prompts="p", vl2v_lambda=share, lr=0.01)
    return VL2VSD(classifier, method, 4, []).train()


def moved(classifier) -> None:
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)


def cosines(a, b) -> np.ndarray:
    a, b = (np.asarray(x.detach(), np.float64) for x in (a, b))
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_loss_by_numpy(share):
    classifier = net()
    kind = objective(classifier, share)
    moved(classifier)
    images, labels, domains = batch()
    z = classifier.visual(images)
    image, text = kind.teacher(images), class_texts()[labels]
    expected = -(share * cosines(z, image) + (1 - share) * cosines(z, text)).mean()
    value = kind.loss(classifier, images, labels, domains, 0).item()
    assert value == pytest.approx(expected, rel=1e-5)
    assert not np.allclose(cosines(z, image), 1)


def test_with_the_image_target_alone_the_pretrained_tower_is_the_minimum():
    classifier = net()
    kind = objective(classifier, 1.0)
    loss = kind.loss(classifier, *batch(), 0)
    loss.backward()
    assert loss.item() == pytest.approx(-1.0, abs=1e-6)
    assert all(p.grad.abs().max() < 1e-6 for p in classifier.parameters())


def test_with_the_text_target_alone_labels_alone_matter():
    classifier = net()
    kind = objective(classifier, 0.0)
    images, labels, domains = batch()
    value = kind.loss(classifier, images, labels, domains, 0).item()
    z = F.normalize(classifier.visual(images), dim=-1)
    assert value == pytest.approx(-(z @ class_texts().T)[range(5), labels].mean().item(), rel=1e-5)
    assert kind.loss(classifier, images, labels.flip(0), domains, 0).item() != value


def test_the_teacher_never_changes_and_never_learns():
    classifier = net()
    kind = objective(classifier)
    before = {name: value.clone() for name, value in kind.teacher.state_dict().items()}
    optimizer = torch.optim.Adam(kind.parameter_groups(classifier))
    trained = {id(p) for group in kind.parameter_groups(classifier) for p in group["params"]}
    assert trained == {id(p) for p in classifier.visual.parameters()}
    for step in range(3):
        kind.train()
        assert not any(module.training for module in kind.teacher.modules())
        optimizer.zero_grad()
        kind.backward(classifier, *batch(), step)
        optimizer.step()
    for name, value in kind.teacher.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not torch.equal(classifier.visual[0].weight, before["0.weight"])
    assert torch.equal(classifier.head.texts, class_texts())


def test_classes_are_told_apart_by_the_nearest_text():
    classifier = net().eval()
    images = batch()[0]
    z = classifier.visual(images)
    expected = np.stack([cosines(z, class_texts()[k].expand_as(z)) for k in range(3)], axis=1)
    np.testing.assert_allclose(classifier(images).detach(), 100 * expected, rtol=1e-4, atol=1e-4)
    assert [name for name, _ in classifier.head.named_parameters()] == []
    assert "head.texts" in classifier.state_dict()


def test_texts_of_another_length_are_refused():
    with pytest.raises(ValueError, match="unit length"):
        TextHead(2 * class_texts(), 100.0)


@pytest.mark.parametrize("method", ["vl2v_sd", "clipood"])
def test_a_run_needs_texts_that_fit(method):
    assert torch.equal(begin(settings(method)).classifier.head.texts, class_texts())
    with pytest.raises(ValueError, match=rf"{method} needs the texts.*`texts`.*`prompts`"):
        begin(settings(method, texts=None))
    with pytest.raises(ValueError, match=r"\(3, 5\).*\(3, 6\)"):
        begin(settings(method, texts=class_texts(5)))
    with pytest.raises(ValueError, match=r"\(2, 6\)"):
        begin(settings(method, texts=class_texts()[:2]))
