"""Training by mmengine: killed and unbroken runs are alike to the byte; order, seeds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from segmentor_parts import small_plan, store_clip, write_scenes

from replidg.compat import prepare_mmseg

prepare_mmseg()

from replidg.checkpoints import STOPPED, Checkpoints  # noqa: E402
from replidg.files import sha256_file, write_json  # noqa: E402
from replidg.segmentation import train  # noqa: E402
from replidg.segmentation.build import load_segmentor  # noqa: E402
from replidg.segmentation.hooks import ResumeHook  # noqa: E402
from replidg.segmentation.launch import launch, read_task, train_by_hand  # noqa: E402
from replidg.segmentation.mmengine_config import run_config  # noqa: E402
from replidg.segmentation.stepped import SteppedDataset  # noqa: E402
from replidg.segmentation.train import Training, train_all  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return store_clip(folder / "cnn", "cnn"), write_scenes(folder / "scenes")


def make_training(data, out, **changes):
    clip, images = data
    arm = {"language": {"prompts": "p"}, **changes.pop("arm", {})}
    plan = small_plan(clip, arm=arm, encoder={"drop_path": 0.3}, **changes)
    return Training(plan, [images], out)


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory):
    """The run that the others are compared with, and its folder of checkpoints."""
    folder = tmp_path_factory.mktemp("unbroken")
    train_all([make_training(data, folder / "out")], folder / "checkpoints")
    return folder


def same_weights(first, second):
    return sha256_file(first / train.WEIGHTS) == sha256_file(second / train.WEIGHTS)


def test_a_run_leaves_its_files_and_nothing_else(unbroken):
    out = unbroken / "out"
    assert {path.name for path in out.iterdir()} == {
        "by_hand",
        "metrics.json",
        "mmengine_config.py",
        "model.safetensors",
        "segmentor.json",
    }
    facts = train.read_facts(out)
    assert [point["step"] for point in facts["loss"]] == [1, 2, 3, 4]
    assert 0 < facts["trainable_parameters"] < facts["parameters"] + 1
    assert not list((unbroken / "checkpoints").rglob("*.pt"))


def test_the_trained_network_can_be_loaded(unbroken, data):
    loaded = load_segmentor(unbroken / "out")
    assert not loaded.segmentor.training
    assert (loaded.window, loaded.stride, loaded.test_size("scenes")) == (32, 24, (48, 32))
    before = load_segmentor(unbroken / "out", trained=False).segmentor
    own, other = dict(loaded.segmentor.named_parameters()), dict(before.named_parameters())
    assert own.keys() == other.keys()
    moved = [name for name in own if not own[name].equal(other[name])]
    assert any(name.startswith("backbone.trunk") for name in moved)


def test_a_second_run_gives_the_same_bytes(unbroken, data, tmp_path):
    train_all([make_training(data, tmp_path / "out")], tmp_path / "checkpoints")
    assert same_weights(tmp_path / "out", unbroken / "out")


def test_another_seed_gives_others(unbroken, data, tmp_path):
    train_all([make_training(data, tmp_path / "out", seed=1)], tmp_path / "checkpoints")
    assert not same_weights(tmp_path / "out", unbroken / "out")


@pytest.mark.parametrize("at", [1, 3])
def test_a_stopped_run_goes_on_to_the_same_bytes(unbroken, data, tmp_path, monkeypatch, at):
    """Stopped inside an epoch (5 images, 2 a step), it is resumed by another process' hook."""
    training = make_training(data, tmp_path / "out")
    after = ResumeHook.after_train_iter

    def stop_there(self, runner, *args, **kwargs):
        if runner.iter + 1 == at and self.stop is not None:
            self.stop.signal = signal.SIGTERM
        after(self, runner, *args, **kwargs)

    monkeypatch.setattr(ResumeHook, "after_train_iter", stop_there)
    with pytest.raises(SystemExit) as stopped:
        train_all([training], tmp_path / "checkpoints")
    assert stopped.value.code == STOPPED
    saved = next((tmp_path / "checkpoints").rglob("newest.pt"))
    assert Checkpoints(saved.parent, 1).load()["step"] == at
    monkeypatch.undo()
    train_all([training], tmp_path / "checkpoints")
    assert same_weights(tmp_path / "out", unbroken / "out")
    assert len(train.read_facts(tmp_path / "out")["loss"]) == 4


