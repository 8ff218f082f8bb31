"""The VLTSeg paper's configuration: checks, arms that studies make, what trains again."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from replidg.config import vltseg_arms
from replidg.config.check import ConfigError, load
from replidg.config.merge import merge
from replidg.config.vltseg_arms import Run
from replidg.config.vltseg_provides import provided

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(vltseg: dict[str, Any] | None) -> Any:
    return load(merge(DEMO, {"vltseg": vltseg}) if vltseg is not None else {**DEMO, "vltseg": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ["cityscape"]}, r"vltseg.targets: 'cityscape'.*did you mean 'cityscapes'"),
        ({"targets": ["PACS"]}, r"datasets.PACS is no street scene data set"),
        ({"arms": {"clip": {"encoder": "clop"}}}, r"vltseg.arms.clip.encoder: 'clop'"),
        ({"arms": {"clip": {"studies": {"t9": "x"}}}}, r"vltseg.arms.clip.studies: 't9'"),
        ({"arms": {"clip": {"frozen_first": 1, "frozen_last": 1}}}, r"only one of frozen"),
        (
            {"arms": {"imagenet": {"language": {"prompts": "picture"}}}},
            r"'lite_imagenet' is a vision-only model; guidance by text needs a CLIP",
        ),
        ({"loss_weights": {"arm": "clip"}}, r"vltseg.loss_weights.arm: 'clip' has no language"),
        (
            {"sources": {"cityscapes": {"starts_from": "gta5_synthia"}}, "jobs": None},
            r"add that to vltseg.arms.imagenet.sources",
        ),
        ({"sources": {"cityscapes": {"starts_from": "gta5"}}}, r"vltseg.jobs must be null"),
        ({"panels": {"arms": ["clip_frozn"]}}, r"vltseg.panels.arms: 'clip_frozn'"),
        ({"submissions": {"runs": {"cityscapes": ["scratch"]}}}, r"'scratch' is not trained on"),
        ({"scales": {"real": {"stride": 99}}}, r"stride must not be above window"),
        ({"scales": {"real": {"crop": 128}}}, r"crop 128 does not fit"),
        ({"training": {"accumulate": 1024}}, r"batch_size: \d+ images cannot be .* 1024 parts"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(change)


def test_the_paper_can_be_left_out() -> None:
    config = changed(None)
    assert vltseg_arms.runs(config) == []
    assert vltseg_arms.datasets(config) == []
    assert provided(config) == set()


def test_freezing_makes_an_arm_a_step_and_direction() -> None:
    arms = vltseg_arms.arms(changed({"freezing": {"steps": [1, 5]}}))
    made = {name for name in arms if "_first" in name or "_last" in name}
    assert made == {"clip_first1", "clip_first5", "clip_last1", "clip_last5"}
    assert (arms["clip_first5"].frozen_first, arms["clip_last5"].frozen_last) == (5, 5)
    assert arms["clip_first5"].sources == ["gta5"]


def test_the_value_of_the_base_is_not_trained_twice() -> None:
    arms = vltseg_arms.arms(changed({"loss_weights": {"values": [0.4, 1.0]}}))
    assert [name for name in arms if "lambda" in name] == ["clip_ptm_lambda1"]
    assert arms["clip_ptm_lambda1"].language.loss_weight == 1.0
    assert arms["clip_ptm_prompts_code"].language.prompts == "code"
    assert "clip_ptm_prompts_picture" not in arms


def test_an_arm_and_a_study_can_be_taken_away() -> None:
    config = changed({"arms": {"clip_fpn": None, "clip": {"studies": {"t2": None}}},
                      "panels": {"arms": ["clip"]}})  # fmt: skip
    assert "clip_fpn" not in vltseg_arms.arms(config)
    assert "vltseg:t2" not in provided(config)
    assert "vltseg:t1" in provided(config)


def test_runs_are_dealt_to_jobs_once_each() -> None:
    config = changed({"jobs": 3})
    dealt = vltseg_arms.jobs(config)
    assert list(dealt) == ["0", "1", "2"]
    assert sorted(run for part in dealt.values() for run in part) == sorted(
        vltseg_arms.runs(config)
    )
    assert vltseg_arms.jobs(changed({"jobs": None})) == {}


def test_paths_tell_the_run() -> None:
    run = Run("gta5_synthia", "clip_ptm_lambda0.1", 3)
    assert vltseg_arms.run_of(f"{vltseg_arms.folder(run)}/cityscapes/confusion.parquet") == run


def test_a_held_out_part_is_the_test_in_the_own_domain() -> None:
    config = changed({})
    assert vltseg_arms.tested(config, "gta5") == ["gta5", "cityscapes", "acdc"]
    assert vltseg_arms.tested(config, "cityscapes") == ["cityscapes", "acdc"]
    assert vltseg_arms.held_out(config, "gta5", "gta5") == 24
    assert vltseg_arms.held_out(config, "gta5", "acdc") == 0


def test_only_what_matters_trains_again() -> None:
    """What a change of the configuration does to the parameters of the training rule."""
    run = [Run("gta5", "clip", 0)]
    before = vltseg_arms.protocols(changed({}), run)
    for same in (
        {"scales": {"synthetic": {"stride": 40, "test_size": [90, 60], "tta_ratios": [1.0]}}},
        {"training": {"checkpoint_every_s": 5.0, "workers": 2}},
        {"arms": {"clip": {"studies": {"v1": "x"}}, "clip_ptm": {"decoder": "fpn"}}},
        {"sources": {"gta5": {"targets": ["acdc"]}}, "panels": None, "tsne": None,
         "perturbations": None},
    ):  # fmt: skip
        assert vltseg_arms.protocols(changed(same), run) == before, same
    for other in (
        {"training": {"lr": 0.01}},
        {"scales": {"synthetic": {"crop": 64}}},
        {"sources": {"gta5": {"held_out": 3}}},
        {"decoders": {"mask2former": {"queries": 5}}},
        {"encoders": {"clip": {"drop_path": 0.5}}},
    ):
        assert vltseg_arms.protocols(changed(other), run) != before, other
