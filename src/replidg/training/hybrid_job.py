"""A job of one or many runs of the HDG benchmark. Killed, it keeps what is finished."""

from __future__ import annotations

import copy
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import load_file, save_file
from torch import Tensor

from replidg import processes
from replidg.checkpoints import Checkpoints
from replidg.config.check import BUDGET_ONLY
from replidg.config.inputs import Preprocessing
from replidg.config.methods import FineTuning
from replidg.config.scipd import HybridData, LabelSets
from replidg.config.scipd_arms import Arm, RunKey
from replidg.data import hybrid
from replidg.data.embeddings import index_hash
from replidg.data.hybrid import known_classes, share_out
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.models import store
from replidg.training import trainer
from replidg.training.data import Shares
from replidg.training.hybrid_run import HybridRun, HybridSettings, predicted
from replidg.training.job import code_version, hashed
from replidg.training.switches import deterministic
from replidg.training.teacher import Teacher, Views
from replidg.training.validation import HeldOut

logger = logging.getLogger(__name__)
DONE = "metrics.json"


@dataclass(frozen=True)
class StudentModel:
    """A student's stored tower and what the configuration says of it."""

    folder: Path
    size: int | None
    channels_last: bool


@dataclass(frozen=True)
class HybridJob:
    """What one training job is asked for.

    Attributes:
        runs: trainings, all of one data set.
        arms: every arm of these by name.
        domains: of the data set.
        splits: label sets by name.
        data: shares or lists of the data set.
        students: stored students by name.
        protocol: of the data set.
        preprocessing: of the student's images.
        feature_images: target images of a run whose features are kept.
        keep_weights: keep the weights of every run.
    """

    runs: list[RunKey]
    arms: Mapping[str, Arm]
    domains: list[str]
    splits: Mapping[str, LabelSets]
    data: HybridData
    students: Mapping[str, StudentModel]
    protocol: FineTuning
    preprocessing: Preprocessing
    feature_images: int
    keep_weights: bool


@dataclass(frozen=True)
class HybridOutputs:
    """Files that a job leaves; keys of the safetensors begin with `run_name`."""

    predictions: Path
    metrics: Path
    features: Path
    weights: Path | None


def run_name(key: RunKey) -> str:
    """Return how a run is called in the files of a job."""
    return f"{key.arm}/{key.split}/{key.target}/seed{key.seed}"


class Materials:
    """What the runs of a job share: loaded models, the teacher, decoded target images."""

    def __init__(self, job: HybridJob, index: pd.DataFrame, clip: Path, texts: Tensor) -> None:
        self.job, self.index, self.device = job, index, store.device()
        # Texts are in the order of the index's classes; the benchmark numbers the known ones.
        known = known_classes(index)
        self.texts, self.classes = texts[known["label"].tolist()], len(known)
        self.clip, self._teacher = clip, None
        self._students: dict[str, store.Backbone] = {}
        self._views: dict[int, Views] = {}
        self._still: dict[tuple, HeldOut] = {}
        self._place: tuple[str, str] | None = None
        self.facts = {
            "index": index_hash(index),
            "labels": stable_hash(index[["domain", "hdg_label", "hdg_role"]].to_numpy().tolist()),
            "code": [code_version(), sha256_file(Path(hybrid.__file__))],
        }
        self.clip_sha256 = json.loads((clip / "model.json").read_text())["weights_sha256"]

    def stored(self, name: str) -> store.Backbone:
        """Return a student as it was loaded; its tower is not to be trained."""
        if name not in self._students:
            self._students[name] = store.load(self.job.students[name].folder)
        return self._students[name]

    def student(self, name: str) -> store.Backbone:
        """Return a student with a tower of its own."""
        own = copy.copy(self.stored(name))
        own.visual = copy.deepcopy(own.visual)
        return own

    def teacher(self) -> Teacher:
        """Return the teacher, loaded when it is first asked."""
        if self._teacher is None:
            self._teacher = Teacher(store.load(self.clip), self.texts, self.device)
        return self._teacher

    def views(self, count: int | None) -> Views | None:
        """Return the fixed views, if the arm has some."""
        if count is None:
            return None
        return self._views.setdefault(count, Views(self.teacher(), count))

    def still(self, key: RunKey, rows: pd.DataFrame, settings: HybridSettings) -> HeldOut:
        """Return images without augmentation, decoded once for the runs of a target and a split."""
        if self._place != (key.target, key.split):
            self._place, self._still = (key.target, key.split), {}
        name = (tuple(rows["image_id"]), settings.spec)
        if name not in self._still:
            self._still[name] = HeldOut(rows, settings.spec, settings.protocol.workers)
        return self._still[name]


