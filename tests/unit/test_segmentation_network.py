"""Losses, costs, sliding window, deformable attention, parameter groups, learning rates."""

import math
from itertools import product

import pytest
import torch
from segmentor_parts import CROP, small_mask2former, small_plan, store_clip
from torch.nn import functional as F

from replidg.compat import prepare_mmseg

prepare_mmseg()

from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch  # noqa: E402
from mmengine.optim import PolyLR  # noqa: E402
from mmengine.structures import InstanceData, PixelData  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from replidg.config.vltseg_parts import Fpn  # noqa: E402
from replidg.segmentation.build import build  # noqa: E402
from replidg.segmentation.language import ptm_loss  # noqa: E402
from replidg.segmentation.mmengine_config import run_config  # noqa: E402
from replidg.segmentation.optim import SegmentorOptim, parameter_groups  # noqa: E402
from replidg.segmentation.registered import DEFORMABLE_ATTENTION  # noqa: E402


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {kind: store_clip(folder / kind, kind) for kind in ("vit", "cnn")}


def batch(height=CROP, width=CROP, labels=None):
    """Return images (2, 3, H, W) and samples as a data preprocessor gives them."""
    torch.manual_seed(3)
    samples = []
    for number in range(2):
        own = torch.randint(0, 4, (1, height, width)) if labels is None else labels[number][None]
        sample = SegDataSample(gt_sem_seg=PixelData(data=own))
        size = (height, width)
        sample.set_metainfo({"img_shape": size, "ori_shape": size, "pad_shape": size})
        samples.append(sample)
    return torch.randn(2, 3, height, width), samples


# --- losses and costs of Mask2Former ------------------------------------------------------------


def test_there_are_three_losses_a_prediction(clips):
    """Nine layers and the queries themselves: ten predictions, thirty terms (specification 2.2)."""
    segmentor = build(small_plan(clips["vit"], decoder=small_mask2former(decoder_layers=9)), True)
    losses = segmentor.loss(*batch())
    names = [name for name in losses if "loss" in name]
    assert len(names) == 30
    assert {name.rsplit("_", 1)[-1] for name in names} == {"cls", "mask", "dice"}


@pytest.fixture(scope="module")
def head(clips):
    return build(small_plan(clips["vit"], decoder=small_mask2former(points=4096)), True).decode_head


def test_hungarian_costs_equal_hand_values(head):
    """Two queries, two truths, three points: 2 cross-entropy, 5 pixel-wise, 5 dice."""
    classes = torch.randn(2, 20)
    masks = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 1.0, 1.0]])
    truth = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    labels = torch.tensor([4, 0])
    prediction = InstanceData(scores=classes, masks=masks)
    given = InstanceData(labels=labels, masks=truth)
    found = sum(cost(prediction, given, {}) for cost in head.assigner.match_costs)
    expected = torch.zeros(2, 2)
    for q in range(2):
        for t in range(2):
            p, y = masks[q].sigmoid(), truth[t]
            entropy = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
            dice = 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
            expected[q, t] = -2 * classes[q].softmax(0)[labels[t]] + 5 * entropy + 5 * dice
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_losses_equal_hand_values(head, monkeypatch):
    """One image whose only class is found by one query; every sampled point has the same value."""
    # At a mask's border a sampled point mixes in zeros: away from it.
    draw = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *size, **how: 0.25 + 0.5 * draw(*size, **how))
    logit, chance = 1.5, 1 / (1 + math.exp(-1.5))
    scores, masks = torch.zeros(1, 6, 20), torch.full((1, 6, 8, 8), -4.0)
    scores[0, 2, 7], masks[0, 2] = 3.0, logit
    truth = InstanceData(labels=torch.tensor([7]), masks=torch.ones(1, 8, 8).long())
    cls, mask, dice = head._loss_by_feat_single(scores, masks, [truth], [{}])
    weights = [0.1] * 6
    weights[2] = 1.0
    targets = torch.full((6,), 19)
    targets[2] = 7
    entropies = F.cross_entropy(scores[0], targets, reduction="none") * torch.tensor(weights)
    assert cls.item() == pytest.approx(2 * entropies.sum().item() / sum(weights), rel=1e-5)
    assert mask.item() == pytest.approx(5 * -math.log(chance), rel=1e-4)
    points = 4096
    expected = 5 * (1 - (2 * points * chance + 1) / (points * chance + points + 1))
    assert dice.item() == pytest.approx(expected, rel=1e-4)


def test_sampling_follows_the_configuration(head):
    assert (head.num_points, head.oversample_ratio, head.importance_sample_ratio) == (
        4096,
        3.0,
        0.75,
    )


# --- guidance by text ---------------------------------------------------------------------------


def test_ptm_loss_equals_hand_values():
    """One position, two classes, cosines 0.5 and 0.1, temperature 0.07, one ignored pixel."""
    scores = torch.tensor([0.5, 0.1]).reshape(1, 2, 1, 1)
    labels = torch.tensor([[[1, 255], [1, 0]]])
    first = math.log(1 + math.exp((0.1 - 0.5) / 0.07))
    second = math.log(1 + math.exp((0.5 - 0.1) / 0.07))
    expected = (first + 2 * second) / 3
    assert ptm_loss(scores, labels, 0.07).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["vit", "cnn"])
