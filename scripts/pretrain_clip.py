"""Train a CLIP with open_clip on a data set's pretraining corpus."""

import shutil
from pathlib import Path

import open_clip
import pandas as pd
import torch

from replidg.checkpoints import Checkpoints
from replidg.config.check import BUDGET_ONLY
from replidg.config.inputs import TrainedModel
from replidg.files import sha256_file, stable_hash
from replidg.models import clip_steps, pretrain, store


def pretrain_clip(
    index: Path, model: TrainedModel, folder: Path, checkpoints: Path, threads: int
) -> None:
    """Train `model` on the pretraining share of `index` and store it in `folder`.

    Args:
        index: parquet index of the data set.
        model: the configured model.
        folder: where the model goes.
        checkpoints: root of the checkpoints; this run's are named by all that affects it.
        threads: CPU threads.
    """
    torch.set_num_threads(threads)
    source = [sha256_file(pretrain.__file__), sha256_file(clip_steps.__file__)]
    result = model.model_dump(exclude={"training": BUDGET_ONLY})
    key = [result, sha256_file(index), source, threads]
    scratch = checkpoints / "pretrain" / stable_hash(key)
    scratch.mkdir(parents=True, exist_ok=True)
    clip = pretrain.build(model, scratch)
    spec = store.own_spec(clip)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{scratch}")
    corpus = pretrain.load_corpus(pd.read_parquet(index), spec, tokenizer)
    kept = Checkpoints(scratch, model.training.checkpoint_every_s)
    clip = pretrain.train(clip, corpus, spec, model.training, kept, model.channels_last)
    store.save_open_clip(folder, clip, model.architecture["model_cfg"])
    shutil.rmtree(scratch)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    pretrain_clip(
        index=Path(snakemake.input.index),
        # The rule's parameter has what of it decides the weights.
        model=TrainedModel.model_validate(snakemake.config["models"][snakemake.wildcards.model]),
        folder=Path(snakemake.output.facts).parent,
        checkpoints=Path(snakemake.params.checkpoints),
        threads=snakemake.threads,
    )
