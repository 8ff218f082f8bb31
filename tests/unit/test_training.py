"""Fine-tuning: data shares, batches, exact resume after every kind of stop, jobs of many runs."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from replidg.checkpoints import STOPPED, Checkpoints, stop_on_signal
from replidg.config.inputs import Preprocessing
from replidg.config.schema import Augmentation, FineTuning, Method
from replidg.data.image_folder import DatasetError, scan
from replidg.data.images import InputSpec
from replidg.models.store import Backbone, save_open_clip
from replidg.training import job as jobs
from replidg.training import trainer
from replidg.training.data import AugmentedImages, Steps, share_out, training_batches

DOMAINS = ["art", "photo", "sketch"]
CLASSES = ["cat", "dog", "owl"]
SPEC = InputSpec(16, "squash", "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
STEPS = 10
PROTOCOL = FineTuning(
    steps=STEPS,
    batch_per_domain=2,
    evaluate_every=2,
    checkpoint_every_s=1e-9,
    validation_share=0.34,
)
METHODS = {
    "erm": Method(objective="erm", lr=0.01),
    "lp_ft": Method(objective="lp_ft", lr=0.01, linear_steps=4),
    "miro": Method(objective="miro", lr=0.01, miro_lambda=0.1),
    "swad": Method(objective="erm", averaging="swad", lr=0.01, swad_converge=2, swad_tolerate=2),
    "miro_swad": Method(
        objective="miro", averaging="swad", lr=0.01, swad_converge=1, swad_tolerate=1
    ),
}


def write_images(root: Path) -> pd.DataFrame:
    """Write 3 domains x 3 classes x 6 pictures; the class is the colour, with noise."""
    rng = np.random.default_rng(0)
    for shift, domain in enumerate(DOMAINS):
        for label, name in enumerate(CLASSES):
            folder = root / domain / name
            folder.mkdir(parents=True)
            for number in range(6):
                pixels = rng.integers(0, 120, (16, 16, 3)) + 20 * shift
                pixels[..., label] += 80
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return scan(root, DOMAINS)


def tower() -> nn.Module:
    """Return a tower with all that could break a resume: batch-norm statistics and dropout."""
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 6),
    ).eval()


def backbone() -> Backbone:
    return Backbone(tower(), None, None, SPEC, 6, "0" * 64)


def settings(method: str = "erm", protocol: FineTuning = PROTOCOL, **other) -> trainer.Settings:
    values = {"seed": 3, "feature_layers": ["0", "6"], "frozen_batchnorm": False}
    return trainer.Settings(
        METHODS[method], protocol, SPEC, len(CLASSES), channels_last=False, **(values | other)
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> pd.DataFrame:
    return write_images(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(autouse=True)
def restored():
    """Leave torch's global switches and random state as they were."""
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_rng_state(state)
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def begin(setting: trainer.Settings) -> trainer.Run:
    return trainer.Run(backbone(), setting, torch.device("cpu"))


def shares_of(index: pd.DataFrame, seed: int = 3):
    return share_out(index, DOMAINS, "sketch", PROTOCOL, seed, "all")


def result(run: trainer.Run, index: pd.DataFrame):
    """Return final weights and the logits' summary of the target domain."""
    weights = run.final_weights()
    run.classifier.load_state_dict(weights)
    return weights, trainer.predict(run, shares_of(index).target, "target")


def train(index, folder: Path, method: str, setting=None) -> trainer.Run:
    setting = setting or settings(method)
    run = begin(setting)
    trainer.fit(
        run, shares_of(index), Checkpoints(folder, setting.protocol.checkpoint_every_s), method
    )
    return run


def assert_same(one, other) -> None:
    assert one[0].keys() == other[0].keys()
    for name, value in one[0].items():
        assert torch.equal(value, other[0][name]), name
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)


