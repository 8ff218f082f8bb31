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


@pytest.mark.parametrize(
    ("prefix", "table"),
    [("", None), ("module.base_encoder.", "state_dict"), ("backbone.", "model")],
)
def test_a_checkpoint_that_the_user_has(tmp_path, prefix, table):
    """MoCo v3's names, timm's own; a head in the file is passed over."""
    torch.manual_seed(1)
    name = "efficientnet_lite0_stride16"
    source = timm.create_model(name, num_classes=0)
    state = {prefix + key: value for key, value in source.state_dict().items()}
    state[f"{prefix}head.0.weight"] = torch.zeros(2, 2)
    path = tmp_path / "own.pth"
    torch.save({table: state, "epoch": 3} if table else state, path)
    store.retrieve("m", TimmModel(source="timm", name=name, path=str(path)), tmp_path / "m")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(store.load(tmp_path / "m").visual(images), source.eval()(images))


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "own.pth"
    torch.save({"x": torch.zeros(1)}, path)
    config = TimmModel(source="timm", name="efficientnet_lite0_stride16", path=str(path))
    with pytest.raises(RuntimeError, match=r"models\.m: path: .*own\.pth has no blocks"):
        store.retrieve("m", config, tmp_path / "m")
    lost = config.model_copy(update={"path": str(tmp_path / "none.pth")})
    with pytest.raises(RuntimeError, match="there is no file"):
        store.retrieve("m", lost, tmp_path / "m")
