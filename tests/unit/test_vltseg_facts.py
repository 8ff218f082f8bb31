"""What the numbers know of the configuration: pre-trainings, arms, options."""

from pathlib import Path

import pytest
import yaml

from replidg.config import load, vltseg_facts
from replidg.config.provides import provided
from replidg.metrics.vltseg import Arm, Source
from replidg.reporting.vltseg_names import Options

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"source": "timm", "name": "eva02_large_patch14_clip_224"}, "vision_language"),
        ({"source": "timm", "name": "vit_base_patch16_siglip_224"}, "vision_language"),
        ({"source": "timm", "name": "deit3_large_patch16_224.fb_in22k_ft_in1k"}, "vision"),
        ({"source": "timm", "name": "samvit_large_patch16.sa1b"}, "vision"),
        ({"source": "timm", "name": "eva02_large_patch14_clip_224", "pretrained": False}, "none"),
        ({"source": "open_clip", "name": "ViT-L-14", "pretrained": "openai"}, "vision_language"),
    ],
)
def test_pretraining_is_told_by_the_model(demo, model, expected):
    config = load(demo)
    name = config.vltseg.encoders["imagenet"].model
    kind = type(config.models[name]) if model["source"] == "timm" else None
    if kind is None:
        from replidg.config.inputs import OpenClipModel as kind
    config.models[name] = kind(**model)
    assert vltseg_facts.pretraining(config, "imagenet") == expected
    own = config.vltseg.encoders["imagenet"].model_copy(update={"pretraining": "none"})
    config.vltseg.encoders["imagenet"] = own
    assert vltseg_facts.pretraining(config, "imagenet") == "none"


def test_arms_and_sources_are_what_the_metrics_take(demo):
    config = load(demo)
    options = Options(**vltseg_facts.options(config))
    arms, sources = options.networks(), options.origins()
    assert all(isinstance(arm, Arm) for arm in arms.values())
    assert all(isinstance(source, Source) for source in sources.values())
    assert arms["clip"].pretraining == "vision_language" and not arms["clip"].frozen
    assert arms["clip_frozen"].frozen and arms["scratch"].pretraining == "none"
    assert arms["imagenet"].pretraining == "vision"
    assert arms["clip_first2"].extra["trained"] == "all but the first 2"
    assert arms["clip_ptm"].extra["language"].startswith("λ = 0.4")
    assert set(options.texts) >= {arms["clip_ptm"].extra["prompts"]}


def test_a_stand_in_under_another_name_is_its_page(demo):
    changed = yaml.safe_load(yaml.safe_dump(demo))
    changed["datasets"]["mine"] = {**changed["datasets"]["acdc"], "registry": "acdc"}
    paper = changed["vltseg"]
    paper["targets"] = ["cityscapes", "mine"]
    paper["panels"]["images"] = {"mine": 1}
    found = provided(load(changed))
    assert {"vltseg:panels:acdc", "vltseg:conditions"} <= found
    assert "vltseg:panels:cityscapes" not in found
