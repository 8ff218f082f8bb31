"""A job of one or many runs. Killed, it keeps the finished runs and resumes the unfinished one."""

from __future__ import annotations

import copy
import json
import logging
import shutil
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file, save_file
from torch import Tensor

import replidg
from replidg import processes
from replidg.checkpoints import Checkpoints
from replidg.config.check import BUDGET_ONLY
from replidg.config.inputs import Preprocessing
from replidg.config.methods import FineTuning, Method
from replidg.data.embeddings import index_hash
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.models import store
from replidg.training import trainer
from replidg.training.data import share_out
from replidg.training.selection import step_to_keep
from replidg.training.switches import deterministic

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What one training job is asked for.

    Attributes:
        model: name of the backbone.
        dataset: name of the data set.
        domains: its domains.
        targets: target domains to run, one run each and seed.
        seeds: seeds to run.
        method_name: key of the method.
        method: its hyper-parameters, as the data set has them.
        protocol: budget and protocol, as the method has them.
        preprocessing: of training and test images.
        target_images: "all" or "test".
        feature_layers: of the backbone.
        frozen_batchnorm: of the backbone.
        channels_last: of the backbone.
        texts: unit embeddings (C, D) of the class texts, for the methods that need them.
    """

    model: str
    dataset: str
    domains: list[str]
    targets: list[str]
    seeds: list[int]
    method_name: str
    method: Method
    protocol: FineTuning
    preprocessing: Preprocessing
    target_images: str
    feature_layers: list[str]
    frozen_batchnorm: bool
    channels_last: bool
    texts: Tensor | None = None


@dataclass(frozen=True)
class Outputs:
    """Files that a job leaves."""

    predictions: Path
    metrics: Path
    weights: Path


def train_all(
    job: Job, index: pd.DataFrame, classes: int, model: Path, checkpoints: Path, out: Outputs
) -> None:
    """Train every target and seed of a job and write predictions, metrics and weights."""
    deterministic(job.protocol.threads, job.protocol)
    backbone = store.load(model)
    spec = store.input_spec(backbone.spec, job.preprocessing)
    tables, metrics, weights, folders = [], [], {}, []
    for target, seed in ((t, s) for t in job.targets for s in job.seeds):
        settings = trainer.Settings(
            job.method,
            job.protocol,
            spec,
            classes,
            seed,
            job.feature_layers,
            job.frozen_batchnorm,
            job.channels_last,
            job.texts,
        )
        folder = checkpoints / "runs" / run_hash(job, settings, target, index, backbone)
        folders.append(folder)
        name = f"{job.dataset} -> {target}, {job.method_name}, seed {seed}"
        if not (folder / "metrics.json").is_file():
            _train_one(job, settings, target, index, copy.copy(backbone), folder, name)
        else:
            logger.info("%s: finished earlier", name)
        if not processes.is_main():
            continue
        tables.append(pd.read_parquet(folder / "predictions.parquet"))
        metrics.append(json.loads((folder / "metrics.json").read_text()))
        for key, value in load_file(folder / "model.safetensors").items():
            weights[f"{target}/seed{seed}/{key}"] = value
    if not processes.is_main():
        return
    with whole_file(out.predictions) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    with whole_file(out.weights) as temporary:
        save_file(weights, temporary)
    write_json(out.metrics, metrics)
    for folder in folders:
        # First the mark that says finished: a kill while the folder goes must not leave it.
        (folder / "metrics.json").unlink()
        shutil.rmtree(folder)


def _train_one(
    job: Job,
    settings: trainer.Settings,
    target: str,
    index: pd.DataFrame,
    backbone: store.Backbone,
    folder: Path,
    name: str,
) -> None:
    # Each run starts from the pretrained tower, and leaves the loaded one as it is.
    backbone.visual = copy.deepcopy(backbone.visual)
    shares = share_out(
        index,
        job.domains,
        target,
        job.protocol,
        settings.seed,
        job.target_images,
        job.method.train_on,
    )
    keep_step, left_out = step_to_keep(backbone, settings, shares, folder, name)
    settings = replace(settings, keep_step=keep_step)
    run = trainer.Run(backbone, settings, store.device())
    trainer.fit(run, shares, Checkpoints(folder, job.protocol.checkpoint_every_s), name)
    run.classifier.load_state_dict(run.final_weights())
    parts = [trainer.predict(run, shares.target, "target")]
    parts += [trainer.predict(run, rows, "source_validation") for rows in shares.validation]
    if shares.target_validation is not None:
        parts.append(trainer.predict(run, shares.target_validation, "target_validation"))
    if processes.is_main():
        _write_run(job, settings, target, run, parts, left_out, folder)
    processes.meet()


def _write_run(
    job: Job,
    settings: trainer.Settings,
    target: str,
    run: trainer.Run,
    parts: list[pd.DataFrame],
    left_out: list[dict[str, float]],
    folder: Path,
) -> None:
    """Write the files of a finished run, whose classifier holds the final weights."""
    final = {key: value.contiguous() for key, value in run.final_weights().items()}
    keys = {
        "model": job.model,
        "dataset": job.dataset,
        "target": target,
        "method": job.method_name,
        "seed": settings.seed,
    }
    with whole_file(folder / "predictions.parquet") as temporary:
        pd.concat(parts, ignore_index=True).assign(**keys).to_parquet(temporary, index=False)
    with whole_file(folder / "model.safetensors") as temporary:
        save_file(final, temporary)
    # Written last: its presence says that the run is finished.
    write_json(
        folder / "metrics.json",
        keys
        | {
            "target_accuracy": float(parts[0]["correct"].mean()),
            "selected_step": run.selected_step(),
            "validations": run.history,
        }
        | ({"left_out": left_out} if left_out else {}),
    )


def run_hash(
    job: Job,
    settings: trainer.Settings,
    target: str,
    index: pd.DataFrame,
    backbone: store.Backbone,
) -> str:
    """Return a hash of all that affects a run, the source of the training code included."""
    protocol = job.protocol.model_dump(exclude=BUDGET_ONLY)
    return stable_hash(
        {
            "dataset": job.dataset,
            "domains": job.domains,
            "target": target,
            "seed": settings.seed,
            "method": job.method.model_dump(),
            "protocol": protocol,
            "target_images": job.target_images,
            "input": list(settings.spec),
            "layers": job.feature_layers,
            "flags": [job.frozen_batchnorm, job.channels_last],
            "classes": settings.classes,
            "texts": None if job.texts is None else hashed(job.texts),
            "index": index_hash(index),
            "parts": stable_hash(index[["domain", "label", "split"]].to_numpy().tolist()),
            "weights": backbone.weights_sha256,
            "code": code_version(),
        }
    )


def hashed(values: Tensor) -> str:
    """Return a hash of a tensor's shape and values."""
    return stable_hash([list(values.shape), sha256(values.numpy().tobytes()).hexdigest()])


def code_version(root: Path = Path(replidg.__file__).parent) -> str:
    """Return a hash of the sources, below `root`, that decide what a training computes."""
    single = ["data/images.py", "models/layers.py", "models/store.py", "seeds.py"]
    files = [*(root / "methods").rglob("*.py"), *(root / "training").glob("*.py")]
    files += [root / name for name in single]
    return stable_hash([[path.name, sha256_file(path)] for path in sorted(files)])