def task_of(training, path):
    """Write a run down as `launch` does for other processes."""
    content = {
        "plan": training.plan.model_dump(mode="json"),
        "images": [images.model_dump(mode="json") for images in training.images],
        "out": str(training.out),
    }
    write_json(path, [content])
    assert read_task(path) == [training]
    return path


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(data, tmp_path):
    """kill -9 behind a checkpoint; the next process goes on from it."""
    scale = {"iterations": 40}
    often = {"checkpoint_every_s": 0.001}
    whole = make_training(data, tmp_path / "whole", scale=scale, training=often)
    train_all([whole], tmp_path / "whole_checkpoints")
    broken = make_training(data, tmp_path / "broken", scale=scale, training=often)
    task = task_of(broken, tmp_path / "task.json")
    points = tmp_path / "checkpoints"
    command = [sys.executable, "-m", "replidg.segmentation.launch", str(task), str(points)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    give_up = time.monotonic() + 300
    while not list(points.rglob("previous.pt")) and time.monotonic() < give_up:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not broken.out.exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert same_weights(broken.out, whole.out)


@pytest.mark.slow
def test_two_processes_train_one_network(data, tmp_path):
    """Gloo on two CPU processes: each takes half of every batch."""
    training = make_training(data, tmp_path / "out", training={"gpus": 2})
    launch([training], tmp_path / "checkpoints")
    facts = train.read_facts(tmp_path / "out")
    assert [point["step"] for point in facts["loss"]] == [1, 2, 3, 4]
    assert load_segmentor(tmp_path / "out").plan == training.plan


def test_finished_runs_of_a_job_are_kept(data, tmp_path, monkeypatch):
    """Stopped in its second run, a job does not train the first again."""
    trainings = [make_training(data, tmp_path / f"out{seed}", seed=seed) for seed in (0, 1)]
    first = train.train_one
    calls = []

    def stop_at_second(training, folder, stop):
        calls.append(training.plan.seed)
        if len(calls) == 2:
            raise SystemExit(STOPPED)
        first(training, folder, stop)

    monkeypatch.setattr(train, "train_one", stop_at_second)
    with pytest.raises(SystemExit):
        train_all(trainings, tmp_path / "checkpoints")
    assert not (tmp_path / "out0").exists()
    train_all(trainings, tmp_path / "checkpoints")
    assert calls == [0, 1, 1]
    assert (tmp_path / "out0" / train.WEIGHTS).is_file()


def test_a_run_can_begin_with_anothers_weights(unbroken, data, tmp_path):
    """With a rate of nearly 0 it ends where it began."""
    start = unbroken / "out" / train.WEIGHTS
    still = make_training(
        data, tmp_path / "out", seed=5, training={"lr": 1e-12, "weight_decay": 0.0}
    )
    plan = still.plan.model_copy(update={"start": str(start), "start_sha256": sha256_file(start)})
    train_all([Training(plan, still.images, still.out)], tmp_path / "checkpoints")
    before = load_segmentor(unbroken / "out").segmentor.state_dict()
    after = load_segmentor(tmp_path / "out").segmentor.state_dict()
    for name, value in after.items():
        if value.is_floating_point():
            np.testing.assert_allclose(value.numpy(), before[name].numpy(), rtol=0, atol=1e-6)


def test_the_configuration_trains_by_hand(unbroken, data):
    """mmengine_config.py is enough to train the same network again."""
    train_by_hand(unbroken / "out" / train.CONFIG)
    ours, theirs = load_segmentor(unbroken / "out"), unbroken / "out" / train.BY_HAND
    assert (theirs / train.WEIGHTS).is_file()
    assert ours.plan.seed == 0


def test_the_key_of_a_run_ignores_what_does_not_matter(data, tmp_path):
    plain = make_training(data, tmp_path / "a").plan
    for same in (
        {"training": {"checkpoint_every_s": 7.0, "workers": 3}},
        {"scale": {"window": 40, "stride": 8, "test_size": (64, 64)}},
        {"arm": {"studies": {"t1": "x"}, "sources": ["gta5"]}},
    ):
        assert make_training(data, tmp_path / "b", **same).plan.key() == plain.key(), same
    for other in (
        {"training": {"lr": 1e-3}},
        {"scale": {"crop": 24}},
        {"arm": {"frozen": "all"}},
        {"seed": 1},
    ):
        assert make_training(data, tmp_path / "b", **other).plan.key() != plain.key(), other


def test_each_epoch_shows_each_image_once(data, tmp_path):
    training = make_training(data, tmp_path / "out", scale={"iterations": 10})
    config = run_config(training.plan, training.images, tmp_path / "work")
    dataset = SteppedDataset(
        **{key: v for key, v in config["train_dataloader"]["dataset"].items() if key != "type"}
    )
    places = [dataset.place(position) for position in range(20)]
    epochs = [places[start : start + 5] for start in range(0, 20, 5)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_an_image_at_a_position_is_always_the_same(data, tmp_path):
    training = make_training(data, tmp_path / "out")
    config = run_config(training.plan, training.images, tmp_path / "work")
    arguments = {
        key: v for key, v in config["train_dataloader"]["dataset"].items() if key != "type"
    }
    one, other = SteppedDataset(**arguments), SteppedDataset(**arguments)
    np.random.seed(1)
    first = one[6]["inputs"]
    np.random.seed(2)
    other[3]
    assert first.equal(other[6]["inputs"])
    assert not first.equal(one[7]["inputs"])
    assert first.shape == (3, 32, 32)


def test_parts_of_a_batch_and_number_format_reach_mmengine(data, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    changes = {"accumulate": 2, "amp": True, "amp_dtype": "bfloat16"}
    training = make_training(data, tmp_path / "out", training=changes)
    config = run_config(training.plan, training.images, tmp_path / "work")
    wrapper = config["optim_wrapper"]
    assert (wrapper["type"], wrapper["dtype"]) == ("AmpOptimWrapper", "bfloat16")
    assert wrapper["accumulative_counts"] == 2
    # 4 steps of 2 images.
    assert config["train_cfg"]["max_iters"] == 8
    assert config["train_dataloader"]["batch_size"] == 1


def test_the_rate_moves_on_after_whole_steps(data, tmp_path, monkeypatch):
    seen = []
    after = ResumeHook.after_train_iter

    def noted(self, runner, *args, **kwargs):
        seen.append(runner.optim_wrapper.get_lr()["lr"][-1])
        after(self, runner, *args, **kwargs)

    monkeypatch.setattr(ResumeHook, "after_train_iter", noted)
    rates = []
    for accumulate in (1, 2):
        seen.clear()
        out = tmp_path / f"out{accumulate}"
        training = make_training(data, out, training={"accumulate": accumulate})
        train_all([training], tmp_path / "checkpoints")
        rates.append(list(seen))
    # Noted behind the hook that moves it on: after the first part of a step it is the last one's.
    assert rates[1][1::2] == rates[0]
    assert rates[1][2::2] == rates[0][:-1]


def test_several_sources_are_drawn_from_as_one(data, tmp_path):
    clip, images = data
    second = write_scenes(tmp_path / "second", 3).model_copy(update={"name": "second"})
    training = Training(small_plan(clip), [images, second], tmp_path / "out")
    config = run_config(training.plan, training.images, tmp_path / "work")
    dataset = SteppedDataset(
        **{key: v for key, v in config["train_dataloader"]["dataset"].items() if key != "type"}
    )
    seen = {Path(dataset[position]["data_samples"].img_path) for position in range(8)}
    assert len(seen) == 8
    assert sum("second" in str(path) for path in seen) == 3
