"""Fine-tuning: each method is repeatable, and its exact resume after being killed."""

import numpy as np
import pytest
import torch
from training_runs import (
    METHODS,
    PROTOCOL,
    STEPS,
    Killed,
    assert_same,
    begin,
    class_texts,
    result,
    settings,
    shares_of,
    stop_before,
    tower,
    train,
)

from replidg.checkpoints import Checkpoints
from replidg.config.methods import Augmentation
from replidg.training import trainer

pytestmark = pytest.mark.usefixtures("restored")


@pytest.mark.parametrize("method", METHODS)
def test_training_changes_the_weights_and_is_repeatable(method, index, unbroken, tmp_path):
    (weights, table), history = unbroken(method)
    assert [entry["step"] for entry in history] == [1, 3, 5, 7, 9, 10]
    start = begin(settings(method)).classifier.state_dict()
    assert weights.keys() == start.keys()
    learns = "head.weight" if METHODS[method].prompts is None else "visual.6.weight"
    assert not torch.equal(weights[learns], start[learns])
    if METHODS[method].prompts is not None:
        assert torch.equal(weights["head.texts"], class_texts())
    assert table["correct"].equals(table["pred"] == table["label"])
    assert_same(result(train(index, tmp_path, method), index), (weights, table))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(method, index, tmp_path):
    """To tell bright red, green and blue apart, in a domain that it never saw."""
    learnable = {
        "steps": 150 if method == "attn_tune" else 60,  # its convolutions stay random
        "batch_per_domain": 6,
        "evaluate_every": 10,
        "checkpoint_every_s": 1e9,
        "augmentation": Augmentation(jitter=0, grayscale=0),
    }
    setting = settings(method, PROTOCOL.model_copy(update=learnable), frozen_batchnorm=True)
    run = train(index, tmp_path, method, setting)
    assert max(entry["accuracy"] for entry in run.history) > 0.9 > run.history[0]["accuracy"]
    assert result(run, index)[1]["correct"].mean() > 0.6  # a third by chance


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_resumed_is_unbroken(method, index, unbroken, tmp_path):
    expected, history = unbroken(method)
    # Dies three times in one run: before a first validation, in a segment, at a segment's end.
    for step in (1, 4, 7):
        run = begin(settings(method))
        stop_before(run, step)
        with pytest.raises(Killed):
            shares = shares_of(index, method=method)
            trainer.fit(run, shares, Checkpoints(tmp_path, 0), "dying")
        assert run.step == step
        torch.manual_seed(step)  # the new process is in another random state
    run = train(index, tmp_path, method)
    assert run.history == history
    assert_same(result(run, index), expected)


def test_resumed_from_an_old_checkpoint_repeats_the_steps_since(index, unbroken, tmp_path):
    run = begin(settings("miro_swad"))
    stop_before(run, 3)
    with pytest.raises(Killed):
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 0), "first")
    run = begin(settings("miro_swad"))
    stop_before(run, 8)
    with pytest.raises(Killed):  # five steps are lost: no checkpoint is due in an hour
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 3600), "second")
    assert Checkpoints(tmp_path, 0).load()["step"] == 3
    assert_same(result(train(index, tmp_path, "miro_swad"), index), unbroken("miro_swad")[0])


def test_the_best_validation_is_selected(index, tmp_path):
    run = begin(settings("erm"))
    each, taken = iter([0.5, 0.75, 0.75, 0.25, 0.7, 0.6]), {}

    def accuracy(*_):
        return next(values), 1.0

    run._accuracy_and_loss = accuracy
    own = run.validate

    def validate(validation, target):
        nonlocal values
        value = next(each)
        values = iter([value] * len(validation))
        own(validation, target)
        taken[run.step] = {k: v.clone() for k, v in run.classifier.state_dict().items()}

    values, run.validate = iter([]), validate
    trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 3600), "selection")
    assert run.best["step"] == 3 and run.best["accuracy"] == 0.75  # the first of equals
    for name, value in run.final_weights().items():
        assert torch.equal(value, taken[3][name])


def test_validation_is_accuracy_and_loss_of_the_source_domains(index, tmp_path):
    run = train(index, tmp_path, "erm")
    tables = [
        trainer.predict(run, rows, "source_validation") for rows in shares_of(index).validation
    ]
    accuracy = np.mean([table["correct"].mean() for table in tables])
    assert run.history[-1]["accuracy"] == pytest.approx(accuracy)


def test_validation_images_that_do_not_fit_in_memory(index, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.HeldOut, "MEMORY", 0)
    run = train(index, tmp_path, "miro_swad")
    assert run.history == unbroken("miro_swad")[1]
    assert_same(result(run, index), unbroken("miro_swad")[0])


def test_a_run_that_is_already_at_its_end_takes_no_step(index, unbroken, tmp_path):
    first = train(index, tmp_path, "swad")
    assert first.step == STEPS
    run = begin(settings("swad"))
    stop_before(run, STEPS)
    trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 0), "again")
    assert_same(result(run, index), unbroken("swad")[0])


def test_frozen_layers_keep_their_weights(index, tmp_path):
    protocol = PROTOCOL.model_copy(update={"frozen_layers": ["0"]})
    run = train(index, tmp_path, "erm", settings("erm", protocol))
    before = tower().state_dict()
    assert torch.equal(run.classifier.visual[0].weight, before["0.weight"])
    assert not torch.equal(run.classifier.visual[6].weight, before["6.weight"])


def test_workers_do_not_change_the_result(index, unbroken, tmp_path):
    protocol = PROTOCOL.model_copy(update={"workers": 1})
    run = train(index, tmp_path, "erm", settings("erm", protocol))
    assert_same(result(run, index), unbroken("erm")[0])
