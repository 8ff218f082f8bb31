"""Training of domain classifiers: draws, rates, and the same bits after a kill."""

import json
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from domain_runs import CLASSIFIERS, DR, FT, SPEC, domains, make_backbone, make_job, make_labels
from safetensors.torch import load_file

from replidg.checkpoints import Checkpoints
from replidg.config.forgotten import DomainClassifier
from replidg.models.domain_nets import trainable
from replidg.training import domain_run
from replidg.training.domain_job import make_all, with_classes
from replidg.training.domain_run import DomainRun, Draws, Plan, fit, rate

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return make_labels(tmp_path_factory.mktemp("labelled"))


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return make_backbone(tmp_path_factory.mktemp("clip"))


def plan(training=FT, lr=0.1, balanced=False):
    return Plan(training, lr, balanced, SPEC, True, False, 0)


def test_rates_are_torchs_step_schedule():
    training = FT.model_copy(update={"epochs": 6, "step_epochs": 2, "gamma": 0.1})
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)
    for epoch in range(6):
        assert rate(training, 0.1, 5 * epoch + 3, 5) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


def test_rates_warm_up_and_fall_as_a_cosine():
    training = DR.model_copy(update={"epochs": 5, "warmup_epochs": 1})
    found = [rate(training, 1.0, step, 4) for step in range(20)]
    assert found[:4] == [0.25, 0.5, 0.75, 1.0] and found[4] == 1.0
    assert found[12] == pytest.approx(0.5)  # half of the 16 steps behind the warm-up
    assert 0 < found[-1] < 0.02 and found[4:] == sorted(found[4:], reverse=True)


def test_an_epoch_has_each_picture_once():
    draws = Draws(np.array([0, 1, 2] * 7), plan())
    rows = [row for step in draws for row, _ in step]
    assert len(draws) == 6 and draws.per_epoch == 3
    assert sorted(rows[:21]) == sorted(rows[21:]) == list(range(21)) and rows[:21] != rows[21:]
    resumed = Draws(np.array([0, 1, 2] * 7), plan(), start=2)
    assert list(resumed) == list(draws)[2:]


def test_balanced_draws_have_the_classes_alike():
    classes = np.array([0] * 900 + [1] * 90 + [2] * 10)
    order = Draws(classes, plan(balanced=True)).order(0)
    counts = np.bincount(classes[order])
    assert counts.sum() == 1000 and counts.min() > 270


def run_of(labels, backbone, training=FT, against=None, lr=0.1):
    classifier = DomainClassifier(kind="ft", against=against)
    net = trainable(backbone.visual, backbone.dim, SPEC.size, classifier, 1.0)
    train = with_classes(labels[labels["split"] == "train"], against)
    return DomainRun(net, train, plan(training, lr), torch.device("cpu"))


def test_small_forward_passes_give_the_same_step(labels, backbone):
    steps = []
    for parts in (1, 3):
        run = run_of(labels, backbone, FT.model_copy(update={"accumulate": parts}))
        pixels = torch.randint(256, (8, 3, 16, 16), generator=torch.Generator().manual_seed(0))
        loss = run.train_step(pixels.to(torch.uint8), torch.arange(8) % 3)
        steps.append((loss.item(), run.net.readout.linear.weight.detach().clone()))
    assert steps[0][0] == pytest.approx(steps[1][0], rel=1e-5)
    torch.testing.assert_close(steps[0][1], steps[1][1], rtol=1e-4, atol=1e-6)


def test_all_of_the_tower_learns_unless_frozen(labels, backbone):
    for frozen, expected in (([], True), (["conv1", "transformer"], False)):
        run = run_of(labels, backbone, FT.model_copy(update={"frozen_layers": frozen}))
        before = run.net.tower.conv1.weight.detach().clone()
        run.train_step(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4) % 3)
        assert (not torch.equal(before, run.net.tower.conv1.weight)) == expected
    assert torch.equal(before, backbone.visual.conv1.weight)  # the loaded tower stays as it is


