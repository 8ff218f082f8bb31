"""Stored models: the towers that their makers meant, with their input."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
from embed_runs import OWN, SPEC, by_loop, run
from training_runs import ARCHITECTURE

from replidg.config.inputs import OpenClipModel, Preprocessing, Prompts, TimmModel
from replidg.data.embeddings import EmbeddingError, read
from replidg.data.images import InputSpec
from replidg.models import embed, store
from replidg.models.store import needs_quick_gelu, save_open_clip
from replidg.seeds import seed_of, seeded


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": ARCHITECTURE, "preprocess_cfg": {"mean": [0.1, 0.2, 0.3]}})
    )
    torch.manual_seed(0)
    save_open_clip(folder, open_clip.create_model(f"local-dir:{folder}"), ARCHITECTURE)
    return folder


def test_open_clip_round_trip(clip_folder):
    own = store.load(clip_folder)
    peer, _, _ = open_clip.create_model_and_transforms(f"local-dir:{clip_folder}")
    images = torch.randn(2, 3, 32, 32)
    tokens = own.tokenize(["a cat", "two dogs"])
    assert tokens.shape == (2, 8)
    with torch.inference_mode():
        assert torch.equal(own.visual(images), peer.eval().encode_image(images))
        assert torch.equal(own.encode_text(tokens), peer.encode_text(tokens))
    assert own.dim == 16 and own.spec.size == 32 and own.spec.mean == (0.1, 0.2, 0.3)
    facts = json.loads((clip_folder / "model.json").read_text())
    assert facts["kind"] == "open_clip" and own.weights_sha256 == facts["weights_sha256"]
    # Written weights are what torch says they are, and the model comes in evaluation mode.
    assert facts["values"] == sum(value.numel() for value in peer.state_dict().values())
    assert not own.visual.training


def test_own_transform_is_open_clips(clip_folder, index, tmp_path):
    own = store.load(clip_folder)
    _, _, transform = open_clip.create_model_and_transforms(f"local-dir:{clip_folder}")
    values = read(run(own, index, tmp_path))
    expected = by_loop(own.visual, index["path"], transform)
    # open_clip's transform goes through the same pixels; float16 keeps three digits.
    np.testing.assert_allclose(values, expected, rtol=5e-3, atol=5e-3)


def test_timm_model_with_random_weights(index, tmp_path):
    model = TimmModel(source="timm", name="resnet10t", pretrained=False)
    store.retrieve("small", model, tmp_path / "model")
    own = store.load(tmp_path / "model")
    assert own.encode_text is None and own.dim == 512
    with seeded(seed_of(0, "initial weights", "resnet10t")):
        peer = timm.create_model("resnet10t", pretrained=False, num_classes=0).eval()
    config = timm.data.resolve_model_data_config(peer)
    transform = timm.data.create_transform(**config)
    few = index.iloc[:3]
    expected = by_loop(peer, few["path"], transform)
    values = read(run(own, few, tmp_path))
    np.testing.assert_allclose(values, expected, rtol=2e-2, atol=2e-2 * np.abs(expected).max())
    with pytest.raises(EmbeddingError, match="no text tower"):
        embed.embed_texts(own, ["cat"], Prompts(templates=["{}"]), tmp_path / "t.safetensors")


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet10t"])
def test_timm_image_size(tmp_path, name):
    model = TimmModel(source="timm", name=name, pretrained=False, image_size=32)
    store.retrieve("small", model, tmp_path)
    own = store.load(tmp_path)
    assert own.spec.size == 32
    with torch.inference_mode():
        assert own.visual(torch.zeros(1, 3, 32, 32)).shape == (1, own.dim)


def test_open_clip_architecture_with_a_local_checkpoint(tmp_path, monkeypatch):
    # A small architecture under a name, as open_clip's own are.
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny-test.json").write_text(json.dumps(ARCHITECTURE))
    open_clip.add_model_config(tmp_path / "configs" / "tiny-test.json")
    torch.manual_seed(5)
    peer = open_clip.create_model("tiny-test").eval()
    checkpoint = tmp_path / "weights.pt"
    torch.save(peer.state_dict(), checkpoint)
    model = OpenClipModel(source="open_clip", name="tiny-test", pretrained=str(checkpoint))
    store.retrieve("tiny", model, tmp_path / "model")
    own = store.load(tmp_path / "model")
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(own.visual(images), peer.encode_image(images))
    assert own.spec.mean == open_clip.OPENAI_DATASET_MEAN


def test_a_checkpoint_that_is_not_there_says_what_to_do(tmp_path):
    model = OpenClipModel(source="open_clip", name="ViT-B-32", pretrained="/none/weights.pt")
    with pytest.raises(RuntimeError, match=r"models\.big: .*models\.big\.pretrained.*HF_HOME"):
        store.retrieve("big", model, tmp_path / "model")
    assert not (tmp_path / "model" / "model.json").exists()


def test_quick_gelu():
    assert needs_quick_gelu("ViT-B-16", "openai") is True
    assert needs_quick_gelu("ViT-B-16", "laion400m_e32") is False
    assert needs_quick_gelu("ViT-B-16", "") is False
    assert needs_quick_gelu("ViT-B-16", "/some/file.pt") is False


def test_quick_gelu_is_used_and_stored(tmp_path, monkeypatch):
    (tmp_path / "tiny-gelu.json").write_text(json.dumps(ARCHITECTURE))
    open_clip.add_model_config(tmp_path / "tiny-gelu.json")
    monkeypatch.setattr(store, "needs_quick_gelu", lambda name, tag: True)
    model = OpenClipModel(source="open_clip", name="tiny-gelu")
    store.retrieve("tiny", model, tmp_path / "model")
    stored = json.loads((tmp_path / "model" / "open_clip_config.json").read_text())
    assert stored["model_cfg"]["quick_gelu"] is True
    kinds = {type(m).__name__ for m in store.load(tmp_path / "model").visual.modules()}
    assert "QuickGELU" in kinds and "GELU" not in kinds
    assert "quick_gelu" not in open_clip.get_model_config("tiny-gelu")


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        (OWN, SPEC),
        (Preprocessing(resize="squash"), SPEC._replace(resize="squash", interpolation="bilinear")),
        (
            Preprocessing(resize="squash", normalise="imagenet"),
            InputSpec(16, "squash", "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ),
        (
            Preprocessing(resize="crop", normalise="clip"),
            InputSpec(
                16, "crop", "bicubic",
                (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711),
            ),
        ),
    ],
)  # fmt: skip
def test_input_spec(preprocessing, expected):
    assert store.input_spec(SPEC, preprocessing) == expected


def test_weights_that_start_at_random_are_the_same_each_time(tmp_path):
    model = TimmModel(source="timm", name="resnet10t", pretrained=False)
    hashes = set()
    for place in ("one", "two"):
        torch.manual_seed(len(hashes))  # whatever was drawn before
        (tmp_path / place).mkdir()
        store.retrieve("new", model, tmp_path / place)
        hashes.add(json.loads((tmp_path / place / "model.json").read_text())["weights_sha256"])
    assert len(hashes) == 1