def train_students(
    job: HybridJob, index: pd.DataFrame, clip: Path, texts: Tensor, checkpoints: Path,
    out: HybridOutputs,
) -> None:  # fmt: skip
    """Train every run of a job and write predictions, metrics, features and weights.

    Args:
        job: what to train.
        index: of the data set, with `hdg_label` and `hdg_role`.
        clip: folder of the teacher.
        texts: unit embeddings of all class texts, in the order of the index's labels.
        checkpoints: folder of unfinished work.
        out: files to write.
    """
    deterministic(job.protocol.threads, job.protocol)
    given = Materials(job, index, clip, texts)
    tables, metrics, folders = [], [], []
    features: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    # Runs of one target follow one another: its images are decoded once.
    for key in sorted(job.runs, key=lambda k: (k.target, k.split, k.arm, k.seed)):
        folder, settings = _prepared(given, key, checkpoints)
        folders.append(folder)
        if (folder / DONE).is_file():
            logger.info("%s: finished earlier", run_name(key))
        else:
            _train_one(given, key, settings, folder)
        if not processes.is_main():
            continue
        tables.append(pd.read_parquet(folder / "predictions.parquet"))
        metrics.append(json.loads((folder / DONE).read_text()))
        features[run_name(key)] = load_file(folder / "features.safetensors")["features"]
        if out.weights is not None:
            for name, value in load_file(folder / "model.safetensors").items():
                weights[f"{run_name(key)}/{name}"] = value
    if not processes.is_main():
        return
    with whole_file(out.predictions) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    with whole_file(out.features) as temporary:
        save_file(features, temporary)
    if out.weights is not None:
        with whole_file(out.weights) as temporary:
            save_file(weights, temporary)
    write_json(out.metrics, metrics)
    for folder in folders:
        # First the mark that says finished: a kill while the folder goes must not leave it.
        (folder / DONE).unlink()
        shutil.rmtree(folder)


def _prepared(given: Materials, key: RunKey, checkpoints: Path) -> tuple[Path, HybridSettings]:
    job, arm = given.job, given.job.arms[key.arm]
    model = job.students[arm.student]
    stored = given.stored(arm.student)
    own = stored.spec if model.size is None else stored.spec._replace(size=model.size)
    settings = HybridSettings(
        method=arm.settings,
        protocol=job.protocol,
        spec=store.input_spec(own, job.preprocessing),
        classes=given.classes,
        domains=len(job.domains) - 1,
        seed=key.seed,
        channels_last=model.channels_last,
        frozen_batchnorm=False,
        texts=given.texts if arm.settings.needs_texts else None,
    )
    facts: dict[str, Any] = {
        "run": [key.dataset, key.split, key.target, key.seed, arm.share],
        "sets": job.splits[key.split].sets,
        "domains": job.domains,
        "data": job.data.model_dump(exclude={"splits", "targets"}),
        "method": arm.settings.model_dump(),
        "protocol": job.protocol.model_dump(exclude=BUDGET_ONLY),
        "input": list(settings.spec),
        "channels_last": model.channels_last,
        "features": job.feature_images,
        "weights": stored.weights_sha256,
        "teacher": given.clip_sha256 if arm.settings.teaches else None,
        "texts": hashed(given.texts) if arm.settings.needs_texts else None,
        **given.facts,
    }
    return checkpoints / "hybrid" / stable_hash(facts), settings


def _train_one(given: Materials, key: RunKey, settings: HybridSettings, folder: Path) -> None:
    job, arm, name = given.job, given.job.arms[key.arm], f"{key.dataset}, {run_name(key)}"
    parts = share_out(
        given.index, job.domains, key.target, job.splits[key.split], job.data, key.seed, arm.share
    )
    shares = Shares(parts.train, parts.validation, parts.target)
    teacher = given.teacher() if arm.settings.teaches else None
    run = HybridRun(
        given.student(arm.student), settings, given.device, teacher, given.views(arm.settings.views)
    )
    validation = [given.still(key, rows, settings) for rows in parts.validation]
    # Augmented hold-outs are of the run; others are decoded once for several.
    held = None if job.protocol.validation_augmentation else (validation, None)
    trainer.fit(run, shares, Checkpoints(folder, job.protocol.checkpoint_every_s), name, held)
    run.classifier.load_state_dict(run.final_weights())
    target = given.still(key, parts.target, settings)
    table, features = predicted(run, parts, target, validation, job.feature_images)
    if processes.is_main():
        _write_run(job, key, run, table, features, folder)
    processes.meet()


def _write_run(
    job: HybridJob,
    key: RunKey,
    run: HybridRun,
    table: pd.DataFrame,
    features: Tensor,
    folder: Path,
) -> None:
    """Write the files of a finished run."""
    keys = {
        "dataset": key.dataset,
        "sets": key.split,
        "target": key.target,
        "arm": key.arm,
        "seed": key.seed,
    }
    with whole_file(folder / "predictions.parquet") as temporary:
        table.assign(**keys).to_parquet(temporary, index=False)
    with whole_file(folder / "features.safetensors") as temporary:
        save_file({"features": features}, temporary)
    if job.keep_weights:
        with whole_file(folder / "model.safetensors") as temporary:
            final = run.final_weights()
            save_file({name: value.contiguous() for name, value in final.items()}, temporary)
    # Written last: its presence says that the run is finished.
    write_json(
        folder / DONE,
        keys | {"selected_step": run.selected_step(), "validations": run.history},
    )