def test_the_best_epoch_is_kept(labels, backbone):
    from replidg.training.validation import HeldOut

    val = HeldOut(with_classes(labels[labels["split"] == "val"], None), SPEC, 0)
    run = run_of(labels, backbone)
    run.draws.per_epoch = 1
    losses = []
    for scale in (1.0, 50.0):  # a readout that is wildly sure is worse
        run.step += 1
        with torch.no_grad():
            run.net.readout.linear.weight.mul_(scale).neg_()
        run.end_epoch(val)
        losses.append(run.history[-1]["val_loss"])
    assert run.best["loss"] == min(losses) and run.best["epoch"] == int(np.argmin(losses))


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def chosen(names):
    return {name: DomainClassifier.model_validate(CLASSIFIERS[name]) for name in names}


class Killed(BaseException):
    """What a kill looks like from inside."""


def test_a_killed_job_ends_with_the_same_bits(labels, backbone, tmp_path, monkeypatch):
    """Killed in the second rate of the second classifier: the files are an unbroken run's."""
    names = chosen(["ft", "dr_r"])
    make_all(make_job(labels, backbone, tmp_path / "c1"), names, tmp_path / "whole")
    assert not any((tmp_path / "c1" / "domains").iterdir())
    steps, count = domain_run.DomainRun.train_step, []

    def counted(self, *args):
        count.append(1)
        if len(count) == 23:
            raise Killed
        return steps(self, *args)

    monkeypatch.setattr(domain_run.DomainRun, "train_step", counted)
    job = make_job(labels, backbone, tmp_path / "c2")
    with pytest.raises(Killed):
        make_all(job, names, tmp_path / "broken")
    done = len(count)
    make_all(job, names, tmp_path / "again")
    assert len(count) < done + 15  # ten steps a run: the finished ones were not trained again
    for name in names:
        assert files(tmp_path / "whole" / name) == files(tmp_path / "again" / name)


def test_a_signal_stops_after_the_step(labels, backbone, tmp_path, monkeypatch):
    from replidg.training.validation import HeldOut

    run = run_of(labels, backbone)
    val = HeldOut(with_classes(labels[labels["split"] == "val"], None), SPEC, 0)
    steps = domain_run.DomainRun.train_step

    def signalled(self, *args):
        if self.step == 2:
            signal.raise_signal(signal.SIGUSR1)
        return steps(self, *args)

    monkeypatch.setattr(domain_run.DomainRun, "train_step", signalled)
    checkpoints = Checkpoints(tmp_path, 1e9)
    with pytest.raises(SystemExit) as stopped:
        fit(run, val, checkpoints, "run")
    assert stopped.value.code == 99 and checkpoints.load()["step"] == 3


def test_what_a_job_writes(labels, backbone, tmp_path):
    make_all(make_job(labels, backbone, tmp_path / "c"), chosen(CLASSIFIERS), tmp_path / "out")
    for name in CLASSIFIERS:
        table = pd.read_parquet(tmp_path / "out" / name / "predictions.parquet")
        assert table["image_id"].tolist() == labels["image_id"].tolist() and "path" not in table
        assert table["natural_score"].between(0, 1).all()
        known = {"natural", "rendition"} | ({"ambiguous"} if name in ("ce", "ft") else set())
        assert set(table["default"]) <= known
        assert load_file(tmp_path / "out" / name / "model.safetensors")
    told = json.loads((tmp_path / "out" / "dr_r" / "training.json").read_text())
    losses = {r["lr"]: min(v["val_loss"] for v in r["validations"]) for r in told["runs"]}
    assert set(losses) == {1e-3, 1e-4} and losses[told["lr"]] == min(losses.values())
    assert told["temperature"] > 0


def test_more_training_separates_the_colours(labels, backbone, tmp_path):
    longer = {"ft": FT.model_dump() | {"epochs": 12, "step_epochs": 10}}
    job = make_job(labels, backbone, tmp_path / "c", **longer)
    make_all(job, chosen(["ft"]), tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "ft" / "predictions.parquet")
    test = table[table["split"] == "test"]
    assert (test["default"] == test["label"]).mean() > 0.8
    assert domains().ft.epochs == 2
