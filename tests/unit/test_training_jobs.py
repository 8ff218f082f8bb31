"""Jobs of many runs: what they write, and what a kill leaves."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from training_runs import METHODS, Killed, a_job, outputs, run_job, same_outputs

from replidg.training import job as jobs
from replidg.training import trainer

pytestmark = pytest.mark.usefixtures("restored")


def test_a_job_writes_predictions_metrics_and_weights(finished, index):
    table = pd.read_parquet(finished.predictions)
    facts = json.loads(finished.metrics.read_text())
    assert [(f["target"], f["seed"]) for f in facts] == [
        ("photo", 0), ("photo", 1), ("sketch", 0), ("sketch", 1),
    ]  # fmt: skip
    for fact in facts:
        own = table[(table["target"] == fact["target"]) & (table["seed"] == fact["seed"])]
        tested = own[own["role"] == "target"]
        assert sorted(tested["image_id"]) == sorted(
            index.loc[index["domain"] == fact["target"], "image_id"]
        )
        assert fact["target_accuracy"] == pytest.approx(tested["correct"].mean())
        held = own[own["role"] == "source_validation"]
        assert fact["target"] not in set(held["domain"]) and len(held) == 12
        assert fact["selected_step"] in (1, 3, 4)
    assert set(table["method"]) == {"erm"} and set(table["dataset"]) == {"tiny"}
    weights = load_file(finished.weights)
    assert weights["photo/seed0/head.weight"].shape == (3, 16)
    heads = [weights[f"{t}/seed{s}/head.weight"] for t in ("photo", "sketch") for s in (0, 1)]
    assert all(not torch.equal(heads[0], other) for other in heads[1:])
    # Checkpoints are gone, nothing half-written is left.
    runs = finished.metrics.parent / "checkpoints" / "runs"
    assert list(runs.iterdir()) == []
    assert not list(finished.metrics.parent.glob(".*"))


def test_runs_of_a_job_do_not_depend_on_each_other(finished, index, model, tmp_path):
    alone = run_job(a_job(targets=["sketch"], seeds=[1]), index, model, tmp_path)
    together = load_file(finished.weights)
    for name, value in load_file(alone.weights).items():
        assert torch.equal(value, together[name]), name


def test_finished_runs_are_reused_after_a_kill(finished, index, model, tmp_path, monkeypatch):
    trained = []
    fit = trainer.fit

    def third_dies(run, shares, checkpoints, name):
        trained.append(name)
        if len(trained) == 3:
            raise Killed
        fit(run, shares, checkpoints, name)

    monkeypatch.setattr(trainer, "fit", third_dies)
    with pytest.raises(Killed):
        run_job(a_job(), index, model, tmp_path)
    assert not outputs(tmp_path).metrics.exists()
    out = run_job(a_job(), index, model, tmp_path)
    assert len(trained) == 3 + 2 and trained[2] == trained[3]
    same_outputs(out, finished)


def test_killed_while_results_of_a_run_are_written(finished, index, model, tmp_path, monkeypatch):
    def dies(*_):
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "save_file", dies)
        with pytest.raises(Killed):
            run_job(a_job(), index, model, tmp_path)
    same_outputs(run_job(a_job(), index, model, tmp_path), finished)


def test_killed_while_checkpoints_are_removed(finished, index, model, tmp_path, monkeypatch):
    """A folder that is half removed must not pass for a finished run."""

    # The order in which rmtree finds the files is the file system's, so every file may be the
    # first that is gone.
    def dies(folder, *_, **__):
        (Path(folder) / "predictions.parquet").unlink(missing_ok=True)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.shutil, "rmtree", dies)
        with pytest.raises(Killed):
            run_job(a_job(), index, model, tmp_path)
    same_outputs(run_job(a_job(), index, model, tmp_path), finished)


def test_an_open_clip_backbone_trains_with_miro_and_swad(index, model, tmp_path):
    job = a_job(method=METHODS["miro_swad"], method_name="miro_swad", targets=["photo"], seeds=[0])
    out = run_job(job, index, model, tmp_path)
    fact = json.loads(out.metrics.read_text())[0]
    assert fact["selected_step"] is None and len(fact["validations"]) == 3
    # The oracle and the variance encoders are no part of the classifier.
    assert {k.split("/")[2].split(".")[0] for k in load_file(out.weights)} == {"visual", "head"}