@pytest.fixture(scope="module")
def unbroken(index, tmp_path_factory):
    """Return results of unbroken runs, trained once a method."""
    known = {}

    def get(method: str):
        if method not in known:
            run = train(index, tmp_path_factory.mktemp("unbroken"), method)
            known[method] = (result(run, index), run.history)
        return known[method]

    return get


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def stop_before(run: trainer.Run, step: int) -> None:
    """Let the run die when it is about to take `step`."""
    take = run.train_step

    def dying(batch):
        if run.step == step:
            raise Killed
        return take(batch)

    run.train_step = dying


# --- who trains, validates and is tested on what ---------------------------------------------


def test_own_splits_are_used(index):
    splits = np.resize(["train", "train", "val", "test"], len(index))
    parts = share_out(index.assign(split=splits), DOMAINS, "photo", PROTOCOL, 0, "all")
    assert [set(rows["domain"]) for rows in parts.train] == [{"art"}, {"sketch"}]
    assert all(set(rows["split"]) == {"train"} for rows in parts.train)
    assert all(set(rows["split"]) == {"val"} for rows in parts.validation)
    assert len(parts.target) == 18 and set(parts.target["domain"]) == {"photo"}
    tested = share_out(index.assign(split=splits), DOMAINS, "photo", PROTOCOL, 0, "test").target
    assert set(tested["split"]) == {"test"}


def test_hold_out_is_disjoint_complete_and_seeded(index):
    parts = shares_of(index, seed=5)
    for domain, kept, held in zip(["art", "photo"], parts.train, parts.validation, strict=True):
        own = set(index.loc[index["domain"] == domain, "image_id"])
        assert set(kept["image_id"]) | set(held["image_id"]) == own
        assert not set(kept["image_id"]) & set(held["image_id"])
        assert len(held) == 6  # 18 * 0.34 = 6.12
    again, other = shares_of(index, seed=5), shares_of(index, seed=6)
    ids = lambda shares: [rows["image_id"].tolist() for rows in shares.validation]  # noqa: E731
    assert ids(parts) == ids(again)
    assert ids(parts) != ids(other)
    # A domain's hold-out does not depend on which other domain is the target.
    elsewhere = share_out(index, DOMAINS, "photo", PROTOCOL, 5, "all")
    assert ids(elsewhere)[0] == ids(parts)[0]


def test_validation_images_cap(index):
    protocol = PROTOCOL.model_copy(update={"validation_images": 2})
    capped = share_out(index, DOMAINS, "sketch", protocol, 3, "all")
    whole = shares_of(index)
    for few, many in zip(capped.validation, whole.validation, strict=True):
        assert len(few) == 2 and set(few["image_id"]) < set(many["image_id"])
    # The rest is not given back to training.
    for one, other in zip(capped.train, whole.train, strict=True):
        assert one["image_id"].tolist() == other["image_id"].tolist()


def test_a_source_domain_without_training_images_is_an_error(index):
    with pytest.raises(DatasetError, match="'art'"):
        share_out(index.assign(split="val"), DOMAINS, "photo", PROTOCOL, 0, "all")
    none_held = PROTOCOL.model_copy(update={"validation_share": 0.0})
    with pytest.raises(DatasetError, match="no validation image"):
        share_out(index, DOMAINS, "photo", none_held, 0, "all")


# --- batches -----------------------------------------------------------------------------------


def test_steps_resume_in_the_middle():
    whole = list(Steps([5, 70], 4, seed=9, start=0, stop=12))
    assert list(Steps([5, 70], 4, seed=9, start=7, stop=12)) == whole[7:]
    assert len(Steps([5, 70], 4, seed=9, start=7, stop=12)) == 5
    for batch in whole:
        rows = [row for row, _ in batch]
        assert all(0 <= row < 5 for row in rows[:4]) and all(5 <= row < 75 for row in rows[4:])
    assert whole[0] != whole[1]
    assert whole != list(Steps([5, 70], 4, seed=10, start=0, stop=12))
    assert {row for batch in whole for row, _ in batch[:4]} == set(range(5))


