"""What the VLTSeg paper's names plan, and what makes them train again."""

from pathlib import Path

import pytest
import yaml
from workspace import ROOT, Workspace

from replidg.config import vltseg_arms, vltseg_tests
from replidg.config.files import read

DEMO = read([ROOT / "config.yaml"])
FULL = read([ROOT / "config.yaml", ROOT / "config" / "full.yaml"])
#: Jobs of the paper itself; data sets and towers come before.
JOBS = {
    "train_segmentor_0": 1,
    "train_segmentor_1": 1,
    "test_segmentor_0": 1,
    "test_segmentor_1": 1,
    "check_submissions": 1,
    "evaluate_vltseg": 1,
    "draw_vltseg_figures": 1,
    "draw_vltseg_panels_acdc": 1,
    "draw_vltseg_panels_cityscapes": 1,
    "draw_vltseg_tsne": 1,
    "tabulate_vltseg": 1,
    "tabulate_vltseg_submissions": 1,
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, None)


def test_the_paper_is_few_jobs(workspace: Workspace) -> None:
    """Sixteen trainings in two jobs; four data sets, three towers."""
    jobs = workspace.planned("vltseg")
    assert len(vltseg_arms.runs(DEMO)) == 16
    assert {name: jobs[name] for name in JOBS} == JOBS
    before = {"retrieve_dataset": 5, "convert_dataset": 4, "index_dataset": 5}
    towers = {"pretrain_clip": 1, "retrieve_timm": 2}
    assert jobs == {**JOBS, **before, **towers, "vltseg": 1}


def test_every_study_of_the_paper_is_in_the_demo() -> None:
    """Nothing that the configuration can ask for is left out of the demo."""
    names = {name for arm in vltseg_arms.arms(DEMO).values() for name in arm.studies}
    assert {"t1", "t2", "t3", "t6", "f2", "f3"} <= names
    assert {"decoders", "language", "lambda", "prompts", "multi_source"} <= names
    assert {result.kind for result in vltseg_tests.results(DEMO)} == set(vltseg_tests.KINDS)


def test_full_scale_is_a_job_a_run(tmp_path: Path) -> None:
    """Table 2 alone: our row is one training, tested on three sets, with stand-ins in the data."""
    sets = {name: {"source": "standin"} for name in vltseg_arms.datasets(FULL)}
    overlay = tmp_path / "overlay.yaml"
    content = yaml.safe_load((ROOT / "config" / "full.yaml").read_text())
    content["datasets"] = content["datasets"] | sets
    overlay.write_text(yaml.safe_dump(content))
    jobs = Workspace(tmp_path, overlay).planned("vltseg")
    runs = vltseg_arms.runs(FULL)
    assert jobs["train_segmentor"] == len(runs) == 70
    assert jobs["test_segmentor"] == len(vltseg_tests.results(FULL))


def test_a_start_is_trained_before() -> None:
    """Cityscapes' test server: 20,000 steps on Mapillary, then 40,000 on Cityscapes."""
    run = vltseg_arms.Run("mapillary_cityscapes", "eva02_clip", 0)
    start = vltseg_arms.start_of(FULL, run)
    runs = vltseg_arms.runs(FULL)
    assert start == ("mapillary_vistas", "eva02_clip", 0)
    assert runs.index(start) < runs.index(run)
    assert vltseg_arms.scale_of(FULL, run.source).iterations == 40000
    assert vltseg_arms.scale_of(FULL, start.source).iterations == 20000


def test_the_protocol_is_the_reimplementations() -> None:
    """Specification 2.3 and 2.4."""
    synthetic, real = FULL.vltseg.scales.synthetic, FULL.vltseg.scales.real
    assert (synthetic.iterations, synthetic.batch_size, synthetic.crop) == (5000, 16, 512)
    assert (synthetic.train_size, synthetic.test_size) == ((1280, 720), (1024, 512))
    assert (synthetic.window, synthetic.stride) == (512, 426)
    assert synthetic.test_size_of("acdc") == (960, 540)
    assert (real.iterations, real.batch_size, real.crop) == (20000, 8, 1024)
    assert (real.window, real.stride) == (1024, 768)
    assert real.train_size_of("acdc") == real.test_size_of("acdc") == (1920, 1080)
    training, decoder = FULL.vltseg.training, FULL.vltseg.decoders["mask2former"]
    assert (training.lr, training.encoder_lr_mult, training.weight_decay) == (1e-4, 0.1, 0.05)
    assert (training.clip_norm, training.power, training.constant_iterations) == (0.01, 0.9, 500)
    assert (decoder.queries, decoder.points, decoder.encoder_layers) == (100, 12544, 6)
    encoder = FULL.vltseg.encoders["eva02_clip_l14"]
    assert encoder.layers == [9, 14, 19, 23]
    assert FULL.vltseg.sources["gta5"].held_out == 0


def test_no_name_of_the_demo_is_trained_at_full_scale() -> None:
    """The towers of the demo are in no arm of the full scale."""
    used = {FULL.vltseg.encoders[arm.encoder].model for arm in vltseg_arms.arms(FULL).values()}
    assert not used & {"tiny_clip", "lite_imagenet", "random_tower"}
