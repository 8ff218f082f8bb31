"""Stored models and embeddings: keys, resumption, and values against plain loops."""

import json
import logging
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from torch import nn
from torchvision import transforms as T

from replidg.config.inputs import Embedding, OpenClipModel, Preprocessing, Prompts, TimmModel
from replidg.data.embeddings import EmbeddingError, index_hash, read
from replidg.data.images import ImageError, InputSpec
from replidg.models import embed, store
from replidg.models.store import Backbone, needs_quick_gelu, save_open_clip
from replidg.seeds import seed_of, seeded

SPEC = InputSpec(16, "crop", "bicubic", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
ARCHITECTURE = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
    },
}  # fmt: skip
OWN = Preprocessing(resize="model")
BUDGET = Embedding(batch_size=2, shard_size=4)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ids = [f"photo/c/{number}.png" for number in range(10)]
    (root / "photo" / "c").mkdir(parents=True)
    for image_id in ids:
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / image_id)
    paths = [str(root / image_id) for image_id in ids]
    return pd.DataFrame({"image_id": ids, "path": paths, "label": 0, "bytes": 100})


class Counting(nn.Module):
    """A tower that counts the images it has seen."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.Flatten(), nn.Linear(64, 5))
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return self.inner(images)


def backbone(**changes) -> Backbone:
    values = {"weights_sha256": "a" * 64} | changes
    return Backbone(Counting().eval(), None, None, SPEC, 5, **values)


def run(own: Backbone, index, folder: Path, preprocessing=OWN, budget=BUDGET) -> Path:
    out = folder / "images.safetensors"
    embed.embed_images(own, index, preprocessing, budget, False, out, folder / "checkpoints")
    return out


def key_of(path: Path) -> str:
    with safe_open(path, framework="np") as file:
        return json.dumps(json.loads(file.metadata()["replidg"])["key"], sort_keys=True)


def by_loop(visual: nn.Module, paths, transform) -> np.ndarray:
    """Embed one image after the other with torchvision's transforms."""
    with torch.inference_mode():
        images = (transform(Image.open(path).convert("RGB")) for path in paths)
        return torch.cat([visual(image[None]) for image in images]).numpy()


TRANSFORM = T.Compose(
    [
        T.Resize(16, T.InterpolationMode.BICUBIC),
        T.CenterCrop(16),
        T.ToTensor(),
        T.Normalize(SPEC.mean, SPEC.std),
    ]
)


# --- images ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shard_size", [1, 3, 10, 99])
def test_embeddings_are_those_of_a_plain_loop(shard_size, index, tmp_path):
    own = backbone()
    out = run(own, index, tmp_path, budget=Embedding(batch_size=3, shard_size=shard_size))
    values = read(out, index["image_id"].tolist())
    expected = by_loop(own.visual.inner, index["path"], TRANSFORM)
    assert values.shape == (10, 5) and values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=2e-3)
    with safe_open(out, framework="np") as file:
        assert file.get_tensor("embeddings").dtype == np.float16
    assert json.loads(key_of(out))["weights"] == "a" * 64
    assert not list((tmp_path / "checkpoints" / "embed").iterdir())


