"""What jobs do, worked out by hand from the full configuration, and how long that takes."""

from pathlib import Path

import pytest

from replidg.budget import estimate, times, work, work_web
from replidg.budget.plan import Job
from replidg.config import vltseg_tests
from replidg.config.files import read
from replidg.config.inputs import OpenClipModel, TimmModel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config():
    return read([ROOT / "config.yaml", ROOT / "config/full.yaml"])


@pytest.fixture(scope="module")
def formulas(config):
    return estimate.formulas(config)


def job(rule: str, outputs: tuple[str, ...] = (), gpus: int = 1, **wildcards: str) -> Job:
    return Job(rule, ".".join(wildcards.values()), wildcards, (), outputs, threads=8, gpus=gpus)


def classifier(method: str, **other: str) -> Job:
    chosen = {"model": "openclip_vit_b16", "dataset": "PACS", "target": "photo"} | other
    return job("train_classifier", **chosen, method=method, seed="seed0")


def test_a_training_with_one_domain_left_out(formulas):
    erm = formulas["train_classifier"](classifier("erm"))
    steps = 5001 * 32 * 3
    # The hold-outs of three sources at steps 1, 201 ... 5001, and once more at the end.
    held = 0.2 * (2048 + 2344 + 3929)
    gflop = work.gflop("ViT-B-16")
    assert erm.images == steps
    forward = gflop * 1e9 * (3 * steps + 26 * held + 1670 + held)
    assert erm.flop == pytest.approx(forward)
    # Hold-outs this small are decoded once and kept.
    assert erm.read == {"small": pytest.approx(steps + held + 1670 + held)}
    assert (erm.precision, erm.processes, erm.weights) == (
        "fp32",
        7,
        work.values("ViT-B-16", "image"),
    )


@pytest.mark.parametrize(("method", "passes"), [("miro", 4), ("sagm", 6), ("vl2v_sd", 4)])
def test_methods_that_ask_more_of_a_step(formulas, method, passes):
    steps = formulas["train_classifier"](classifier(method)).passes[0]
    assert (steps.times, steps.images) == (passes, 5001 * 32 * 3)


def test_probing_goes_forward_only_and_the_oracle_sees_the_target(formulas):
    lp_ft = formulas["train_classifier"](classifier("lp_ft"))
    assert [(p.images, p.times) for p in lp_ft.passes[:2]] == [(4501 * 96, 3), (500 * 96, 1)]
    assert formulas["train_classifier"](classifier("oracle")).images == 5001 * 32 * 4


def test_large_hold_outs_are_decoded_at_every_validation(formulas):
    found = formulas["train_classifier"](classifier("erm", dataset="domain_net", target="clipart"))
    large = 0.2 * (172_500 + 175_327)  # above 14,266 images of 224 pixels; and sketch just below
    small = 0.2 * (53_201 + 70_386)
    painting = 0.2 * 75_759
    steps, often = 15_001 * 32 * 5, 16
    tested = 48_833 + large + small + painting
    decoded = steps + often * (large + painting) + small + tested
    assert found.read["photo"] == pytest.approx(decoded)


def test_a_student_and_its_teacher(formulas):
    keys = {"dataset": "PACS", "sets": "H0", "target": "photo", "seed": "all_seeds"}
    erm = formulas["train_students"](job("train_students", arm="erm", **keys))
    scipd = formulas["train_students"](job("train_students", arm="scipd", **keys))
    steps = 5000 * 32 * 3 * 3  # sources, seeds
    assert erm.images == scipd.images == steps
    teacher = scipd.flop - erm.flop
    assert teacher == pytest.approx(1e9 * work.gflop("ViT-B-16") * steps)