def test_batches_carry_their_own_labels_and_domains(index):
    still = PROTOCOL.model_copy(
        update={"augmentation": Augmentation(crop_scale=(1, 1), flip=0, jitter=0, grayscale=0)}
    )
    shares = shares_of(index)
    rows = pd.concat(shares.train).reset_index(drop=True)
    steps = Steps([12, 12], 2, 3, 0, STEPS)
    for batch, items in zip(training_batches(shares, SPEC, still, 3, 0), steps, strict=True):
        assert batch.pixels.dtype == torch.uint8 and batch.pixels.shape == (4, 3, 16, 16)
        assert batch.domains.tolist() == [0, 0, 1, 1]
        assert batch.labels.tolist() == rows["label"].iloc[[row for row, _ in items]].tolist()
        for place, domain, label in zip(batch.pixels, batch.domains, batch.labels, strict=True):
            # The brightest channel is the class, as written (crops of other shapes keep it).
            assert place.float().mean((1, 2)).argmax() == label, domain


def test_augmentation_depends_on_its_seed_alone(index):
    images = AugmentedImages(index["path"].tolist(), SPEC, Augmentation())
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one = images[3, 11]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(images[3, 11], one)
    assert not torch.equal(images[3, 12], one)


# --- training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_training_changes_the_weights_and_is_repeatable(method, index, unbroken, tmp_path):
    (weights, table), history = unbroken(method)
    assert [entry["step"] for entry in history] == [1, 3, 5, 7, 9, 10]
    start = begin(settings(method)).classifier.state_dict()
    assert not torch.equal(weights["head.weight"], start["head.weight"])
    assert table["correct"].equals(table["pred"] == table["label"])
    assert_same(result(train(index, tmp_path, method), index), (weights, table))


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_resumed_is_unbroken(method, index, unbroken, tmp_path):
    expected, history = unbroken(method)
    # Dies three times in one run: before a first validation, in a segment, at a segment's end.
    for step in (1, 4, 7):
        run = begin(settings(method))
        stop_before(run, step)
        with pytest.raises(Killed):
            trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 0), "dying")
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

    def validate(validation):
        nonlocal values
        value = next(each)
        values = iter([value] * len(validation))
        own(validation)
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


# --- stops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_exits_with_99(number, index, unbroken, tmp_path):
    run = begin(settings("swad"))
    take = run.train_step

    def step(batch):
        if run.step == 4:
            os.kill(os.getpid(), number)
        return take(batch)

    run.train_step = step
    with pytest.raises(SystemExit) as stopped:
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 3600), "stopped")
    assert stopped.value.code == STOPPED == 99
    assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert_same(result(train(index, tmp_path, "swad"), index), unbroken("swad")[0])


def test_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signal() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop and stop.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


SUBPROCESS = """
    import os, signal, sys
    from pathlib import Path
    import torch
    sys.path.insert(0, sys.argv[1])
    import test_training as t
    index = t.scan(Path(sys.argv[2]), t.DOMAINS)
    run = t.begin(t.settings("miro_swad"))
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[4] == "between steps":
        take = run.train_step
        run.train_step = lambda batch: die() if run.step == 5 else take(batch)
    else:
        save = torch.save
        def half(state, path):
            save(state, path)
            if state["step"] == 6:
                os.truncate(path, os.path.getsize(path) // 2)
                die()
        torch.save = half
    checkpoints = t.Checkpoints(Path(sys.argv[3]), 0)
    t.trainer.fit(run, t.shares_of(index), checkpoints, "killed")
"""


@pytest.mark.parametrize("when", ["between steps", "while saving"])
def test_kill_9_then_resume_is_unbroken(when, index, unbroken, tmp_path):
    root = Path(index["path"][0]).parents[2]
    code = textwrap.dedent(SUBPROCESS)
    arguments = [str(Path(__file__).parent), str(root), str(tmp_path), when]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert_same(result(train(index, tmp_path, "miro_swad"), index), unbroken("miro_swad")[0])