@pytest.mark.parametrize("context", [0, 3])
def test_guidance_adds_its_loss_and_its_scores(clips, kind, context):
    language = {"prompts": "p", "loss_weight": 0.7, "context": context}
    segmentor = build(small_plan(clips[kind], arm={"language": language}), True).train()
    images, samples = batch()
    features, scores = segmentor._features(images)
    assert scores.shape[1] == 19
    assert scores.abs().max() <= 1 + 1e-5
    level = features[2]
    torch.testing.assert_close(level[:, -19:], scores)
    losses = segmentor.loss(images, samples)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
    expected = 0.7 * ptm_loss(scores, labels, 0.07)
    torch.testing.assert_close(losses["language.loss_ptm"], expected)
    losses["language.loss_ptm"].backward()
    if context:
        assert segmentor.texts.context.grad.abs().sum() > 0
        before = segmentor.texts.texts.clone()
        with torch.no_grad():
            segmentor.texts.context.add_(1.0)
        segmentor.texts.keep()
        assert not torch.equal(segmentor.texts.texts, before)
    assert not any("transformer.resblocks" in name for name in segmentor.state_dict())


def test_without_weight_there_is_no_ptm_loss(clips):
    language = {"prompts": "p", "loss_weight": 0.0, "score_map": False}
    segmentor = build(small_plan(clips["cnn"], arm={"language": language}), True)
    assert "language.loss_ptm" not in segmentor.loss(*batch())


# --- sliding window (mmsegmentation, issue 3666) ------------------------------------------------


@pytest.mark.parametrize("decoder", [small_mask2former(), Fpn(kind="fpn", channels=16)])
@pytest.mark.parametrize("kind", ["vit", "cnn"])
def test_one_window_is_the_whole_image(clips, decoder, kind):
    segmentor = build(small_plan(clips[kind], decoder=decoder), True).eval()
    images, samples = batch()
    metas = [sample.metainfo for sample in samples]
    with torch.no_grad():
        slid = segmentor.slide_inference(images, [dict(meta) for meta in metas])
        whole = segmentor.whole_inference(images, metas)
    assert slid.shape == (2, 19, CROP, CROP)
    torch.testing.assert_close(slid, whole)


@pytest.mark.parametrize("decoder", [small_mask2former(), Fpn(kind="fpn", channels=16)])
def test_windows_are_averaged_where_they_overlap(clips, decoder):
    """A wide image: windows at 0, 24 and the right edge, each seen whole, divided by the count."""
    segmentor = build(small_plan(clips["vit"], decoder=decoder), True).eval()
    images, samples = batch(CROP, 66)
    total, count = torch.zeros(2, 19, CROP, 66), torch.zeros(66)
    with torch.no_grad():
        for left in (0, 24, 66 - CROP):
            part = slice(left, left + CROP)
            metas = [dict(sample.metainfo) for sample in samples]
            total[..., part] += segmentor.whole_inference(images[..., part], metas)
            count[part] += 1
        found = segmentor.slide_inference(images, [dict(s.metainfo) for s in samples])
    torch.testing.assert_close(found, total / count)


def test_predictions_have_the_size_of_the_labels(clips):
    segmentor = build(small_plan(clips["vit"]), True).eval()
    images, samples = batch(40, 66)
    for sample in samples:
        sample.set_metainfo({"ori_shape": (80, 132), "padding_size": [0, 0, 0, 0]})
    with torch.no_grad():
        found = segmentor.predict(images, samples)
    assert found[0].pred_sem_seg.data.shape == (1, 80, 132)
    assert found[0].seg_logits.data.shape == (19, 80, 132)


# --- multi-scale deformable attention -----------------------------------------------------------


def attended_by_loops(value, shapes, places, weights):
    """Deformable attention (arXiv 2010.04159, eq. 3) one sample at a time: bilinear, 0 outside."""
    batch_size, _, heads, width = value.shape
    _, queries, _, _, points, _ = places.shape
    out = torch.zeros(batch_size, queries, heads, width, dtype=value.dtype)
    starts = [0]
    for high, wide in shapes:
        starts.append(starts[-1] + high * wide)
    for b, q, h in product(range(batch_size), range(queries), range(heads)):
        for level, (high, wide) in enumerate(shapes):
            grid = value[b, starts[level] : starts[level + 1], h].reshape(high, wide, width)
            for p in range(points):
                x = places[b, q, h, level, p, 0].item() * wide - 0.5
                y = places[b, q, h, level, p, 1].item() * high - 0.5
                left, top = math.floor(x), math.floor(y)
                for row in (top, top + 1):
                    for column in (left, left + 1):
                        if 0 <= row < high and 0 <= column < wide:
                            share = (1 - abs(x - column)) * (1 - abs(y - row))
                            weight = weights[b, q, h, level, p]
                            out[b, q, h] += weight * share * grid[row, column]
    return out.reshape(batch_size, queries, heads * width)