def test_fine_tuning_by_epochs(formulas):
    keys = {"dataset": "fmow", "runs": "fraction0.5_rate0.001_seed0"}
    vision = formulas["train_robust_ft"](job("train_robust_ft", arm="vision_e2e", **keys))
    clip = formulas["train_robust_ft"](job("train_robust_ft", arm="clip_e2e", **keys))
    fixed = formulas["train_robust_ft"](job("train_robust_ft", arm="clip_image_tower", **keys))
    subset = 76_863 * 0.5
    assert vision.images == clip.images == subset * 20
    # 62 prompts at each of 301 steps an epoch, forward and backward.
    texts = 3e9 * work.gflop("ViT-B-32", "text") * 62 * 301 * 20
    assert clip.flop - fixed.flop == pytest.approx(texts)


def test_windows_of_a_test(formulas):
    path = "results/runs/vltseg/gta5/eva02_clip/seed0/cityscapes/confusion.parquet"
    found = formulas["test_segmentor"](job("test_segmentor", (path,)))
    assert vltseg_tests.result_of(path).kind == "confusion"
    # 500 pictures of 1024 x 512, windows of 512 pixels every 426: three each.
    assert found.images == 500 * 3
    assert found.flop == pytest.approx(1e9 * work.gflop("EVA02-L-14", "mask2former", 512) * 1500)


def test_a_frozen_tower_goes_forward_only(formulas):
    def trained(arm: str) -> float:
        path = f"results/runs/vltseg/gta5/{arm}/seed0/model.safetensors"
        return formulas["train_segmentor"](job("train_segmentor", (path,))).flop

    tower = 1e9 * work.gflop("EVA02-L-14", "encoder", 512) * 5000 * 16
    assert trained("eva02_clip") - trained("eva02_clip_frozen") == pytest.approx(2 * tower)


def test_the_clips_cost_what_their_paper_says(config, formulas):
    """8,000 A100-hours and 59 billion pairs (docs/forgotten.md)."""
    low = high = pairs = 0.0
    for name in config.forgotten.training.mixes.sets:
        own = f"results/runs/forgotten/{name}/seed0/mix.json"
        one = Job("train_clip_mixes", name, outputs=(own,), gpus=8)
        found = estimate.Estimate(one, formulas["train_clip_mixes"](one))
        (time, _) = times.seconds(found, "A100")
        low, high = low + 8 * time.low / 3600, high + 8 * time.high / 3600
        pairs += found.work.images
    assert pairs == pytest.approx(59e9, rel=0.01)
    assert low < 8000 < high
    assert work_web.mix_images(config, "mix_57_0_5") == 56_690_000 + 500_000


def test_every_architecture_is_counted(config):
    for name, model in config.models.items():
        if isinstance(model, OpenClipModel | TimmModel):
            part = "encoder" if model.name.startswith("samvit") else "image"
            assert work.gflop(model.name, part) > 0, name
    with pytest.raises(work.Unknown, match=r"tools/count_flops\.py"):
        work.gflop("a new one")


def test_another_size_by_its_area():
    assert work.gflop("resnet18.tv_in1k", "image", 448) == 4 * work.gflop("resnet18.tv_in1k")