@pytest.mark.parametrize("damage", ["half", "empty", "garbage"])
def test_a_damaged_newest_checkpoint_falls_back(damage, index, unbroken, tmp_path, caplog):
    run = begin(settings("erm"))
    stop_before(run, 6)
    with pytest.raises(Killed):
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 0), "dying")
    newest = tmp_path / "newest.pt"
    content = newest.read_bytes()
    newest.write_bytes(
        {"half": content[: len(content) // 2], "empty": b"", "garbage": b"x" * 99}[damage]
    )
    with caplog.at_level(logging.WARNING):
        assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert "newest.pt is damaged" in caplog.text
    assert_same(result(train(index, tmp_path, "erm"), index), unbroken("erm")[0])


def test_two_damaged_checkpoints_start_again(index, unbroken, tmp_path, caplog):
    for name in ("newest.pt", "previous.pt"):
        (tmp_path / name).write_bytes(b"x")
    assert_same(result(train(index, tmp_path, "erm"), index), unbroken("erm")[0])
    assert "newest.pt is damaged" in caplog.text and "previous.pt is damaged" in caplog.text


def test_a_damaged_checkpoint_never_replaces_a_whole_one(tmp_path):
    checkpoints = Checkpoints(tmp_path, 0)
    checkpoints.save({"step": 1})
    checkpoints.save({"step": 2})
    checkpoints.newest.write_bytes(b"half")
    again = Checkpoints(tmp_path, 0)
    assert again.load() == {"step": 1}

    def full(state, path):
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError):
            again.save({"step": 3})
    assert Checkpoints(tmp_path, 0).load() == {"step": 1}


def test_checkpoints_keep_two_and_know_when_they_are_due(tmp_path):
    checkpoints = Checkpoints(tmp_path, 1000)
    assert checkpoints.load() is None and not checkpoints.due()
    checkpoints.saved_at -= 1000
    assert checkpoints.due()
    for step in range(3):
        checkpoints.save({"step": step})
    assert not checkpoints.due()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["newest.pt", "previous.pt"]
    assert torch.load(checkpoints.newest)["step"] == 2
    assert torch.load(checkpoints.previous)["step"] == 1


# --- jobs --------------------------------------------------------------------------------------

ARCHITECTURE = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": ARCHITECTURE, "preprocess_cfg": {}})
    )
    torch.manual_seed(0)
    save_open_clip(folder, open_clip.create_model(f"local-dir:{folder}"), ARCHITECTURE)
    return folder


def a_job(**changes) -> jobs.Job:
    job = jobs.Job(
        dataset="tiny",
        domains=DOMAINS,
        targets=["photo", "sketch"],
        seeds=[0, 1],
        method_name="erm",
        method=METHODS["erm"],
        protocol=PROTOCOL.model_copy(update={"steps": 4, "checkpoint_every_s": 1e9}),
        preprocessing=Preprocessing(resize="squash"),
        target_images="all",
        feature_layers=["transformer.resblocks.[01]"],
        frozen_batchnorm=True,
        channels_last=False,
    )
    return replace(job, **changes)


def outputs(folder: Path) -> jobs.Outputs:
    return jobs.Outputs(
        folder / "predictions.parquet", folder / "metrics.json", folder / "model.safetensors"
    )


def run_job(job, index, model, folder: Path, checkpoints: Path | None = None) -> jobs.Outputs:
    out = outputs(folder)
    jobs.train_all(job, index, 3, model, checkpoints or folder / "checkpoints", out)
    return out


@pytest.fixture(scope="module")
def finished(index, model, tmp_path_factory) -> jobs.Outputs:
    return run_job(a_job(), index, model, tmp_path_factory.mktemp("finished"))