def attention_case(device="cpu", dtype=torch.float64):
    torch.manual_seed(0)
    shapes = [(5, 7), (3, 4)]
    value = torch.randn(2, 35 + 12, 3, 4, dtype=dtype, device=device)
    # Some places lie outside the map.
    places = torch.rand(2, 6, 3, 2, 4, 2, dtype=dtype, device=device) * 1.4 - 0.2
    weights = torch.rand(2, 6, 3, 2, 4, dtype=dtype, device=device)
    weights /= weights.sum((-1, -2), keepdim=True)
    return value, shapes, places, weights


def test_the_pytorch_path_of_deformable_attention_equals_loops():
    value, shapes, places, weights = attention_case()
    found = multi_scale_deformable_attn_pytorch(value, torch.tensor(shapes), places, weights)
    expected = attended_by_loops(value, shapes, places, weights)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(
    DEFORMABLE_ATTENTION != "compiled" or not torch.cuda.is_available(),
    reason="needs mmcv's compiled op and a GPU",
)
def test_the_compiled_path_of_deformable_attention_equals_loops():
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

    value, shapes, places, weights = attention_case("cuda", torch.float32)
    sizes = torch.tensor(shapes, device="cuda")
    starts = torch.tensor([0, 35], device="cuda")
    found = MultiScaleDeformableAttnFunction.apply(value, sizes, starts, places, weights, 64)
    expected = attended_by_loops(value.cpu(), shapes, places.cpu(), weights.cpu())
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-5)


# --- parameter groups and learning rates --------------------------------------------------------


def grouped(segmentor):
    names = {id(p): name for name, p in segmentor.named_parameters()}
    groups = parameter_groups(segmentor, 1e-4, 0.1, 0.05)
    return {
        group["name"]: (group["lr"], group["weight_decay"], {names[id(p)] for p in group["params"]})
        for group in groups
    }


def test_parameter_groups_are_those_of_the_reimplementation(clips):
    """Specification 2.3: four groups of rate and decay, and what surprises in each."""
    segmentor = build(small_plan(clips["vit"]), True)
    groups = grouped(segmentor)
    assert {name: (lr, wd) for name, (lr, wd, _) in groups.items()} == {
        "decoder": (1e-4, 0.05),
        "decoder, not decayed": (1e-4, 0.0),
        "encoder": (pytest.approx(1e-5), 0.05),
        "encoder, not decayed": (pytest.approx(1e-5), 0.0),
    }
    every = [names for _, _, names in groups.values()]
    assert sum(map(len, every)) == len(list(segmentor.parameters()))
    calm = groups["encoder, not decayed"][2]
    assert calm == {"backbone.trunk.pos_embed"} | {
        f"backbone.trunk.blocks.{block}.{norm}.{part}"
        for block in range(4)
        for norm in ("norm1", "norm2")
        for part in ("weight", "bias")
    }
    encoder = groups["encoder"][2]
    assert "backbone.trunk.cls_token" in encoder
    assert "backbone.pyramid.0.0.weight" in encoder
    assert "backbone.pyramid.0.1.weight" in encoder
    assert "backbone.trunk.blocks.0.attn.qkv.bias" in encoder
    still = groups["decoder, not decayed"][2]
    assert {f"decode_head.{n}.weight" for n in ("query_embed", "query_feat", "level_embed")} < still
    assert any(".norms." in name for name in still)
    assert "decode_head.pixel_decoder.level_encoding.weight" in groups["decoder"][2]


def test_frozen_parameters_are_in_no_group(clips):
    segmentor = build(small_plan(clips["vit"], arm={"frozen": "all"}), True)
    encoder = grouped(segmentor)["encoder"][2]
    assert all(name.startswith("backbone.pyramid") for name in encoder)


def test_the_learning_rate_is_constant_then_polynomial(clips, tmp_path):
    """Poly 0.9 from step 500 to the last; each group from its own rate (specification 2.3)."""
    steps, begin = 2000, 500
    plan = small_plan(
        clips["vit"], scale={"iterations": steps}, training={"constant_iterations": begin}
    )
    config = run_config(plan, [], tmp_path)
    segmentor = build(plan, True)
    wrapper = SegmentorOptim(
        {key: config["optim_wrapper"][key] for key in ("optimizer", "clip_grad")},
        config["optim_wrapper"]["paramwise_cfg"],
    )(segmentor)
    assert wrapper.clip_grad_kwargs == {"max_norm": 0.01, "norm_type": 2}
    assert wrapper.optimizer.defaults["betas"] == (0.9, 0.999)
    own = {key: config["param_scheduler"][0][key] for key in ("power", "eta_min", "begin", "end")}
    schedule = PolyLR(wrapper.optimizer, by_epoch=False, **own)
    for step in range(steps):
        if step % 250 == 0 or step == steps - 1:
            # mmengine counts so that the last step's rate is 0.
            share = max(0, step - begin) / (steps - begin - 1)
            for group in wrapper.optimizer.param_groups:
                base = 1e-4 if group["name"].startswith("decoder") else 1e-5
                assert group["lr"] == pytest.approx(base * (1 - share) ** 0.9, rel=1e-4, abs=1e-12)
        wrapper.optimizer.step()
        schedule.step()