def test_jobs_that_nobody_knows(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a finished demo knows its tiny CLIP
    unknown, plain = estimate.estimates(
        config, [job("find_neighbours"), job("evaluate_scipd", gpus=0)]
    )
    assert unknown.reason and plain.reason == "" and plain.work is None
    made = estimate.estimates(
        config, [job("embed_images", model="tiny_clip", dataset="pictograms")]
    )
    assert made[0].work is None and made[0].reason


def test_counts_of_what_is_there(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert work.counts(config, "PACS", "domain")["photo"] == 1670
    facts = tmp_path / "resources/datasets/PACS/.verified.json"
    facts.parent.mkdir(parents=True)
    for source, photos in (("standin", 1670), ("official", 1669)):
        facts.write_text(f'{{"source": "{source}", "per_domain": {{"photo": 1669}}}}')
        assert work.counts(config, "PACS", "domain")["photo"] == photos


def estimated(work_of: work.Work, **other) -> estimate.Estimate:
    return estimate.Estimate(Job("a_rule", "a", threads=8, **other), work_of)


def test_seconds_by_peak_and_by_decoding():
    start = times.assumption("start_seconds")
    heavy = work.Work((work.Pass(1000.0, 1950.0, 1.0),), {"photo": 1}, 4)
    time, source = times.seconds(estimated(heavy, gpus=1), "A100")
    # 1.95e15 operations on 19.5e12 a second: 100 s at the peak.
    assert time.low == pytest.approx(100 / 0.85 + start.low)
    assert time.high == pytest.approx(100 / 0.5 + start.high)
    assert "A100 data sheet" in source
    two, _ = times.seconds(estimated(heavy, gpus=2), "A100")
    assert two.low == pytest.approx(50 / 0.85 + start.low)
    slow = work.Work((work.Pass(1.0, 1.0),), {"photo": 4 * times.rates()["photo"] * 60}, 4)
    time, _ = times.seconds(estimated(slow, gpus=1), "A100")
    assert time.high == pytest.approx(60 + start.high)


def test_formats_that_a_gpu_lacks():
    assert times.peak("V100", "tf32") == times.peak("V100", "fp32")
    assert times.peak("H100", "tf32")[0] == 494.5e12
    for gpu, formats in times.peaks().items():
        assert {"fp32", "fp16"} <= set(formats), gpu
        assert all(source for _, source in formats.values())


MEASURED = """\
rule,job,jobs,device,seconds,unit,units,seconds_a_unit,images_a_unit,output_mb
train_classifier,openclip_vit_b16.PACS.photo.erm.seed0,1,NVIDIA A100-SXM4,9,steps,20,0.5,96,1
train_classifier,openclip_vit_b16.PACS.photo.miro.seed0,1,NVIDIA A100-SXM4,9,steps,2,0.9,3,1
train_classifier,openclip_vit_b16.PACS.photo.mpa.seed0,1,NVIDIA A100-SXM4,9,steps,20,0.04,3,1
train_classifier,openclip_vit_b16.PACS.photo.sagm.seed0,1,cpu,9,steps,20,50,96,1
evaluate_scipd,all,1,cpu,9,,,,,1
"""


def test_measurements_override(tmp_path, formulas):
    (tmp_path / "measured.csv").write_text(MEASURED)
    measured = times.read_measured(tmp_path / "measured.csv")
    assert len(measured) == 2
    one = classifier("erm", dataset="VLCS", target="VOC2007")
    found = estimate.Estimate(one, formulas["train_classifier"](one))
    time, source = times.seconds(found, "A100", measured)
    assert source == "measured on NVIDIA A100-SXM4"
    evaluated = sum(p.flop for p in found.work.passes if not p.trained)
    steps = 5001 * 0.5
    assert time.low == pytest.approx(steps + evaluated / (19.5e12 * 0.85) + 3, rel=1e-6)
    # Two steps, or half a second, say nothing about thousands.
    assert times.matching(measured, classifier("miro"), "A100") is None
    assert times.matching(measured, classifier("mpa"), "A100") is None
    # Another GPU, method or model is not what was measured.
    assert times.matching(measured, one, "H100") is None
    assert times.matching(measured, classifier("sagm"), "A100") is None
    assert times.matching(measured, classifier("erm", model="dinov2"), "A100") is None
    assert times.read_measured(tmp_path / "none.csv") == []
    (tmp_path / "wrong.csv").write_text("rule,job\na,b\n")
    with pytest.raises(ValueError, match=r"device, images_a_unit.*units.*measured"):
        times.read_measured(tmp_path / "wrong.csv")


def test_formats_of_the_configuration(config):
    assert work.precision(config.alignment.training) == "fp32"
    assert work.precision(config.forgotten.training.clip) == "fp16"
    assert work.precision(config.forgotten.training.resnets) == "fp16"
