"""Train a CLIP on a mix of pools: the arguments of open_clip's trainer, and how it is started."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import open_clip
import torch
from safetensors.torch import save_file

from replidg import processes
from replidg.checkpoints import Checkpoints
from replidg.config.forgotten_training import CLIPS_ASIDE, POOLS, ClipRun, Mix, Mixes
from replidg.data.errors import DatasetError
from replidg.data.pools import SIZES
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.models import clip_steps
from replidg.models.lite import imagenet_init
from replidg.models.store import FILES
from replidg.seeds import seed_of
from replidg.training import clip_main, clip_stream

logger = logging.getLogger(__name__)
PORT = 29_400


class TrainingSet(NamedTuple):
    """The shards of a mix.

    Attributes:
        sources: for each pool a brace expression, `<folder>/{00000..00003}.tar`.
        images: how many, by pool.
        shards: number of shards.
        sizes: hash of the pools' tables of sizes.
    """

    sources: list[str]
    images: dict[str, int]
    shards: int
    sizes: str

    @property
    def total(self) -> int:
        """Number of images."""
        return sum(self.images.values())


def training_set(name: str, mix: Mix, mixes: Mixes, folders: Mapping[str, Path]) -> TrainingSet:
    """Return the first shards of each pool that a mix takes.

    Args:
        name: of the mix.
        mix: what it takes.
        mixes: unit, and images a shard.
        folders: of the pools.

    Raises:
        DatasetError: a pool has fewer images.
    """
    sources, images, shards, seen = [], {}, 0, []
    for pool in POOLS:
        amount = getattr(mix, pool)
        if not amount:
            continue
        path = folders[pool] / SIZES
        sizes = json.loads(path.read_text())
        wanted = sum(sizes.values()) if amount == "all" else round(amount * mixes.unit)
        count = len(sizes) if amount == "all" else max(1, round(wanted / mixes.shard_images))
        if count > len(sizes) or wanted > sum(sizes.values()):
            raise DatasetError(
                f"forgotten.training.mixes.sets.{name}.{pool}: {wanted:,} images wanted, the pool "
                f"has {sum(sizes.values()):,}; lower it, or say all"
            )
        names = sorted(sizes)[:count]
        first, last = (Path(each).stem for each in (names[0], names[-1]))
        span = first if count == 1 else f"{{{first}..{last}}}"
        sources.append(f"{folders[pool]}/{span}.tar")
        images[pool] = sum(sizes[each] for each in names)
        shards += count
        seen.append(sha256_file(path))
    return TrainingSet(sources, images, shards, stable_hash(seen))


def architecture(run: ClipRun) -> dict[str, Any]:
    """Return open_clip_config.json's content.

    Raises:
        ValueError: open_clip has no such architecture.
    """
    if isinstance(run.architecture, dict):
        return run.architecture
    config = open_clip.get_model_config(run.architecture)
    if config is None:
        raise ValueError(
            f"forgotten.training.clip.architecture: open_clip has no {run.architecture!r}"
        )
    return {"model_cfg": config, "preprocess_cfg": {}}


def write_architecture(run: ClipRun, folder: Path, seed: int | None = None) -> None:
    """Write what `local-dir:<folder>` builds; with weights if some are set at the start.

    Args:
        run: the protocol.
        folder: where to.
        seed: of the initialisation; None writes no weights.
    """
    write_json(folder / FILES["open_clip"][0], architecture(run))
    if seed is None or run.image_tower_init == "none":
        return
    torch.manual_seed(seed_of(seed, "clip initialisation"))
    clip = open_clip.create_model(f"local-dir:{folder}")
    imagenet_init(clip.visual.trunk)
    state = {name: tensor.contiguous().clone() for name, tensor in clip.state_dict().items()}
    with whole_file(folder / FILES["open_clip"][1]) as temporary:
        save_file(state, temporary)


def arguments(
    run: ClipRun, data: TrainingSet, model: Path, logs: Path, name: str, seed: int
) -> list[str]:
    """Return the words for open_clip's trainer.

    Raises:
        DatasetError: there are fewer shards than processes that read.
    """
    processes = run.nodes * max(run.gpus_per_node, 1)
    readers = processes * max(run.workers, 1)
    if data.shards < readers:
        raise DatasetError(
            f"{name}: {data.shards} shards are fewer than {readers} processes that read; lower "
            "forgotten.training.clip.workers or mixes.shard_images"
        )
    words = {
        "train-data": "::".join(data.sources),
        "train-num-samples": data.total,
        "dataset-type": "webdataset",
        "model": f"local-dir:{model}",
        "batch-size": run.batch_size // processes // run.accumulate,
        "accum-freq": run.accumulate,
        "epochs": run.epochs,
        "lr": run.lr,
        "warmup": run.warmup,
        "wd": run.weight_decay,
        "beta1": run.beta1,
        "beta2": run.beta2,
        "eps": run.eps,
        "precision": run.precision,
        "workers": run.workers,
        "seed": seed,
        "logs": logs,
        "name": name,
        # What `train` puts where open_clip looks. It saves after every step, open_clip not at all.
        "resume": "latest",
        "save-frequency": 0,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    chosen = {
        "--grad-checkpointing": run.gradient_checkpointing,
        "--local-loss": run.local_loss,
        "--gather-with-grad": run.gather_with_grad,
    }
    flags = [flag for flag, wanted in chosen.items() if wanted]
    low, high = run.crop_scale
    crop = ["--aug-cfg", f"scale=({low},{high})"]
    return [*(f"--{key}={value}" for key, value in words.items()), *flags, *crop]


def settings_of(run: ClipRun) -> clip_main.Settings:
    """Return what of the protocol open_clip's trainer has no argument for."""
    return clip_main.Settings(
        **{name: getattr(run, name) for name in clip_main.Settings.model_fields}
    )


