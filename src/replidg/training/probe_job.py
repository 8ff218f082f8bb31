"""All linear probes of a model and data set, and zero-shot CLIP, on cached embeddings."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from replidg.checkpoints import STOPPED, Checkpoints, stop_on_signal
from replidg.data.class_prompts import same_tokens
from replidg.files import stable_hash, write_json
from replidg.methods.zero_shot import zero_shot
from replidg.models import store
from replidg.progress import Progress
from replidg.training.epochs import schedule_of
from replidg.training.job import hashed
from replidg.training.probes import Budget, Features, Probes, Stream, train_all
from replidg.training.switches import deterministic
from replidg.training.wilds_job import Choice, WildsJob, run_table, write_tables

logger = logging.getLogger(__name__)


def train_probes(
    job: WildsJob,
    embeddings: np.ndarray,
    choices: list[Choice],
    checkpoints: Path,
    out: Path,
    at_once: int | None = None,
) -> None:
    """Train every probe of a model and data set; write predictions.parquet and metrics.json.

    Args:
        job: what is asked for.
        embeddings: (N, D) of the index's images, not normalised.
        choices: fractions, rates and seeds.
        checkpoints: folder of unfinished work.
        out: folder for the outputs.
        at_once: streams that train as one batch; None: all on a GPU; one on a CPU, where its heads
            fit into the cache and each thread of the job has a stream of its own.
    """
    deterministic(job.training.threads)
    device = store.device()
    groups = _streams(job, choices)
    size = at_once or (len(groups) if device.type == "cuda" else 1)
    values = torch.from_numpy(embeddings)
    key = job.key() | {
        "embeddings": hashed(values),
        "choices": [choice.keys(job.arm_name) for choice in choices],
        "at_once": [size, device.type],
    }
    folder = checkpoints / "runs" / stable_hash(key)
    training, split = job.training, job.index["split"].to_numpy()
    train = _features(job, values, split == "train", device)
    held = _features(job, values, split == "val", device)
    budget = Budget(
        schedule_of(training, False),
        training.batch_size,
        training.weight_decay,
        job.classes,
        job.score,
    )
    streams = [stream for stream, _ in groups]
    firsts = range(0, len(streams), size)
    every = [Probes(streams[first : first + size], train, held, budget) for first in firsts]
    points = [Checkpoints(folder / str(f), training.checkpoint_every_s) for f in firsts]
    _fit(every, points, training.threads, f"{job.dataset}, {job.arm_name}")
    found = [result for probes in every for result in probes.results()]
    done = list(zip(groups, found, strict=True))
    write_tables(_predictions(job, embeddings, done), out / "predictions.parquet")
    write_json(out / "metrics.json", list(_validations(job, done)))
    shutil.rmtree(folder)


Group = tuple[Stream, list[Choice]]


def _streams(job: WildsJob, choices: list[Choice]) -> list[Group]:
    """Return streams and the runs on each: those that differ in their rate, if they may share."""
    if job.training.subsets == "per_job":
        return [(job.stream(c.fraction, (c.rate,), c.seed), [c]) for c in choices]
    alike: dict[tuple[float, int], list[Choice]] = {}
    for choice in choices:
        alike.setdefault((choice.fraction, choice.seed), []).append(choice)
    return [
        (job.stream(fraction, tuple(choice.rate for choice in runs), seed), runs)
        for (fraction, seed), runs in alike.items()
    ]


def _predictions(
    job: WildsJob, embeddings: np.ndarray, done: list[tuple[Group, dict[str, Any]]]
) -> Iterator[pd.DataFrame]:
    """Yield the predictions of one run and split after the other."""
    split = job.index["split"].to_numpy()
    places = {name: np.flatnonzero(split == name) for name in job.splits}
    for (stream, runs), result in done:
        own = places | ({"train": places["train"][stream.rows]} if "train" in places else {})
        for number, choice in enumerate(runs):
            weight, bias = result["weight"][number].numpy(), result["bias"][number].numpy()
            for rows in own.values():
                logits = embeddings[rows] @ weight.T + bias
                yield run_table(job.index.iloc[rows], logits, **choice.keys(job.arm_name))


def _validations(
    job: WildsJob, done: list[tuple[Group, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield the selected epoch of each run and its validations."""
    for (_, runs), result in done:
        for number, choice in enumerate(runs):
            scores = enumerate(result["history"][number].tolist())
            yield {
                "dataset": job.dataset,
                **choice.keys(job.arm_name),
                "epoch": int(result["epoch"][number]),
                "validations": [{"epoch": epoch, job.score: score} for epoch, score in scores],
            }


def _features(job: WildsJob, values: Tensor, rows: np.ndarray, device: torch.device) -> Features:
    labels = torch.from_numpy(job.index["label"].to_numpy()[rows])
    return Features(values[torch.from_numpy(rows)].to(device), labels.to(device))


def _fit(every: list[Probes], points: list[Checkpoints], threads: int, name: str) -> None:
    """Train all from their newest checkpoints; on a signal save them and exit."""
    for probes, checkpoints in zip(every, points, strict=True):
        state = checkpoints.load()
        if state is not None:
            probes.load_state_dict(state)
            logger.info("%s: resuming after step %d", name, probes.step)
    total, done = sum(p.steps for p in every), sum(p.step for p in every)
    one = Lock()
    with stop_on_signal() as stop, Progress(total, name, "steps", done) as progress:

        def after_step(place: int) -> bool:
            with one:
                progress.add()
            probes = every[place]
            if stop or points[place].due() or probes.step == probes.steps:
                points[place].save(probes.state_dict())
            return not stop

        train_all(every, threads, after_step)
        if stop:
            logger.warning("%s: stopped by signal %d, steps saved", name, stop.signal)
            sys.exit(STOPPED)


def classify_zero_shot(
    job: WildsJob, model: Path, embeddings: np.ndarray, prompts: list[str], out: Path
) -> None:
    """Classify by the class prompts; write predictions.parquet and prompts.json.

    One prompt a class, no ensemble (arXiv 2311.02236's code).

    Args:
        job: what is asked for.
        model: folder of the CLIP.
        embeddings: (N, D) of the index's images by this model.
        prompts: one a class.
        out: folder for the outputs.
    """
    deterministic(job.training.threads)
    backbone = store.load(model)
    with torch.inference_mode():
        texts = torch.cat([backbone.encode_text(backbone.tokenize([prompt])) for prompt in prompts])
        texts = torch.nn.functional.normalize(texts, dim=-1).numpy()
    tables = []
    for split in job.splits:
        rows = np.flatnonzero(job.index["split"] == split)
        table = zero_shot(job.index.iloc[rows], embeddings[rows], texts).drop(columns="role")
        keys = Choice(0.0, 0.0, 0).keys(job.arm_name)
        tables.append(table.assign(alpha=1.0, **keys))
    write_tables(iter(tables), out / "predictions.parquet")
    same = same_tokens(prompts, backbone.tokenize)
    write_json(out / "prompts.json", {"prompts": prompts, "same_tokens": same})
