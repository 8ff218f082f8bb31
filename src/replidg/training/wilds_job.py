"""Jobs of arXiv 2311.02236, and its end-to-end runs.

Every job leaves the predictions of its runs, one row an image and run. Killed, a job keeps what is
finished and resumes what is not.
"""

from __future__ import annotations

import copy
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from replidg import processes
from replidg.checkpoints import Checkpoints
from replidg.config.inputs import Preprocessing
from replidg.config.robust_ft import Arm, EpochTraining, Interpolation
from replidg.data.embeddings import index_hash
from replidg.files import stable_hash, whole_file, write_json
from replidg.methods.averaging import Weights, blend
from replidg.methods.learners import make_learner
from replidg.methods.predictions import prediction_table
from replidg.models import store
from replidg.seeds import seed_of, seeded
from replidg.training.epochs import EpochRun, Plan, fit
from replidg.training.job import code_version
from replidg.training.probes import Stream
from replidg.training.switches import deterministic
from replidg.training.validation import HeldOut
from replidg.training.wilds_images import make_stream

logger = logging.getLogger(__name__)
BUDGET_ONLY = {"checkpoint_every_s", "workers"}


@dataclass(frozen=True)
class WildsJob:
    """What one job is asked for.

    Attributes:
        dataset: name of the data set.
        arm_name: key of the arm.
        arm: what is trained.
        training: protocol.
        score: selects epochs, "accuracy" or "macro_f1".
        splits: that are predicted.
        classes: number of classes C.
        index: of the data set.
    """

    dataset: str
    arm_name: str
    arm: Arm
    training: EpochTraining
    score: str
    splits: list[str]
    classes: int
    index: pd.DataFrame

    @cached_property
    def train(self) -> pd.DataFrame:
        """Return the rows of the training split."""
        return self.rows("train")

    def rows(self, split: str) -> pd.DataFrame:
        """Return the rows of a split."""
        return self.index[self.index["split"] == split].reset_index(drop=True)

    def stream(self, fraction: float, rates: tuple[float, ...], seed: int) -> Stream:
        """Return subset and draws of a run."""
        return make_stream(self.train, self.training, self.arm_name, fraction, rates, seed)

    def key(self) -> dict[str, Any]:
        """Return all of the job that affects a run, the source of the training code included."""
        parts = self.index[["domain", "label", "split"]].to_numpy().tolist()
        return {
            "dataset": self.dataset,
            "arm": [self.arm_name, self.arm.model_dump()],
            "training": self.training.model_dump(exclude=BUDGET_ONLY),
            "score": self.score,
            "splits": self.splits,
            "classes": self.classes,
            "index": index_hash(self.index),
            "parts": stable_hash(parts),
            "code": code_version(),
        }


@dataclass(frozen=True)
class Choice:
    """One run of a job: training share, learning rate, seed."""

    fraction: float
    rate: float
    seed: int

    def keys(self, arm: str) -> dict[str, Any]:
        """Return the columns that tell a run's predictions apart."""
        return {"arm": arm, "fraction": self.fraction, "rate": self.rate, "seed": self.seed}


def run_table(rows: pd.DataFrame, logits: np.ndarray, **keys: Any) -> pd.DataFrame:
    """Return one row an image: label, prediction, confidence, and the run."""
    table = prediction_table(rows, logits, "").drop(columns="role")
    return table.assign(**({"alpha": 1.0} | keys))


def write_tables(tables: Iterator[pd.DataFrame], path: Path) -> None:
    """Write frames one after the other: the predictions of all probes need not fit in memory."""
    writer = None
    with whole_file(path) as temporary:
        for frame in tables:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or parquet.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()


@dataclass(frozen=True)
class EndToEnd:
    """What end-to-end runs need besides the job.

    Attributes:
        model: folder of the backbone.
        preprocessing: of images in evaluation.
        prompts: one a class.
        frozen_batchnorm: keep batch-norm statistics.
        channels_last: memory format.
        interpolation: WiSE-FT, where this arm has it.
        choices: the runs.
        keep_weights: write model.safetensors.
    """

    model: Path
    preprocessing: Preprocessing
    prompts: list[str]
    frozen_batchnorm: bool
    channels_last: bool
    interpolation: Interpolation | None
    choices: list[Choice]
    keep_weights: bool = False