def same_outputs(one: jobs.Outputs, other: jobs.Outputs) -> None:
    tables = [pd.read_parquet(out.predictions) for out in (one, other)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    weights = [load_file(out.weights) for out in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert one.metrics.read_text() == other.metrics.read_text()


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


# --- the key of a run --------------------------------------------------------------------------


def key(job=None, index=None, target="photo", weights="0" * 64, **setting) -> str:
    job = job or a_job()
    chosen = settings("erm", job.protocol, **setting)
    own = replace(backbone_facts(), weights_sha256=weights)
    return jobs.run_hash(job, chosen, target, index, own)


def backbone_facts() -> Backbone:
    return Backbone(nn.Identity(), None, None, SPEC, 6, "")


CHANGES = {
    "data set": {"dataset": "other"},
    "domains": {"domains": DOMAINS[::-1]},
    "target images": {"target_images": "test"},
    "layers": {"feature_layers": ["0"]},
    "batch-norm": {"frozen_batchnorm": False},
    "memory format": {"channels_last": True},
    "learning rate": {"method": Method(objective="erm", lr=0.02)},
    "objective": {"method": Method(objective="miro", lr=0.01)},
    "averaging": {"method": Method(objective="erm", lr=0.01, averaging="swad")},
    "steps": {"protocol": PROTOCOL.model_copy(update={"steps": 99})},
    "batch": {"protocol": PROTOCOL.model_copy(update={"batch_per_domain": 3})},
    "frozen layers": {"protocol": PROTOCOL.model_copy(update={"frozen_layers": ["0"]})},
    "augmentation": {
        "protocol": PROTOCOL.model_copy(update={"augmentation": Augmentation(flip=0)})
    },
    "hold-out": {"protocol": PROTOCOL.model_copy(update={"validation_share": 0.5})},
}


@pytest.mark.parametrize("change", CHANGES)
def test_run_hash_changes_with_what_the_job_says(change, index):
    base = a_job(protocol=PROTOCOL)
    assert key(replace(base, **CHANGES[change]), index) != key(base, index)


def test_run_hash_changes_with_target_seed_weights_input_and_code(index, monkeypatch):
    base = key(index=index)
    assert key(index=index) == base
    assert key(index=index, target="sketch") != base
    assert key(index=index, weights="1" * 64) != base
    assert key(index=index, seed=4) != base
    small = replace(settings("erm", a_job().protocol), spec=SPEC._replace(size=8))
    own = replace(backbone_facts(), weights_sha256="0" * 64)
    assert jobs.run_hash(a_job(), small, "photo", index, own) != base
    monkeypatch.setattr(jobs, "code_version", lambda: "changed")
    assert key(index=index) != base


@pytest.mark.parametrize(
    ("what", "value"),
    [("image_id", "art/cat/99.png"), ("bytes", 99), ("split", "val"), ("label", 2)],
)
def test_run_hash_changes_with_the_index(what, value, index):
    own = index.assign(bytes=100, split="train")
    other = own.copy()
    other.loc[0, what] = value
    assert key(index=own) != key(index=other)


def test_run_hash_changes_with_the_number_of_classes(index):
    own = replace(backbone_facts(), weights_sha256="0" * 64)
    three = settings("erm", a_job().protocol)
    hashes = {
        jobs.run_hash(a_job(), replace(three, classes=n), "photo", index, own) for n in (3, 4)
    }
    assert len(hashes) == 2


def test_run_hash_does_not_change_with_what_has_no_effect(index):
    base = a_job()
    for name, value in {"workers": 2, "checkpoint_every_s": 7.0}.items():
        other = base.protocol.model_copy(update={name: value})
        assert key(replace(base, protocol=other), index) == key(base, index)
    # Other targets and seeds of the same job are runs of their own.
    assert key(replace(base, targets=["photo"], seeds=[7]), index) == key(base, index)


def test_workers_do_not_change_the_result(index, unbroken, tmp_path):
    protocol = PROTOCOL.model_copy(update={"workers": 1})
    run = train(index, tmp_path, "erm", settings("erm", protocol))
    assert_same(result(run, index), unbroken("erm")[0])


def test_code_version_reads_what_decides_a_training(tmp_path):
    package = Path(trainer.__file__).parents[1]
    copy = tmp_path / "replidg"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    version = jobs.code_version(copy)
    assert version == jobs.code_version()
    for name in ("methods/miro.py", "training/data.py", "data/images.py", "seeds.py"):
        with open(copy / name, "a") as file:
            file.write("# changed\n")
        assert jobs.code_version(copy) != version, name
        version = jobs.code_version(copy)
    with open(copy / "reporting/style.py", "a") as file:
        file.write("# changed\n")
    assert jobs.code_version(copy) == version
