"""Which step's weights a run keeps, and what the hold-outs look like that decide it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from training_runs import (
    METHODS,
    PROTOCOL,
    SPEC,
    Killed,
    a_job,
    assert_same,
    backbone,
    begin,
    outputs,
    result,
    run_job,
    same_outputs,
    settings,
    shares_of,
    stop_before,
    train,
)

from replidg.checkpoints import Checkpoints
from replidg.config.methods import Augmentation
from replidg.data.errors import DatasetError
from replidg.training import selection, trainer
from replidg.training.data import Shares
from replidg.training.validation import HeldOut

pytestmark = pytest.mark.usefixtures("restored")

TARGET = PROTOCOL.model_copy(update={"selection": "target"})
LEFT_OUT = PROTOCOL.model_copy(update={"selection": "leave_one_domain_out"})
AUGMENTED = PROTOCOL.model_copy(update={"validation_augmentation": True})


#: Colour is the class of these pictures, so what changes it is off.
LEARNABLE = {
    "checkpoint_every_s": 1e9,
    "augmentation": Augmentation(jitter=0, grayscale=0),
    "batch_per_domain": 6,
}


def short(protocol):
    return protocol.model_copy(update={"steps": 4, "checkpoint_every_s": 1e9})


def keep(index, tmp_path, protocol, method="erm"):
    setting = settings(method, protocol)
    shares = shares_of(index, method=method, protocol=protocol)
    return selection.step_to_keep(backbone(), setting, shares, tmp_path, "run")


# --- the step ----------------------------------------------------------------------------------


def test_by_default_a_run_decides_itself(index, tmp_path):
    assert keep(index, tmp_path, PROTOCOL) == (None, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", [TARGET, LEFT_OUT], ids=["target", "left out"])
@pytest.mark.parametrize("method", ["swad", "mpa", "clipood"])
def test_averagings_have_a_rule_of_their_own(method, protocol, index, tmp_path):
    assert keep(index, tmp_path, protocol, method) == (None, [])


def test_target_selection_keeps_the_last_step(index, tmp_path):
    assert keep(index, tmp_path, TARGET) == (10, [])
    run = begin(settings("erm", TARGET, keep_step=10))
    shares = shares_of(index, protocol=TARGET)
    trainer.fit(run, shares, Checkpoints(tmp_path, 1e9), "run")
    assert run.selected_step() == 10
    for name, value in run.classifier.state_dict().items():
        assert torch.equal(value, run.final_weights()[name])
    table = trainer.predict(run, shares.target_validation, "target_validation")
    assert run.history[-1]["target_accuracy"] == pytest.approx(table["correct"].mean())
    assert all("target_accuracy" in entry for entry in run.history)


def test_leave_one_domain_out_by_hand(index, tmp_path):
    protocol = LEFT_OUT.model_copy(update={"steps": 60, "evaluate_every": 6, **LEARNABLE})
    step, scores = keep(index, tmp_path / "auto", protocol)
    shares = shares_of(index, protocol=protocol)
    histories = []
    for held, other in ((0, 1), (1, 0)):
        run = begin(settings("erm", protocol))
        inner = Shares([shares.train[other]], [shares.train[held]], shares.target)
        trainer.fit(run, inner, Checkpoints(tmp_path / f"by hand {held}", 1e9), "run")
        histories.append([entry["accuracy"] for entry in run.history])
        steps = [entry["step"] for entry in run.history]
    means = np.mean(histories, axis=0)
    assert [score["step"] for score in scores] == steps == [*range(1, 60, 6), 60]
    assert [score["accuracy"] for score in scores] == pytest.approx(means)
    assert step == steps[int(np.argmax(means))]
    assert histories[0] != histories[1] and len(set(means)) > 3


def test_the_chosen_step_is_kept(index, tmp_path):
    """The weights are those of an unbroken run that ends with this step's validation."""
    run = train(index, tmp_path / "whole", "erm", settings("erm", PROTOCOL, keep_step=5))
    assert run.selected_step() == 5
    taken = begin(settings("erm"))
    stop_before(taken, 5)
    with pytest.raises(Killed):
        trainer.fit(taken, shares_of(index), Checkpoints(tmp_path / "cut", 1e9), "cut")
    for name, value in taken.classifier.state_dict().items():
        assert torch.equal(value, run.final_weights()[name]), name


