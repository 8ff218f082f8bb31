"""Weights of torchvision and of the demo's tower under timm's names: the same outputs."""

import pytest
import timm
import torch
from torchvision.models import vit_b_32

from replidg.config.inputs import TimmModel
from replidg.models import foreign, store


@pytest.fixture
def theirs(monkeypatch):
    """torchvision's model with random weights in place of the download."""
    torch.manual_seed(0)
    model = vit_b_32(weights=None).eval()
    monkeypatch.setattr("torchvision.models.get_model", lambda name, weights: model)
    return model


def test_a_converted_vit_gives_the_same_features(theirs, tmp_path):
    config = TimmModel(source="timm", name="vit_base_patch32_224", weights="torchvision")
    store.retrieve("imagenet_vit_b32", config, tmp_path)
    backbone = store.load(tmp_path)
    assert (backbone.dim, backbone.clip, backbone.encode_text) == (768, None, None)
    assert backbone.spec.mean == pytest.approx((0.485, 0.456, 0.406))
    assert (backbone.spec.size, backbone.spec.crop_share) == (224, 1.0)
    assert backbone.spec.interpolation == "bicubic"
    images = torch.randn(2, 3, 224, 224)
    theirs.heads = torch.nn.Identity()
    with torch.inference_mode():
        assert torch.allclose(backbone.visual(images), theirs(images), atol=1e-4)


def test_every_parameter_finds_its_place(theirs):
    converted = foreign.from_torchvision(theirs.state_dict())
    own = timm.create_model("vit_base_patch32_224", num_classes=0).state_dict()
    assert {name: t.shape for name, t in converted.items()} == {n: t.shape for n, t in own.items()}
    with pytest.raises(ValueError, match="neck"):
        foreign.from_torchvision({"neck.weight": torch.zeros(1)})


def test_weights_that_do_not_fit_are_refused(tmp_path):
    for weights in ("torchvision", "efficientnet_lite0"):
        config = TimmModel(source="timm", name="resnet10t", weights=weights)
        with pytest.raises(RuntimeError, match="resnet10t"):
            store.retrieve("wrong", config, tmp_path)


def test_the_demos_tower_has_imagenet_weights(tmp_path):
    name = "efficientnet_lite0_stride16"
    config = TimmModel(source="timm", name=name, weights="efficientnet_lite0")
    store.retrieve("lite", config, tmp_path)
    backbone = store.load(tmp_path)
    reference = timm.create_model(name, num_classes=0).eval()
    foreign.imagenet_init(reference)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(backbone.visual(images), reference(images))
    assert backbone.spec.mean == (0.5, 0.5, 0.5)
