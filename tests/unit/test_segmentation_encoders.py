"""Stored towers as encoders: the same numbers, any size, what is frozen, CLIP's own space."""

import json

import pytest
import torch
from segmentor_parts import CROP, PROMPTS, small_plan, store_clip

from replidg.compat import prepare_mmseg

prepare_mmseg()

import timm  # noqa: E402

from replidg.config.inputs import TimmModel  # noqa: E402
from replidg.models import store  # noqa: E402
from replidg.segmentation import towers  # noqa: E402
from replidg.segmentation.build import build  # noqa: E402
from replidg.segmentation.encoder import TowerEncoder, cosines  # noqa: E402
from replidg.segmentation.language import TextEncoder  # noqa: E402


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {kind: store_clip(folder / kind, kind) for kind in ("vit", "cnn")}


def store_timm(folder, monkeypatch, name, seed=0, **args):
    """Store a timm tower at random weights, as `retrieve` does."""
    torch.manual_seed(seed)
    store.retrieve("m", TimmModel(source="timm", name=name, pretrained=False, **args), folder)
    return folder


def encoder_of(plan):
    return build(plan, load=True).backbone


def test_open_clips_own_vit_gives_the_same_image_embeddings(clips):
    """The renamed weights are right if the CLIP's embeddings come out of timm's tower."""
    images = torch.randn(2, 3, CROP, CROP)
    tower = towers.read_tower(clips["vit"])
    trunk = towers.build_trunk({"name": tower.name, "args": tower.args}, CROP, 0.0, True).eval()
    assert towers.load_trunk(trunk, tower, resize=True) == []
    pooled = trunk.norm(_tokens(trunk, images))[:, 0]
    with torch.no_grad():
        ours = pooled @ tower.projection["weight"].T
        theirs = store.load(clips["vit"]).visual(images)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def _tokens(trunk, images):
    """Tokens behind the last block, before the last norm, class token first."""
    with torch.no_grad():
        x = trunk.norm_pre(trunk._pos_embed(trunk.patch_embed(images)))
        for block in trunk.blocks:
            x = block(x)
    return x


