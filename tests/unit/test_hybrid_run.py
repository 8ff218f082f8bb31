"""Runs and jobs of the HDG benchmark: optimiser, schedule, teacher, resume."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import timm
import torch
from hybrid_parts import CLASSES, WIDTH, backbone, benchmark, clip, texts
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from training_runs import DOMAINS, SPEC, Killed, stop_before

from replidg.checkpoints import Checkpoints
from replidg.config.hybrid_methods import Decay, HybridMethod
from replidg.config.inputs import Preprocessing, TimmModel
from replidg.config.methods import FineTuning
from replidg.config.scipd import HybridData, LabelSets
from replidg.config.scipd_arms import Arm, RunKey
from replidg.data.hybrid import share_out
from replidg.data.images import normalise
from replidg.training import hybrid_job as jobs
from replidg.training import trainer
from replidg.training.data import Shares
from replidg.training.hybrid_run import HybridRun, HybridSettings, decayed, make_optimizers
from replidg.training.teacher import Teacher, Views, chosen_views

PROTOCOL = FineTuning(steps=6, batch_per_domain=2, evaluate_every=2, checkpoint_every_s=1e-9)
SETS = LabelSets(sets=["0,1", "1,2"])
DATA = HybridData(train=0.67, validation=0.33)
METHODS = {
    "erm": HybridMethod(objective="erm", lr=0.01),
    "scipd": HybridMethod(objective="scipd", lr=0.01, head="text", logit_scale=10),
    "code": HybridMethod(
        objective="scipd", lr=0.01, head="text", doubled=True, class_softmax="twice",
        teacher_input="student", logit_scale=10,
    ),
    "views": HybridMethod(objective="scipd", lr=0.01, head="text", views=2, logit_scale=10),
    "group_dro": HybridMethod(objective="group_dro", lr=0.01, dro_eta=1.0),
    "dann": HybridMethod(objective="dann", lr=0.01),
    "mixup": HybridMethod(objective="mixup", lr=0.01),
    "mldg": HybridMethod(objective="mldg", lr=0.01),
    "mixstyle": HybridMethod(objective="mixstyle", lr=0.01, mixstyle_layers=["0"]),
    "daml": HybridMethod(objective="daml", lr=0.01),
    "contrastive_kd": HybridMethod(objective="contrastive_kd", lr=0.01),
}  # fmt: skip


@pytest.fixture(scope="module")
def table(index):
    return benchmark(index)


def shares(table) -> Shares:
    found = share_out(table, DOMAINS, "sketch", SETS, DATA, 0)
    return Shares(found.train, found.validation, found.target)


def settings(name: str, protocol: FineTuning = PROTOCOL) -> HybridSettings:
    return HybridSettings(METHODS[name], protocol, SPEC, CLASSES, 2, 3, False, False, texts())


def begin(name: str, protocol: FineTuning = PROTOCOL) -> HybridRun:
    device = torch.device("cpu")
    teacher = Teacher(clip(), texts(), device)
    count = METHODS[name].views
    views = Views(teacher, count) if count else None
    return HybridRun(backbone(), settings(name, protocol), device, teacher, views)


def final(run: HybridRun) -> dict:
    return {"weights": run.final_weights(), "history": run.history}


def equal(one, other) -> bool:
    weights = one["weights"], other["weights"]
    return (
        one["history"] == other["history"]
        and weights[0].keys() == weights[1].keys()
        and all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    )


@pytest.mark.parametrize("name", METHODS)
def test_a_killed_run_ends_like_an_unbroken_one(name, table, tmp_path, restored):
    whole = begin(name)
    trainer.fit(whole, shares(table), Checkpoints(tmp_path / "whole", 1e-9), name)
    broken = begin(name)
    stop_before(broken, 3)
    with pytest.raises(Killed):
        trainer.fit(broken, shares(table), Checkpoints(tmp_path / "broken", 1e-9), name)
    resumed = begin(name)
    trainer.fit(resumed, shares(table), Checkpoints(tmp_path / "broken", 1e-9), name)
    assert equal(final(whole), final(resumed))
    assert [entry["step"] for entry in whole.history] == [2, 4, 6]


def test_of_equally_good_epochs_the_last_is_kept():
    run = begin("erm")
    for step, accuracy in ((1, 0.5), (2, 0.7), (3, 0.7), (4, 0.6)):
        run.step = step
        if run._selected(accuracy):
            run.best = {"accuracy": accuracy, "step": step, "weights": {}}
    assert run.selected_step() == 3


def test_schedule_of_the_public_code():
    """1e-3 in epochs 0 to 35, then 1e-5, then 1e-9 for SCI-PD; 1e-4 and 1e-6 for the others."""
    protocol = FineTuning(steps=5000, evaluate_every=100)
    decays = [Decay(after=0.7, factor=0.1), Decay(after=0.9, factor=0.01)]
    for doubled, wanted in ((False, (1, 0.1, 1e-3)), (True, (1, 1e-2, 1e-6))):
        method = HybridMethod(objective="erm", decays=decays, doubled=doubled)
        found = [decayed(method, 100 * epoch, protocol) for epoch in (35, 36, 45, 46, 49)]
        one, two, three = wanted
        assert found == pytest.approx([one, two, two, three, three])
    clean = HybridMethod(objective="erm")
    assert decayed(clean, 4999, protocol) == pytest.approx(1e-2)


def test_doubled_is_two_sgds_over_the_same_gradient():
    method = HybridMethod(objective="erm", lr=0.1, doubled=True, weight_decay=0.01)
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizers = make_optimizers(method, [{"params": [weight], "lr": 0.1}])
    assert len(optimizers) == 2
    value, momenta = 1.0, [None, None]
    for gradient in (0.5, -0.2, 0.3):
        weight.grad = torch.tensor([gradient])
        for optimizer in optimizers:
            optimizer.step()
        for place in range(2):  # Nesterov by hand
            g = gradient + 0.01 * value
            momenta[place] = g if momenta[place] is None else 0.9 * momenta[place] + g
            value -= 0.1 * (g + 0.9 * momenta[place])
        assert weight.item() == pytest.approx(value, rel=1e-5)


def test_teacher_sees_the_augmented_image_in_either_normalisation():
    own = clip()
    teacher = Teacher(clip(), texts(), torch.device("cpu"))
    pixels = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8)
    for student, spec in ((None, own.spec), (SPEC, SPEC)):
        wanted = F.normalize(own.visual(normalise(pixels, spec)), dim=1)
        assert torch.allclose(teacher.embed(pixels, student), wanted, atol=1e-6)
    small = teacher.embed(pixels[:, :, ::2, ::2], None)  # brought to the CLIP's size
    assert small.shape == (4, WIDTH)
    said = teacher.taught(small, 10.0)
    assert torch.allclose(said.scores, torch.softmax(10 * small @ texts().T, dim=1))
    assert not said.scores.requires_grad and not said.scores.is_inference()


def test_cached_views_are_what_the_teacher_says_of_these_pixels(table):
    run = begin("views")
    for batch in run.batches(shares(table)):
        found = chosen_views(run.view_embeddings, run.view_seeds, batch.items)
        live = run.teacher.embed(batch.pixels, None)
        assert torch.allclose(found, live, atol=1e-5)
    drawn = {item for batch in run.batches(shares(table)) for item in batch.items}
    rows = {row for row, _ in drawn}
    assert len(drawn) <= 2 * len(rows)


def arm(name: str) -> Arm:
    return Arm(name, name, METHODS[name], "tiny")


def a_job(**changes) -> jobs.HybridJob:
    keys = [
        RunKey("tiny", "mixed", target, name, 0)
        for target in ("photo", "sketch")
        for name in ("erm", "scipd")
    ]
    job = jobs.HybridJob(
        runs=keys,
        arms={name: arm(name) for name in METHODS},
        domains=DOMAINS,
        splits={"mixed": SETS},
        data=DATA,
        students={"tiny": jobs.StudentModel(Path("student"), None, False)},
        protocol=PROTOCOL.model_copy(update={"steps": 2, "checkpoint_every_s": 1e9}),
        preprocessing=Preprocessing(resize="squash"),
        feature_images=5,
        keep_weights=True,
    )
    return replace(job, **changes)


def train(job, table, model, folder, checkpoints=None):
    out = jobs.HybridOutputs(
        folder / "predictions.parquet", folder / "metrics.json", folder / "features.safetensors",
        folder / "model.safetensors" if job.keep_weights else None,
    )  # fmt: skip
    checkpoints = checkpoints or folder / "checkpoints"
    all_texts = F.normalize(torch.randn(4, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    jobs.train_students(job, table, model, all_texts, checkpoints, out)
    return out


@pytest.fixture
def students(model, monkeypatch):
    """The tiny CLIP teaches, and a small tower is the student."""
    load = jobs.store.load
    monkeypatch.setattr(
        jobs.store, "load", lambda path: backbone() if str(path) == "student" else load(path)
    )


def test_job_writes_known_and_unknown_images(table, model, tmp_path, restored, students):
    out = train(a_job(), table, model, tmp_path)
    rows = pd.read_parquet(out.predictions)
    assert set(rows["arm"]) == {"erm", "scipd"} and set(rows["target"]) == {"photo", "sketch"}
    target = rows[(rows["role"] == "target") & (rows["arm"] == "erm") & (rows["target"] == "photo")]
    assert len(target) == 24 and (target["label"] == -1).sum() == 6
    assert not target.loc[target["label"] == -1, "correct"].any()
    assert (target["min_softmax"] <= target["max_softmax"]).all()
    assert sorted(target.loc[target["feature_row"] >= 0, "feature_row"]) == list(range(5))
    features = load_file(out.features)
    assert features["erm/mixed/photo/seed0"].shape == (5, 6)
    weights = load_file(out.weights)
    assert any(name.startswith("scipd/mixed/sketch/seed0/head.last") for name in weights)
    assert not list((tmp_path / "checkpoints" / "hybrid").iterdir())


def test_a_killed_job_keeps_what_is_finished(
    table, model, tmp_path, restored, students, monkeypatch
):
    whole = train(a_job(), table, model, tmp_path / "whole")
    one, count = jobs._train_one, []

    def counted(*arguments):
        count.append(1)
        if len(count) == 3:
            raise Killed
        one(*arguments)

    monkeypatch.setattr(jobs, "_train_one", counted)
    with pytest.raises(Killed):
        train(a_job(), table, model, tmp_path / "broken", tmp_path / "kept")
    resumed = train(a_job(), table, model, tmp_path / "broken", tmp_path / "kept")
    assert len(count) == 3 + 2
    tables = [pd.read_parquet(out.predictions) for out in (whole, resumed)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_weights_are_kept_only_if_asked(table, model, tmp_path, restored, students):
    job = a_job(keep_weights=False, feature_images=0)
    out = train(replace(job, runs=job.runs[:1]), table, model, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    assert (pd.read_parquet(out.predictions)["feature_row"] == -1).all()


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "efficientnet_lite0_stride16"])
def test_a_timm_student_knows_the_width_of_its_features(name, tmp_path):
    """MobileNet-V3's `num_features` is not what it returns."""
    jobs.store.retrieve(name, TimmModel(source="timm", name=name, pretrained=False), tmp_path)
    loaded = jobs.store.load(tmp_path)
    assert loaded.visual(torch.zeros(2, 3, 64, 64)).shape == (2, loaded.dim)


def test_the_demos_student_starts_at_imagenets_weights(tmp_path):
    """Stored and loaded again it keeps what it has, whatever that is."""
    model = TimmModel(source="timm", name="efficientnet_lite0_stride16", pretrained=True)
    jobs.store.retrieve("lite0", model, tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    scratch = timm.create_model("efficientnet_lite0_stride16", num_classes=0).state_dict()
    assert not torch.equal(stored["conv_stem.weight"], scratch["conv_stem.weight"])
    stored["conv_stem.weight"] += 1
    save_file(stored, tmp_path / "model.safetensors")
    loaded = jobs.store.load(tmp_path).visual.state_dict()
    assert torch.equal(loaded["conv_stem.weight"], stored["conv_stem.weight"])