def test_left_out_images_are_capped_as_hold_outs_are(index, tmp_path, monkeypatch):
    protocol = LEFT_OUT.model_copy(update={"validation_images": 4, "steps": 1})
    seen = []
    fit = trainer.fit

    def noting(run, shares, checkpoints, name):
        seen.append(([set(p["domain"]) for p in shares.train], shares.validation[0]))
        fit(run, shares, checkpoints, name)

    monkeypatch.setattr(trainer, "fit", noting)
    keep(index, tmp_path, protocol)
    assert [domains for domains, _ in seen] == [[{"photo"}], [{"art"}]]
    assert [len(rows) for _, rows in seen] == [4, 4]
    assert [set(rows["domain"]) for _, rows in seen] == [{"art"}, {"photo"}]
    trained = pd.concat(shares_of(index, protocol=protocol).train)
    assert all(rows["image_id"].isin(trained["image_id"]).all() for _, rows in seen)


def test_one_source_domain_cannot_be_left_out(index, tmp_path):
    shares = shares_of(index)
    lonely = Shares(shares.train[:1], shares.validation[:1], shares.target)
    with pytest.raises(DatasetError, match="two or more source"):
        selection.step_to_keep(backbone(), settings("erm", LEFT_OUT), lonely, tmp_path, "run")


# --- jobs --------------------------------------------------------------------------------------


def test_a_job_with_target_selection(index, model, tmp_path):
    out = run_job(a_job(protocol=short(TARGET), targets=["photo"]), index, model, tmp_path)
    table = pd.read_parquet(out.predictions).query("seed == 0").set_index("image_id")
    parts = {role: set(rows.index) for role, rows in table.groupby("role")}
    photos = set(index.loc[index["domain"] == "photo", "image_id"])
    assert parts["target"] | parts["target_validation"] == photos
    assert not parts["target"] & parts["target_validation"]
    assert len(parts["target_validation"]) == 6
    fact = json.loads(out.metrics.read_text())[0]
    assert fact["selected_step"] == 4 and "left_out" not in fact
    held = table.loc[sorted(parts["target_validation"]), "correct"].mean()
    assert fact["validations"][-1]["target_accuracy"] == pytest.approx(held)


def test_a_job_killed_in_a_left_out_run_goes_on(index, model, tmp_path, monkeypatch):
    job = a_job(protocol=short(LEFT_OUT), targets=["photo"], seeds=[0])
    whole = run_job(job, index, model, tmp_path / "whole")
    fact = json.loads(whole.metrics.read_text())[0]
    assert [score["step"] for score in fact["left_out"]] == [1, 3, 4]
    best = max(fact["left_out"], key=lambda score: score["accuracy"])
    assert fact["selected_step"] == best["step"]
    # Dies in the second left-out run, and then in the run itself.
    for victim, step in ((1, 2), (2, 3)):
        with pytest.MonkeyPatch.context() as patch:
            count, fit = [0], trainer.fit

            def dying(run, shares, checkpoints, name, victim=victim, step=step, fit=fit, n=count):
                checkpoints.every_s = 0
                if (victim == 2) == ("without" not in name) and (victim == 2 or "sketch" in name):
                    stop_before(run, step)
                n[0] += 1
                fit(run, shares, checkpoints, name)

            patch.setattr(trainer, "fit", dying)
            with pytest.raises(Killed):
                run_job(job, index, model, tmp_path / "killed")
    folder = next((tmp_path / "killed" / "checkpoints" / "runs").iterdir())
    assert sorted(path.name for path in folder.iterdir()) == [
        "left_out_0.json", "left_out_1.json", "newest.pt", "previous.pt",
    ]  # fmt: skip
    assert not outputs(tmp_path / "killed").metrics.exists()
    same_outputs(run_job(job, index, model, tmp_path / "killed"), whole)


