"""End-to-end runs, SWA, interpolation, probe jobs: against plain torch, and killed and resumed."""

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel
from wilds_runs import INPUT, PROMPTS, make_clip, make_index, make_job

from replidg.checkpoints import Checkpoints
from replidg.config.inputs import TimmModel
from replidg.config.robust_ft import Interpolation
from replidg.data.images import normalise
from replidg.methods.learners import TextLearner, make_learner
from replidg.models import store
from replidg.training import probe_job, wilds_job
from replidg.training.epochs import EpochRun, Plan, fit
from replidg.training.validation import HeldOut
from replidg.training.wilds_job import Choice, EndToEnd, train_end_to_end


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return make_index(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tower")
    store.retrieve("t", TimmModel(source="timm", name="resnet10t", pretrained=False), folder)
    config = json.loads((folder / "config.json").read_text())
    config["pretrained_cfg"]["input_size"] = [3, 16, 16]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def end_to_end(model, choices, **more):
    return EndToEnd(model, INPUT, PROMPTS, True, False, more.pop("wise", None), choices, **more)


def test_logits_are_scaled_cosines(clip):
    backbone = store.load(clip)
    learner = TextLearner(backbone.clip, backbone.tokenize(PROMPTS))
    images = torch.randn(4, 3, 16, 16)
    f, t = backbone.visual(images), backbone.encode_text(backbone.tokenize(PROMPTS))
    cosines = torch.stack([F.cosine_similarity(f, row[None]) for row in t], dim=1)
    expected = backbone.clip.logit_scale.exp() * cosines
    assert torch.allclose(learner.logits(images, learner.texts()), expected, atol=1e-5)
    labels = torch.tensor([0, 2, 1, 1])
    by_hand = -torch.log_softmax(expected, 1)[range(4), labels].mean()
    assert torch.allclose(learner.loss(images, labels), by_hand, atol=1e-5)


def test_contrastive_loss_is_open_clips(clip):
    import open_clip

    backbone = store.load(clip)
    learner = TextLearner(backbone.clip, backbone.tokenize(PROMPTS), "contrastive")
    images, labels = torch.randn(5, 3, 16, 16), torch.tensor([0, 2, 1, 1, 0])
    texts = backbone.clip.encode_text(backbone.tokenize([PROMPTS[k] for k in labels]), True)
    features = backbone.clip.encode_image(images, True)
    theirs = open_clip.ClipLoss()(features, texts, backbone.clip.logit_scale.exp())
    assert torch.allclose(learner.loss(images, labels), theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("trained", "frozen", "moving"),
    [
        ("all", [], {"visual", "text", "scale"}),
        ("image", [], {"visual"}),
        ("all", ["transformer", "conv1"], {"visual", "text", "scale"}),
    ],
)
def test_what_learns(clip, trained, frozen, moving):
    backbone = store.load(clip)
    learner = make_learner(
        backbone, 3, backbone.tokenize(PROMPTS), "cross_entropy", trained, frozen, True
    )
    learner.loss(torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
    groups = {"visual": set(), "text": set(), "scale": set()}
    for name, p in learner.clip.named_parameters():
        group = name.split(".")[0] if name.startswith("visual") else "text"
        groups["scale" if name == "logit_scale" else group].add((name, p.grad is not None))
    assert {g for g, found in groups.items() if any(learns for _, learns in found)} == moving
    still = {name for name, learns in groups["visual"] if not learns}
    assert all(any(f".{part}" in name for part in frozen) for name in still)
    assert bool(still) == bool(frozen)


def test_end_to_end_is_the_plain_loop(index, clip):
    """The same run with torch's own optimiser, scheduler and average."""
    job = make_job(index, {"kind": "end_to_end", "swa": True}, flip=0, jitter=0, rotation=0)
    backbone = store.load(clip)
    other = TextLearner(copy.deepcopy(backbone.clip), backbone.tokenize(PROMPTS))
    learner = TextLearner(backbone.clip, backbone.tokenize(PROMPTS))
    plan = Plan(job.training, True, backbone.spec, 3, "accuracy", False)
    stream = job.stream(0.5, (1e-3,), 0)
    run = EpochRun(learner, stream, plan, torch.device("cpu"))
    pixels = torch.cat(list(HeldOut(job.train, backbone.spec, 0).batches(0)))
    labels = torch.tensor(job.train["label"].to_numpy())
    optimizer = torch.optim.Adam(other.parameters(), lr=1e-3, weight_decay=1e-4)
    averaged, rates = AveragedModel(other), plan.schedule.rates(1e-3)
    for epoch in range(3):
        for rows in stream.batches(epoch, 8):
            rows = torch.from_numpy(rows[rows >= 0])
            run.train_step(pixels[rows], labels[rows])
            for group in optimizer.param_groups:
                group["lr"] = rates[epoch]
            optimizer.zero_grad()
            other.loss(normalise(pixels[rows], backbone.spec), labels[rows]).backward()
            optimizer.step()
        run.end_epoch(HeldOut(job.rows("val"), backbone.spec, 0))
        if epoch >= 1:
            averaged.update_parameters(other)
    expected = averaged.module.state_dict()
    for name, value in run.final_weights().items():
        assert torch.allclose(value, expected[name], atol=1e-5), name


def test_without_swa_the_best_epoch_is_kept(index, clip):
    job = make_job(index, {"kind": "end_to_end"})
    backbone = store.load(clip)
    learner = TextLearner(backbone.clip, backbone.tokenize(PROMPTS))
    plan = Plan(job.training, False, backbone.spec, 3, "accuracy", False)
    run = EpochRun(learner, job.stream(1.0, (1e-3,), 0), plan, torch.device("cpu"))
    seen, scores = [], iter([20.0, 50.0, 50.0])
    run.score = lambda images: next(scores)
    for _ in range(3):
        run.step += run.per_epoch
        with torch.no_grad():
            learner.clip.logit_scale.add_(1)
        run.end_epoch(None)
        seen.append(learner.clip.logit_scale.item())
    assert run.best["epoch"] == 1
    assert run.final_weights()["clip.logit_scale"].item() == seen[1]


@pytest.mark.parametrize("swa", [False, True])
@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_a_killed_run_ends_with_the_same_bits(index, clip, tmp_path, stop, swa, monkeypatch):
    job = make_job(index, {"kind": "end_to_end", "swa": swa}, checkpoint_every_s=1e-9)

    def trained(folder):
        backbone = store.load(clip)
        learner = TextLearner(backbone.clip, backbone.tokenize(PROMPTS))
        plan = Plan(job.training, swa, backbone.spec, 3, "accuracy", False)
        run = EpochRun(learner, job.stream(1.0, (1e-3,), 0), plan, torch.device("cpu"))
        held = HeldOut(job.rows("val"), backbone.spec, 0)
        fit(run, job.train, held, Checkpoints(folder, 1e-9), "run")
        return run

    whole = trained(tmp_path / "whole")
    plain = EpochRun.train_step

    def dies(run, pixels, labels):
        if run.step == stop:
            raise KeyboardInterrupt
        return plain(run, pixels, labels)

    monkeypatch.setattr(EpochRun, "train_step", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed")
    monkeypatch.setattr(EpochRun, "train_step", plain)
    resumed = trained(tmp_path / "killed")
    assert resumed.history == whole.history
    for name, value in whole.final_weights().items():
        assert torch.equal(value, resumed.final_weights()[name]), name


def test_a_job_writes_all_runs_and_learns(index, tower, tmp_path):
    arm = {"kind": "end_to_end", "tower": "vision"}
    choices = [Choice(0.5, 1e-3, 0), Choice(1.0, 1e-3, 0), Choice(1.0, 1e-3, 1)]
    job = make_job(index, arm, epochs=4)
    train_end_to_end(job, end_to_end(tower, choices), tmp_path / "points", tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    sizes = table.groupby(["fraction", "rate", "seed"]).size()
    assert sizes.to_dict() == {(0.5, 1e-3, 0): 45, (1.0, 1e-3, 0): 60, (1.0, 1e-3, 1): 60}
    test = table[(table["split"] == "test") & (table["fraction"] == 1)]
    assert test["correct"].mean() > 0.6  # a third by chance
    assert not list((tmp_path / "points").rglob("*.pt"))
    assert not (tmp_path / "out" / "model.safetensors").exists()
    entries = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [len(entry["validations"]) for entry in entries] == [4, 4, 4]


def test_interpolation_is_between_zero_shot_and_fine_tuned(index, clip, tmp_path):
    """Predictions of the blended weights, by hand from those that were kept."""
    wise = Interpolation(arm="arm", fractions=[1.0], alphas=[0.5])
    job, choices = make_job(index, {"kind": "end_to_end"}), [Choice(1.0, 1e-2, 0)]
    how = end_to_end(clip, choices, wise=wise, keep_weights=True)
    train_end_to_end(job, how, tmp_path / "points", tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert set(table["alpha"]) == {0.5, 1.0}
    assert set(table.loc[table["alpha"] == 0.5, "split"]) == {"id_val", "id_test", "val", "test"}
    backbone = store.load(clip)
    tuned = load_file(tmp_path / "out" / "model.safetensors")
    half = {
        name: (value + tuned[f"1/0.01/seed0/clip.{name}"]) / 2
        for name, value in backbone.clip.state_dict().items()
    }
    backbone.clip.load_state_dict(half)
    pixels = torch.cat(list(HeldOut(job.rows("test"), backbone.spec, 0).batches(0)))
    with torch.no_grad():
        images = backbone.visual(normalise(pixels, backbone.spec))
        texts = F.normalize(backbone.encode_text(backbone.tokenize(PROMPTS)), dim=-1)
    expected = (images @ texts.T).argmax(1).tolist()
    blended = table[(table["alpha"] == 0.5) & (table["split"] == "test")]
    assert blended["pred"].tolist() == expected


@pytest.mark.parametrize("subsets", ["shared", "per_job"])
def test_probe_jobs(index, tmp_path, subsets, monkeypatch):
    job = make_job(index, {"kind": "linear_probe"}, subsets=subsets, epochs=6)
    random = np.random.default_rng(0)
    values = np.eye(3, dtype=np.float32)[index["label"]] * 2
    values = values + random.normal(size=values.shape).astype(np.float32) * 0.3
    choices = [Choice(f, r, s) for f in (0.3, 1.0) for r in (1e-1, 1e-3) for s in (0, 1)]
    probe_job.train_probes(job, values, choices, tmp_path / "points", tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    keys = ["fraction", "rate", "seed"]
    assert set(table.groupby(keys).size()) == {9 + 30, 30 + 30}
    best = table[(table["rate"] == 0.1) & (table["split"] == "test") & (table["fraction"] == 1)]
    assert best["correct"].mean() > 0.8
    assert not list((tmp_path / "points").rglob("*.pt"))
    # Killed between two streams, or in one: the same bytes.
    plain = Path(tmp_path / "out" / "predictions.parquet").read_bytes()
    steps = iter(range(10**6))
    once = probe_job.Probes._train_step

    def dies(probes):
        if next(steps) == 31:
            raise KeyboardInterrupt
        once(probes)

    monkeypatch.setattr(probe_job.Probes, "_train_step", dies)
    often = make_job(
        index, job.arm.model_dump(), **job.training.model_dump() | {"checkpoint_every_s": 1e-9}
    )
    with pytest.raises(KeyboardInterrupt):
        probe_job.train_probes(often, values, choices, tmp_path / "points", tmp_path / "again")
    assert list((tmp_path / "points").rglob("*.pt"))
    probe_job.train_probes(often, values, choices, tmp_path / "points", tmp_path / "again")
    assert (tmp_path / "again" / "predictions.parquet").read_bytes() == plain


def test_zero_shot_job(index, clip, tmp_path):
    job = make_job(index, {"kind": "zero_shot"}, "zero_shot")
    random = np.random.default_rng(0)
    values = random.normal(size=(len(index), 8)).astype(np.float32)
    prompts = [PROMPTS[0], PROMPTS[1], PROMPTS[0].upper()]
    probe_job.classify_zero_shot(job, clip, values, prompts, tmp_path)
    table = pd.read_parquet(tmp_path / "predictions.parquet")
    assert len(table) == len(index)
    assert json.loads((tmp_path / "prompts.json").read_text())["same_tokens"] == [[0, 2]]
    assert set(table["pred"]) == {0, 1}  # of equal texts the first


def test_a_run_is_another_run_for_another_protocol(index):
    keys = [
        wilds_job.stable_hash(make_job(index, {"kind": "end_to_end"}, **change).key())
        for change in ({}, {"epochs": 4}, {"sampling": "uniform"}, {"workers": 2})
    ]
    assert len(set(keys[:3])) == 3 and keys[3] == keys[0]