def train_end_to_end(job: WildsJob, how: EndToEnd, checkpoints: Path, out: Path) -> None:
    """Train the runs of a job; write predictions, validations and weights.

    Args:
        job: what is asked for.
        how: backbone and runs.
        checkpoints: folder of unfinished work.
        out: folder for predictions.parquet, metrics.json and, if kept, model.safetensors.
    """
    deterministic(job.training.threads, job.training)
    backbone = store.load(how.model)
    spec = store.input_spec(backbone.spec, how.preprocessing)
    plan = Plan(job.training, job.arm.swa, spec, job.classes, job.score, how.channels_last)
    workers = job.training.workers
    held = {s: HeldOut(job.rows(s), spec, workers) for s in job.splits if s != "train"}
    key = job.key() | {
        "weights": backbone.weights_sha256,
        "prompts": how.prompts if job.arm.tower == "clip" else None,
        "input": list(spec),
        "flags": [how.frozen_batchnorm, how.channels_last],
        "interpolation": how.interpolation.model_dump() if how.interpolation else None,
        "keep_weights": how.keep_weights,
    }
    folders = []
    for choice in how.choices:
        folder = checkpoints / "runs" / stable_hash(key | choice.keys(job.arm_name))
        folders.append(folder)
        if not (folder / "metrics.json").is_file():
            _train_one(job, how, plan, choice, _fresh(backbone), held, folder)
    if not processes.is_main():
        return
    if how.keep_weights:
        weights = {}
        for choice, folder in zip(how.choices, folders, strict=True):
            prefix = f"{choice.fraction:g}/{choice.rate:g}/seed{choice.seed}"
            for name, value in load_file(folder / "model.safetensors").items():
                weights[f"{prefix}/{name}"] = value
        with whole_file(out / "model.safetensors") as temporary:
            save_file(weights, temporary)
    tables = (pd.read_parquet(folder / "predictions.parquet") for folder in folders)
    write_tables(tables, out / "predictions.parquet")
    write_json(
        out / "metrics.json", [json.loads((f / "metrics.json").read_text()) for f in folders]
    )
    for folder in folders:
        # First the mark that says finished: a kill while the folder goes must not leave it.
        (folder / "metrics.json").unlink()
        shutil.rmtree(folder)


def _fresh(backbone: store.Backbone) -> store.Backbone:
    """Return a copy whose towers a run may change."""
    own = copy.copy(backbone)
    own.clip = copy.deepcopy(backbone.clip)
    own.visual = copy.deepcopy(backbone.visual) if own.clip is None else own.clip.visual
    return own


def _train_one(
    job: WildsJob,
    how: EndToEnd,
    plan: Plan,
    choice: Choice,
    backbone: store.Backbone,
    held: dict[str, HeldOut],
    folder: Path,
) -> None:
    keys = choice.keys(job.arm_name)
    stream = job.stream(choice.fraction, (choice.rate,), choice.seed)
    tokens = backbone.tokenize(how.prompts) if job.arm.tower == "clip" else None
    with seeded(seed_of(choice.seed, "head")):
        learner = make_learner(
            backbone,
            job.classes,
            tokens,
            job.arm.loss,
            job.arm.trained,
            job.arm.frozen_layers,
            how.frozen_batchnorm,
        )
    origin = {name: value.detach().clone() for name, value in learner.state_dict().items()}
    run = EpochRun(learner, stream, plan, store.device())
    name = f"{job.dataset}, {job.arm_name}, {choice.fraction:g} of the images, rate {choice.rate:g}"
    points = Checkpoints(folder, job.training.checkpoint_every_s)
    fit(run, job.train, held["val"], points, f"{name}, seed {choice.seed}")
    final = {name: value.cpu().contiguous() for name, value in run.final_weights().items()}
    run.learner.load_state_dict(final)
    tables = []
    for split in job.splits:
        rows, images = job.rows(split), held.get(split)
        if split == "train":
            rows = job.train.iloc[stream.rows].reset_index(drop=True)
            images = HeldOut(rows, plan.spec, job.training.workers)
        tables.append(run_table(rows, run.logits(images), **keys))
    wise = how.interpolation
    if wise is not None and choice.fraction in wise.fractions:
        for alpha in wise.alphas:
            run.learner.load_state_dict(blend(origin, final, alpha))
            for split, images in held.items():
                logits = run.logits(images)
                tables.append(run_table(job.rows(split), logits, **keys, alpha=alpha))
    if processes.is_main():
        _write_run(job, how, keys, run, tables, final, folder)
    processes.meet()


def _write_run(
    job: WildsJob,
    how: EndToEnd,
    keys: dict[str, Any],
    run: EpochRun,
    tables: list[pd.DataFrame],
    final: Weights,
    folder: Path,
) -> None:
    """Write the files of a finished run."""
    with whole_file(folder / "predictions.parquet") as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    if how.keep_weights:
        with whole_file(folder / "model.safetensors") as temporary:
            save_file(final, temporary)
    # Written last: its presence says that the run is finished.
    epoch = None if job.arm.swa else run.best["epoch"]
    write_json(
        folder / "metrics.json",
        {"dataset": job.dataset} | keys | {"epoch": epoch, "validations": run.history},
    )