def test_a_job_trains_the_upper_bound(index, model, tmp_path):
    job = a_job(method=METHODS["oracle"], method_name="oracle", targets=["photo"], seeds=[0])
    table = pd.read_parquet(run_job(job, index, model, tmp_path).predictions)
    held = table.query("role == 'source_validation'")
    assert held.groupby("domain").size().to_dict() == {"art": 6, "photo": 6, "sketch": 6}
    tested = table.query("role == 'target'")
    assert set(tested["image_id"]) == set(held.query("domain == 'photo'")["image_id"])


@pytest.mark.parametrize("method", ["attn_tune", "sagm", "coral", "miro_mpa", "vl2v_sd", "clipood"])
def test_an_open_clip_backbone_trains(method, index, model, tmp_path):
    texts = torch.eye(16)[:3]
    job = a_job(
        method=METHODS[method],
        method_name=method,
        targets=["photo"],
        seeds=[0],
        texts=texts if METHODS[method].prompts else None,
    )
    out = run_job(job, index, model, tmp_path)
    weights = load_file(out.weights)
    assert {key.split("/")[2].split(".")[0] for key in weights} == {"visual", "head"}
    if METHODS[method].prompts:
        assert torch.equal(weights["photo/seed0/head.texts"], texts)


# --- validation with the training's augmentation ----------------------------------------------


def test_augmented_hold_outs_are_drawn_by_seed_and_step(index):
    rows = index.iloc[:7]
    still = HeldOut(rows, SPEC, 0)
    images = HeldOut(rows, SPEC, 0, Augmentation(), seed=5)
    stack = lambda held, step: torch.cat(list(held.batches(step)))  # noqa: E731
    assert torch.equal(stack(still, 1), stack(still, 2))
    one = stack(images, 1)
    assert one.dtype == torch.uint8 and one.shape == (7, 3, 16, 16)
    assert torch.equal(one, stack(images, 1))
    assert torch.equal(one, stack(HeldOut(rows, SPEC, 0, Augmentation(), seed=5), 1))
    assert not torch.equal(one, stack(images, 2))
    assert not torch.equal(one, stack(HeldOut(rows, SPEC, 0, Augmentation(), seed=6), 1))
    assert not torch.equal(one, stack(still, 1))
    nothing = Augmentation(crop_scale=(1, 1), flip=0, jitter=0, grayscale=0)
    assert torch.equal(stack(HeldOut(rows, SPEC, 0, nothing), 1), stack(still, 1))


def test_batches_are_in_the_order_of_the_labels(index, monkeypatch):
    monkeypatch.setattr("replidg.training.validation.BATCH", 4)
    nothing = Augmentation(crop_scale=(1, 1), flip=0, jitter=0, grayscale=0)
    for augmentation in (None, nothing):
        held = HeldOut(index, SPEC, 0, augmentation)
        pixels = list(held.batches(1))
        assert [len(batch) for batch in pixels] == [4] * 13 + [2]
        brightest = torch.cat(pixels).float().mean((2, 3)).argmax(1)
        assert torch.equal(brightest, held.labels)


def test_the_targets_hold_out_is_never_augmented(index):
    protocol = TARGET.model_copy(update={"validation_augmentation": True})
    shares = shares_of(index, protocol=protocol)
    sources, target = trainer.held_out(shares, settings("erm", protocol))
    assert all(held.augmented is not None for held in sources)
    assert target.augmented is None
    assert trainer.held_out(shares_of(index), settings("erm"))[1] is None


def test_augmented_validation_resumes_exactly(index, tmp_path):
    setting = settings("erm", AUGMENTED)
    whole = train(index, tmp_path / "whole", "erm", setting)
    run = begin(setting)
    stop_before(run, 6)
    with pytest.raises(Killed):
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path / "cut", 0), "cut")
    again = train(index, tmp_path / "cut", "erm", setting)
    assert again.history == whole.history
    assert_same(result(again, index), result(whole, index))
    plain = train(index, tmp_path / "plain", "erm")
    losses = [entry["loss"] for entry in whole.history]
    assert losses != [entry["loss"] for entry in plain.history]