def command(run: ClipRun, words: Sequence[str], environ: Mapping[str, str]) -> list[str] | None:
    """Return what starts the trainer in several processes, or None if one is enough.

    Args:
        run: the protocol.
        words: for the trainer.
        environ: of this job; with several nodes MASTER_ADDR, or Slurm's list of nodes.
    """
    if run.nodes * max(run.gpus_per_node, 1) == 1:
        return None
    meeting = ["--standalone"]
    if run.nodes > 1:
        port = environ.get("MASTER_PORT", str(PORT))
        meeting = [
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={first_host(environ)}:{port}",
            f"--rdzv-id={environ.get('SLURM_JOB_ID', '0')}",
        ]
    return [
        *run.launcher, sys.executable, "-m", "torch.distributed.run", f"--nnodes={run.nodes}",
        f"--nproc-per-node={run.gpus_per_node}", *meeting,
        # Without the dashes torchrun takes --logs for an abbreviation of an option of its own.
        "-m", "--", clip_main.__name__, settings_of(run).model_dump_json(), *words,
    ]  # fmt: skip


def first_host(environ: Mapping[str, str]) -> str:
    """Return the machine where the processes meet.

    Raises:
        RuntimeError: neither MASTER_ADDR nor Slurm says it.
    """
    if "MASTER_ADDR" in environ:
        return environ["MASTER_ADDR"]
    nodes = environ.get("SLURM_JOB_NODELIST")
    if not nodes:
        raise RuntimeError(
            "several nodes, but neither MASTER_ADDR nor SLURM_JOB_NODELIST is set; set MASTER_ADDR "
            "to the first node, or forgotten.training.clip.nodes to 1"
        )
    listed = subprocess.run(
        ["scontrol", "show", "hostnames", nodes], check=True, capture_output=True, text=True
    )
    return listed.stdout.split()[0]


def train(
    name: str, seed: int, run: ClipRun, data: TrainingSet, out: Sequence[Path], checkpoints: Path
) -> Path:
    """Train one CLIP, from its last checkpoint if it was begun.

    Args:
        name: of the mix.
        seed: of the run.
        run: the protocol.
        data: the training set.
        out: where the weights of each epoch go.
        checkpoints: root of unfinished work.

    Returns:
        Folder of this run's work; as long as it is there, the run need not be trained again.

    Raises:
        DatasetError: the mix has less than one batch.
        SystemExit: 99, where a signal asked to stop, else the status of the processes.
    """
    if data.total < run.batch_size:
        few = f"{name}: {data.total} images are less than one batch of {run.batch_size}"
        raise DatasetError(f"{few}; lower forgotten.training.clip.batch_size")
    source = [clip_main.__file__, clip_stream.__file__, clip_steps.__file__, __file__]
    key = [
        name, seed, run.model_dump(exclude=CLIPS_ASIDE), data.sources, data.images, data.sizes,
        [sha256_file(path) for path in source],
    ]  # fmt: skip
    folder = checkpoints / "clip_mixes" / stable_hash(key)
    weights = [folder / "run" / clip_main.weights_of(epoch) for epoch in range(1, run.epochs + 1)]
    if not all(path.is_file() for path in weights):
        logger.info("training %s on %s", name, data.images)
        _train(run, data, folder, seed)
    for path, copy in zip(weights, out, strict=True):
        with whole_file(copy) as temporary:
            shutil.copyfile(path, temporary)
    return folder


def _train(run: ClipRun, data: TrainingSet, folder: Path, seed: int) -> None:
    if not (folder / "model" / FILES["open_clip"][0]).is_file():
        write_architecture(run, folder / "model", seed)
    offer_latest(folder / "run")
    words = arguments(run, data, folder / "model", folder, "run", seed)
    several = command(run, words, os.environ)
    if several is None:
        clip_main.main(settings_of(run), words)
    elif status := processes.run(several):
        raise SystemExit(status)


def offer_latest(folder: Path) -> None:
    """Put the newest checkpoint that can be read, and no other, where open_clip looks for one.

    Args:
        folder: of the run.
    """
    latest = folder / clip_main.LATEST
    shutil.rmtree(latest.parent, ignore_errors=True)
    points = Checkpoints(folder / clip_main.POINTS, every_s=0.0)
    state = points.load()
    if state is None:
        return
    logger.info("going on after step %d", state["step"])
    # A damaged one is gone by now.
    newest = points.newest if points.newest.is_file() else points.previous
    latest.parent.mkdir(parents=True)
    # As a second name: the trainer's own checkpoints take the place of the first.
    os.link(newest, latest)
