"""What the configuration of arXiv 2410.08258's trainings refuses, and what its scales hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from replidg.config.check import ConfigError, load
from replidg.config.files import read
from replidg.config.forgotten_training import ClipRun, Mix, Mixes, Pool
from replidg.config.merge import merge
from replidg.metrics.forgotten import Size, mixing, scaling
from replidg.published import load as published

ROOT = Path(__file__).parents[2]


def demo_with(overlay: dict) -> dict:
    """The demo's configuration, and an overlay of its trainings."""
    content = read([ROOT / "config.yaml"]).model_dump(mode="json")
    return merge(content, {"forgotten": {"training": overlay}})


def problems(overlay: dict) -> str:
    with pytest.raises(ConfigError) as error:
        load(demo_with(overlay))
    return str(error.value)


def test_names_must_exist():
    assert "mixes.series: 'natural_24' is not defined; did you mean 'natural_240'" in problems(
        {"mixes": {"series": {"laion_natural": "natural_24"}}}
    )
    assert "zero_shot.released: 'tiny' is not defined" in problems(
        {"zero_shot": {"released": {"natural_240": "tiny"}}}
    )
    assert "models.lite0 has no text tower" in problems(
        {"zero_shot": {"released": {"natural_240": "lite0"}}}
    )
    listed = {"source": "list", "dataset": "laion"}
    assert "mixes.pools: 'laion' is not defined" in problems(
        {"mixes": {"pools": {"natural": listed}}}
    )


def test_train_set_is_needed_for_resnets():
    content = demo_with({})
    content["forgotten"]["train_set"] = None
    content["forgotten"]["corpus"]["pruned"] = {}
    with pytest.raises(ConfigError, match=r"resnets: forgotten\.train_set is null"):
        load(content)
    content["forgotten"]["training"]["resnets"] = None
    load(content)


def test_models_refuse_what_cannot_be_meant():
    with pytest.raises(ValidationError, match="needs images"):
        Mix()
    with pytest.raises(ValidationError, match="needs a dataset"):
        Pool(source="list")
    with pytest.raises(ValidationError, match="not divisible by 3 processes"):
        ClipRun(architecture="ViT-B-32", gpus_per_node=3)
    with pytest.raises(ValidationError, match="need a launcher"):
        ClipRun(architecture="ViT-B-32", gpus_per_node=8, nodes=2)
    assert set(Mixes(sets={"a": None, "b": {"natural": 1}}).sets) == {"b"}


@pytest.fixture(scope="module")
def full():
    return read([ROOT / "config.yaml", ROOT / "config/full.yaml"]).forgotten.training


PAPER = {"natural": 56.685759, "rendition": 15.74975}


def sizes(training):
    """Sizes of the training sets if the pools are the paper's."""
    found = {}
    for name, mix in training.mixes.sets.items():
        amounts = {pool: getattr(mix, pool) for pool in ("natural", "rendition", "random")}
        found[name] = Size(**{p: PAPER[p] if v == "all" else v for p, v in amounts.items()})
    return found


def fake_points(names):
    import pandas as pd

    rows = [
        {"run": run, "seed": 0, "epoch": 1, "dataset": "imagenet_val", "domain": "all",
         "version": version, "n": 1, "top1": 1.0}
        for run in names
        for version in ("standard", "clean")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_full_scale_has_the_papers_points(full):
    """Every size of Figs 7 to 10 and every mix of Figs 3A and 3B that the paper plots."""
    table, own = published("forgotten"), sizes(full)
    points = fake_points(own)
    panels = scaling(points, own)
    for method, there in table[table["artefact"] == "fig7"].groupby("method"):
        made = set(panels.loc[panels["method"] == method, "x"])
        assert set(there["x"]) <= made
    mixed = mixing(points, own, full.mixes.unit_name)
    for artefact, near in (("fig3a", 0.011), ("fig3b", 0.3)):
        made = mixed[mixed["artefact"] == artefact]
        there = table[(table["artefact"] == artefact) & (table["metric"] == "accuracy")]
        for row in there[["setting", "x"]].drop_duplicates().itertuples():
            if (row.setting, row.x) == ("natural=0M", 0.0):
                continue  # no image at all
            x = made.loc[made["setting"] == row.setting, "x"]
            assert (x - row.x).abs().min() <= near, (artefact, row.setting, row.x)


def test_full_scale_is_the_papers_protocol(full):
    clip, nets = full.clip, full.resnets
    assert (clip.architecture, clip.epochs, clip.batch_size, clip.lr) == (
        "ViT-B-32", 32, 16_384, 5e-4,
    )  # fmt: skip
    assert (clip.warmup, clip.weight_decay, clip.precision) == (10_000, 0.2, "amp")
    assert clip.image_tower_init == "none" and full.zero_shot.templates == "openai"
    assert (nets.architecture, nets.pretrained, nets.epochs) == ("resnet50", False, 200)
    names = json.dumps(sorted(full.mixes.sets))
    assert "240" not in names  # the demo's sets are gone


def test_middle_scale_is_a_configuration():
    files = [
        ROOT / name for name in ("config.yaml", "config/full.yaml", "config/forgotten_middle.yaml")
    ]
    training = read(files).forgotten.training
    assert len(training.mixes.sets) == 15 and training.resnets is None
    total = sum(size.total for size in sizes(training).values())
    assert total * training.clip.epochs == pytest.approx(1456)  # million pairs, as docs say
