"""Attn Tune: which parameters learn, in the towers that the configuration can name."""

import open_clip
import pytest
import timm
import torch
from torch import nn
from training_runs import ARCHITECTURE, AttentionTower, tower

from replidg.config.methods import Method
from replidg.methods.attn_tune import AttnTune
from replidg.methods.network import Classifier
from replidg.models.layers import freeze


def tuned(visual: nn.Module, dim: int) -> Classifier:
    classifier = Classifier(visual, dim, 3, True)
    AttnTune(classifier, Method(objective="attn_tune"), 32, [])
    return classifier


def learning(classifier: Classifier) -> set[str]:
    return {name for name, p in classifier.named_parameters() if p.requires_grad}


def test_in_open_clip_it_is_the_projections_of_every_block(tmp_path):
    vision = open_clip.model.CLIPVisionCfg(**ARCHITECTURE["vision_cfg"])
    visual = open_clip.model._build_vision_tower(16, vision)
    parts = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    blocks = [f"visual.transformer.resblocks.{block}.attn.{p}" for block in (0, 1) for p in parts]
    assert learning(tuned(visual, 16)) == {*blocks, "head.weight", "head.bias"}


def test_in_timm_it_is_the_same():
    visual = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=0, depth=1)
    parts = ("qkv.weight", "qkv.bias", "proj.weight", "proj.bias")
    wanted = {f"visual.blocks.0.attn.{part}" for part in parts}
    assert learning(tuned(visual, 192)) == {*wanted, "head.weight", "head.bias"}


def test_only_these_move():
    torch.manual_seed(0)
    classifier = tuned(AttentionTower(), 6).train()
    objective = AttnTune(classifier, Method(objective="attn_tune", lr=0.05), 16, [])
    before = {name: p.detach().clone() for name, p in classifier.named_parameters()}
    optimizer = torch.optim.Adam(objective.parameter_groups(classifier), weight_decay=0.1)
    for step in range(3):
        optimizer.zero_grad()
        data = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2] * 2), torch.zeros(6)
        objective.backward(classifier, *data, step)
        optimizer.step()
    moved = {n for n, p in classifier.named_parameters() if not torch.equal(p, before[n])}
    assert moved == learning(classifier)
    assert {name.split(".")[0] for name in moved} == {"visual", "head"}
    assert all("attn" in name for name in moved if name.startswith("visual"))


def test_a_tower_without_attention_is_an_error():
    with pytest.raises(ValueError, match=r"attn_tune.*'attn'.*ViT"):
        tuned(tower(), 6)


def test_frozen_attention_stays_frozen():
    visual = AttentionTower()
    freeze(visual, ["attn"])
    with pytest.raises(ValueError, match="fewer frozen_layers"):
        tuned(visual, 6)
