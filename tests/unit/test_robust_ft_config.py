"""The robust fine-tuning paper's part of the configuration."""

from pathlib import Path

import pytest
import yaml

from replidg.config.check import ConfigError, load
from replidg.config.merge import merge
from replidg.config.provides import contrastive_arms, frozen_arms, provided

ROOT = Path(__file__).parents[2]


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text())


DEMO = read("config.yaml")
FULL = merge(DEMO, read("config/full.yaml"))


def test_the_full_scale_is_the_papers():
    paper = load(FULL).robust_ft
    assert paper.fractions == [0.03, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
    assert paper.rates == [1e-2, 1e-3, 1e-4, 1e-5] and paper.seeds == [0, 1, 2]
    budget = paper.training
    assert (budget.epochs, budget.batch_size, budget.weight_decay) == (20, 128, 1e-4)
    assert (budget.step_epochs, budget.gamma) == (15, 0.1)
    assert (budget.swa_epochs, budget.swa_lr, budget.swa_anneal_epochs) == (10, 1e-4, 10)
    assert (budget.sampling, budget.augment) == ("group_uniform", "before_resize")
    assert (budget.flip, budget.jitter, budget.rotation) == (0.5, 0.1, 2)
    assert not any(arm.frozen_layers for name, arm in paper.arms.items() if "last" not in name)
    assert not any(arm.datasets or arm.rates or arm.fractions for arm in paper.arms.values())
    assert {name: s.prompts for name, s in paper.datasets.items()} == {
        "fmow": "listed",
        "iwildcam": "listed",
    }


def test_what_it_provides():
    config = load(DEMO)
    assert contrastive_arms(config) == ["clip_contrastive"]
    assert frozen_arms(config) == ["clip_image_tower"]
    mine = {name for name in provided(config) if name.startswith("robust_ft")}
    parts = ("fmow", "iwildcam", "contrastive", "frozen", "interpolation")
    assert mine == {"robust_ft", *(f"robust_ft:{part}" for part in parts)}
    without = load({key: value for key, value in DEMO.items() if key != "robust_ft"})
    assert not any(name.startswith("robust_ft") for name in provided(without))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fractions": [0.0, 0.1]}, "fractions must be above 0"),
        ({"splits": ["train", "val"]}, "id_test and test"),
        ({"clip": {"model": "tiny_clap"}}, "'tiny_clap' is not defined"),
        ({"clip": {"model": "lite_imagenet"}}, "vision-only model"),
        ({"arms": {"clip_e2e": {"swa": True}}}, "give another arm another name"),
        ({"arms": {"zero_shot": {"tower": "vision"}}}, "needs a text tower"),
        ({"arms": {"vision_e2e": {"loss": "contrastive"}}}, "end-to-end CLIP"),
        ({"arms": {"clip_probe": {"swa": True}}}, "for end-to-end arms"),
        ({"arms": {"clip_e2e": {"datasets": ["fmow"]}}}, "datasets: .* trained on all"),
        ({"arms": {"clip_e2e": {"fractions": [0.1]}}}, "fractions: .* trained on all"),
        ({"arms": {"clip_contrastive": {"fractions": [0.2]}}}, "not among robust_ft.fractions"),
        ({"interpolation": {"alphas": [0.0]}}, "greater than 0"),
        ({"interpolation": {"arm": "nobody"}}, "none of the arms"),
        ({"interpolation": {"arm": "vision_e2e"}}, "no end-to-end CLIP"),
        ({"interpolation": {"fractions": [0.7]}}, "not among robust_ft.fractions"),
        ({"training": {"swa_epochs": 9}}, "swa_epochs must not be above"),
    ],
)
def test_mistakes_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        load(merge(DEMO, {"robust_ft": change}))


def test_swa_needs_fixed_statistics():
    change = {"models": {"tiny_clip": {"frozen_batchnorm": False}}}
    with pytest.raises(ConfigError, match=r"clip_e2e_swa.*frozen_batchnorm: true"):
        load(merge(DEMO, change))