def test_a_timm_trunk_gives_the_same_pooled_embedding(clips):
    images = torch.randn(2, 3, CROP, CROP)
    plan = small_plan(clips["cnn"], arm={"language": {"prompts": "p"}})
    encoder = encoder_of(plan).eval()
    with torch.no_grad():
        # Average pooling and a linear projection commute.
        ours = encoder.embed(encoder.encode_maps(images)[-1]).mean((2, 3))
        theirs = store.load(clips["cnn"]).visual(images)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_cosines_are_those_of_unit_vectors():
    pixels, texts = torch.randn(2, 5, 3, 4), torch.randn(7, 5)
    found = cosines(pixels, texts)
    expected = torch.nn.functional.cosine_similarity(
        pixels[:, None], texts[None, :, :, None, None], dim=2
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_what_the_patches_leave_over_is_not_looked_at(clips):
    encoder = encoder_of(small_plan(clips["vit"], scale={"crop": 36})).eval()
    images = torch.randn(1, 3, 36, 36)
    with torch.no_grad():
        whole, part = encoder.encode_maps(images), encoder.encode_maps(images[..., :32, :32])
    assert all(one.equal(other) for one, other in zip(whole, part, strict=True))


@pytest.mark.parametrize("size", [(32, 32), (48, 40), (24, 32)])
def test_maps_follow_the_size_of_the_image(clips, size):
    encoder = encoder_of(small_plan(clips["vit"])).eval()
    with torch.no_grad():
        maps = encoder(torch.randn(1, 3, *size))
    grid = [side // 8 for side in size]
    expected = [[int(side * scale) for side in grid] for scale in (4, 2, 1, 0.5)]
    assert [list(each.shape[2:]) for each in maps] == expected


def test_position_embeddings_are_resized_for_the_crop(clips):
    """A 48 pixel crop has 6 x 6 patches, the checkpoint 4 x 4: bicubic, the class token aside."""
    encoder = encoder_of(small_plan(clips["vit"], scale={"crop": 48, "train_size": (64, 48)}))
    own, stored = (
        encoder.trunk.pos_embed[0],
        towers.read_tower(clips["vit"]).weights["pos_embed"][0],
    )
    assert own.shape == (37, 64)
    torch.testing.assert_close(own[0], stored[0])
    grid = stored[1:].reshape(1, 4, 4, 64).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(
        grid, (6, 6), mode="bicubic", antialias=True, align_corners=False
    )
    torch.testing.assert_close(own[1:], expected.permute(0, 2, 3, 1).reshape(36, 64))


def test_position_embeddings_of_the_reimplementation_stay_random(clips):
    big = {"crop": 48, "train_size": (64, 48)}
    random = {"position_embedding": "random"}
    encoder = encoder_of(small_plan(clips["vit"], encoder=random, scale=big))
    assert encoder.trunk.pos_embed.std() < 0.025
    # Where the sizes fit, its loader takes the checkpoint's.
    fits = encoder_of(small_plan(clips["vit"], encoder=random))
    stored = towers.read_tower(clips["vit"]).weights["pos_embed"]
    torch.testing.assert_close(fits.trunk.pos_embed.detach(), stored)


@pytest.mark.parametrize("norm", ["kept", "dropped"])
def test_the_norm_after_attention_is_kept_or_dropped(tmp_path, monkeypatch, norm):
    name = "eva02_tiny_patch14_224"
    folder = store_timm(tmp_path / "vit_eva", monkeypatch, name, image_size=28)
    plan = small_plan(
        folder,
        encoder={"layers": [2, 5, 8, 11], "inner_attention_norm": norm},
        scale={"crop": 42, "train_size": (56, 42)},
    )
    plan = plan.model_copy(
        update={"tower": {**plan.tower, "name": "eva02_base_patch16_clip_224", "args": SMALL_EVA}}
    )
    segmentor = build(plan, load=False)
    names = [name for name, _ in segmentor.backbone.trunk.named_parameters()]
    assert any(".attn.norm." in name for name in names) == (norm == "kept")


#: An EVA-02-CLIP of 12 thin blocks.
SMALL_EVA = {"embed_dim": 32, "depth": 12, "num_heads": 2, "patch_size": 14}


def test_dropping_the_norm_passes_its_weights_over():
    tower = {"name": "eva02_base_patch16_clip_224", "args": SMALL_EVA}
    full = towers.build_trunk(tower, 28, 0.0, True)
    weights = {n: v for n, v in full.state_dict().items() if not n.startswith(("head", "rope"))}
    stored = towers.Tower(tower["name"], SMALL_EVA, weights, None)
    thin = towers.build_trunk(tower, 56, 0.0, False)
    spare = towers.load_trunk(thin, stored, resize=True)
    assert len(spare) == 24
    assert all(".attn.norm." in name for name in spare)
    assert thin.pos_embed.shape[1] == 17


def test_a_missing_tensor_is_an_error():
    tower = {"name": "eva02_base_patch16_clip_224", "args": SMALL_EVA}
    full = towers.build_trunk(tower, 28, 0.0, True)
    weights = {n: v for n, v in full.state_dict().items() if "blocks.3" not in n}
    with pytest.raises(ValueError, match=r"blocks\.3"):
        towers.load_trunk(full, towers.Tower(tower["name"], SMALL_EVA, weights, None), True)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("samvit_base_patch16", {"embed_dim": 32, "depth": 4, "num_heads": 2}),
        ("deit3_small_patch16_224", {"embed_dim": 32, "depth": 4, "num_heads": 2}),
        ("vit_small_patch16_224", {"embed_dim": 32, "depth": 4, "num_heads": 2}),
    ],
)
def test_every_family_of_towers_gives_maps_of_any_size(name, args):
    tower = {"name": name, "args": args, "grid": 4}
    encoder = TowerEncoder(tower, [0, 1, 2, 3], 64).eval()
    with torch.no_grad():
        for size in ((64, 64), (96, 48)):
            maps = encoder(torch.randn(1, 3, *size))
            assert [tuple(m.shape[1:]) for m in maps][2] == (32, size[0] // 16, size[1] // 16)


def test_the_papers_towers_are_in_timm():
    """Their names in config/full.yaml; weights are on a hub."""
    known = timm.list_models()
    for name in (
        "eva02_large_patch14_clip_224",
        "eva02_large_patch14_clip_336",
        "eva02_base_patch16_clip_224",
        "samvit_large_patch16",
        "deit3_large_patch16_224",
        "vit_large_patch16_224",
        "vit_base_patch16_clip_quickgelu_224",
    ):
        assert name in known


def trainable(encoder):
    return {name for name, p in encoder.trunk.named_parameters() if p.requires_grad}


def blocks_of(names):
    return {int(name.split(".")[1]) for name in names if name.startswith("blocks.")}


@pytest.mark.parametrize(
    ("arm", "blocks", "patches"),
    [
        ({}, {0, 1, 2, 3}, True),
        ({"frozen_first": 3}, {3}, False),
        ({"frozen_last": 3}, {0}, True),
        ({"frozen": "all"}, set(), False),
    ],
)
@pytest.mark.parametrize("load", [True, False])
def test_what_is_frozen(clips, arm, blocks, patches, load):
    encoder = build(small_plan(clips["vit"], arm=arm), load=load).backbone
    names = trainable(encoder)
    assert blocks_of(names) == blocks
    assert ("patch_embed.proj.weight" in names) == patches
    assert ("pos_embed" in names) == patches
    # The pyramid is new in every arm.
    assert all(p.requires_grad for p in encoder.pyramid.parameters())


def test_more_blocks_than_there_are_cannot_be_frozen(clips):
    with pytest.raises(ValueError, match="there are 4"):
        build(small_plan(clips["vit"], arm={"frozen_last": 5}), load=False)


def test_a_frozen_tower_drops_no_paths_and_keeps_its_statistics(clips):
    plan = small_plan(clips["cnn"], arm={"frozen": "all"}, encoder={"drop_path": 0.5})
    encoder = encoder_of(plan).train()
    images = torch.randn(2, 3, CROP, CROP)
    first, second = encoder(images)[-1], encoder(images)[-1]
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert not first.requires_grad


def test_class_texts_are_normalised_means_over_templates(clips):
    encoder = TextEncoder(clips["vit"])
    texts = encoder.of_prompts(PROMPTS)
    model = store.load(clips["vit"])
    tokens = model.tokenize(["a photo of a traffic light."])
    expected = torch.nn.functional.normalize(model.encode_text(tokens), dim=-1)[0]
    torch.testing.assert_close(texts[6], expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(texts.norm(dim=-1), torch.ones(19))


@pytest.mark.parametrize("kind", ["vit", "cnn"])
def test_learned_context_takes_the_place_of_its_tokens(clips, kind):
    """Context that is the embedding of "X" gives the text "X X X <name>"."""
    encoder = TextEncoder(clips[kind])
    token = encoder.tokenize(["X"])[0, 1]
    context = encoder.tower.token_embedding.weight[token].repeat(3, 1).clone().requires_grad_()
    found = encoder.with_context(context)
    expected = encoder.clip.encode_text(encoder.tokenize(["X X X road"]))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-5)
    found.sum().backward()
    assert context.grad.abs().sum() > 0
    assert all(p.grad is None for p in encoder.clip.parameters())


def test_stored_segmentors_name_what_they_are_made_of(clips):
    plan = small_plan(clips["vit"], arm={"language": {"prompts": "p", "context": 2}})
    again = type(plan).model_validate(json.loads(plan.model_dump_json()))
    assert again == plan
    assert plan.text_width == 32
    assert plan.projection == {"shape": [24, 64], "bias": False}
