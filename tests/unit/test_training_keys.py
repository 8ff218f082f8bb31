"""The key of a run: it changes with all that a training's result depends on, and only with it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn
from training_runs import DOMAINS, PROTOCOL, SPEC, a_job, class_texts, settings

from replidg.config.methods import Augmentation, Method
from replidg.models.store import Backbone
from replidg.training import job as jobs
from replidg.training import trainer

pytestmark = pytest.mark.usefixtures("restored")


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
    "domains that train": {"method": Method(objective="erm", lr=0.01, train_on="all")},
    "class texts": {"texts": class_texts()},
    "selection": {"protocol": PROTOCOL.model_copy(update={"selection": "target"})},
    "augmented validation": {
        "protocol": PROTOCOL.model_copy(update={"validation_augmentation": True})
    },
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


def test_run_hash_changes_with_the_values_of_the_texts(index):
    texts = class_texts()
    base = key(a_job(texts=texts), index)
    assert key(a_job(texts=texts.clone()), index) == base
    assert key(a_job(texts=texts.flip(0)), index) != base


def test_run_hash_does_not_change_with_what_has_no_effect(index):
    base = a_job()
    for name, value in {"workers": 2, "checkpoint_every_s": 7.0}.items():
        other = base.protocol.model_copy(update={name: value})
        assert key(replace(base, protocol=other), index) == key(base, index)
    # Other targets and seeds of the same job are runs of their own.
    assert key(replace(base, targets=["photo"], seeds=[7]), index) == key(base, index)


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