def test_equal_runs_write_equal_bytes(index, tmp_path):
    files = [run(backbone(), index, tmp_path / str(number)) for number in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_channels_last_gives_the_same(index, tmp_path):
    plain = read(run(backbone(), index, tmp_path))
    out = tmp_path / "last.safetensors"
    embed.embed_images(backbone(), index, OWN, BUDGET, True, out, tmp_path / "checkpoints")
    np.testing.assert_allclose(read(out), plain, rtol=2e-3, atol=2e-3)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def kill_after(own: Backbone, images: int) -> None:
    def check(module, _):
        if module.seen >= images:
            raise Killed

    own.visual.register_forward_pre_hook(check)


def killed(index, folder: Path, images: int = 8, **changes) -> list[Path]:
    """Embed until `images` images are done; returns the shards that are left."""
    own = backbone(**changes)
    kill_after(own, images)
    with pytest.raises(Killed):
        run(own, index, folder)
    assert not (folder / "images.safetensors").exists()
    return sorted((folder / "checkpoints" / "embed").glob("*/*"))


def test_a_killed_job_goes_on_behind_the_last_whole_shard(index, tmp_path):
    assert [path.name for path in killed(index, tmp_path)] == [
        "000000000.safetensors", "000000004.safetensors",
    ]  # fmt: skip
    own = backbone()
    values = read(run(own, index, tmp_path))
    assert own.visual.seen == 2
    other = tmp_path / "unbroken"
    np.testing.assert_array_equal(values, read(run(backbone(), index, other)))


@pytest.mark.parametrize("damage", ["half", "empty", "rows"])
def test_a_damaged_shard_is_never_read(damage, index, tmp_path, caplog):
    first, second = killed(index, tmp_path)
    content = second.read_bytes()
    if damage == "rows":
        embed.save_file({"embeddings": torch.zeros(3, 5, dtype=torch.float16)}, second)
    else:
        second.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    own = backbone()
    with caplog.at_level(logging.WARNING):
        values = read(run(own, index, tmp_path))
    assert own.visual.seen == 6
    np.testing.assert_array_equal(values, read(run(backbone(), index, tmp_path / "unbroken")))
    if damage != "rows":
        assert f"{second} is damaged" in caplog.text
    assert not first.exists()


def test_shards_of_other_weights_input_or_images_are_never_read(index, tmp_path):
    killed(index, tmp_path)
    for changes in (
        {"own": backbone(weights_sha256="b" * 64)},
        {"preprocessing": Preprocessing(resize="squash")},
        {"preprocessing": Preprocessing(resize="model", normalise="clip")},
        {"index": index.assign(bytes=101)},
        {"budget": Embedding(batch_size=2, shard_size=5)},
    ):
        call = {"own": backbone(), "index": index, "folder": tmp_path} | changes
        run(**call)
        assert call["own"].visual.seen == 10, changes


def test_key_names_everything_the_values_depend_on(index, tmp_path):
    numbers = iter(range(99))

    def key(**changes):
        call = {"own": backbone(), "index": index, "folder": tmp_path / str(next(numbers))}
        return key_of(run(**(call | changes)))

    base = key()
    assert key() == base
    assert key(budget=Embedding(batch_size=5, shard_size=3)) == base  # no effect on the result
    others = [
        key(own=backbone(weights_sha256="b" * 64)),
        key(preprocessing=Preprocessing(resize="squash")),
        key(preprocessing=Preprocessing(resize="model", normalise="imagenet")),
        key(index=index.iloc[:9]),
        key(index=index.iloc[::-1]),
        key(index=index.assign(bytes=[*range(9), 7])),
    ]
    assert len({base, *others}) == len(others) + 1


def test_index_hash_ignores_columns_that_do_not_change_pixels(index):
    assert index_hash(index.assign(label=1)) == index_hash(index)
    assert index_hash(index.drop(columns="bytes")) != index_hash(index)


def test_undecodable_image_keeps_the_shards_before_it(index, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(Path(index["path"][9]).read_bytes()[:80])
    broken = index.copy()
    broken.loc[9, "path"] = str(bad)
    with pytest.raises(ImageError, match=r"bad\.png"):
        run(backbone(), broken, tmp_path)
    own = backbone()
    run(own, index, tmp_path)  # the image is restored
    assert own.visual.seen == 2


def test_read_refuses_other_rows(index, tmp_path):
    out = run(backbone(), index, tmp_path)
    ids = index["image_id"].tolist()
    for wrong in (ids[::-1], ids[:-1], [*ids, "photo/c/new.png"]):
        with pytest.raises(EmbeddingError, match="rows do not match"):
            read(out, wrong)


# --- models ------------------------------------------------------------------------------------


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


# --- texts -------------------------------------------------------------------------------------


class FakeText:
    """Encodes a text as a vector that depends on the text; remembers the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tokenize(self, texts: list[str]) -> torch.Tensor:
        self.texts += texts
        return torch.tensor([[len(text), sum(map(ord, text))] for text in texts])

    def encode(self, tokens: torch.Tensor) -> torch.Tensor:
        numbers = tokens.double()
        return torch.stack([numbers[:, 0], numbers[:, 1].sqrt(), 1 + numbers[:, 0] % 5], 1).float()


def test_templates_are_averaged_as_unit_vectors(tmp_path):
    text = FakeText()
    own = Backbone(nn.Identity(), text.encode, text.tokenize, SPEC, 3, "a" * 64)
    prompts = Prompts(templates=["a photo of a {}", "{}!"], class_names="spaces")
    embed.embed_texts(own, ["cat", "alarm_clock"], prompts, tmp_path / "t.safetensors")
    assert text.texts == ["a photo of a cat", "cat!", "a photo of a alarm clock", "alarm clock!"]
    expected = []
    for name in ("cat", "alarm clock"):
        each = [f"a photo of a {name}", f"{name}!"]
        vectors = text.encode(FakeText().tokenize(each)).numpy()
        mean = sum(vector / np.linalg.norm(vector) for vector in vectors) / 2
        expected.append(mean / np.linalg.norm(mean))
    values = read(tmp_path / "t.safetensors", ["cat", "alarm_clock"])
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_raw_class_names_keep_their_underscores(tmp_path):
    text = FakeText()
    own = Backbone(nn.Identity(), text.encode, text.tokenize, SPEC, 3, "a" * 64)
    prompts = Prompts(templates=["A photo of {}."], class_names="raw")
    embed.embed_texts(own, ["Alarm_Clock"], prompts, tmp_path / "t.safetensors")
    assert text.texts == ["A photo of Alarm_Clock."]


def test_text_key_depends_on_weights_and_prompts(clip_folder, tmp_path):
    own = store.load(clip_folder)

    def key(prompts):
        embed.embed_texts(own, ["cat", "dog"], prompts, tmp_path / "t.safetensors")
        return key_of(tmp_path / "t.safetensors")

    base = key(Prompts(templates=["a {}"]))
    assert key(Prompts(templates=["a {}"])) == base
    assert key(Prompts(templates=["a {}"], class_names="raw")) != base
    assert key(Prompts(templates=["the {}"])) != base
    own.weights_sha256 = "b" * 64
    assert key(Prompts(templates=["a {}"])) != base
    norms = np.linalg.norm(read(tmp_path / "t.safetensors"), axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-5)


def test_weights_that_start_at_random_are_the_same_each_time(tmp_path):
    model = TimmModel(source="timm", name="resnet10t", pretrained=False)
    hashes = set()
    for place in ("one", "two"):
        torch.manual_seed(len(hashes))  # whatever was drawn before
        (tmp_path / place).mkdir()
        store.retrieve("new", model, tmp_path / place)
        hashes.add(json.loads((tmp_path / place / "model.json").read_text())["weights_sha256"])
    assert len(hashes) == 1
