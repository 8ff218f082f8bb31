"""Embed every image of a data set with one model and one preprocessing."""

from pathlib import Path

import pandas as pd
import torch

from replidg.config.inputs import Embedding, Preprocessing
from replidg.data.image_store import attach
from replidg.models import embed, store

if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    torch.set_num_threads(snakemake.threads)
    embed.embed_images(
        backbone=store.load(Path(snakemake.input.facts).parent),
        index=attach(pd.read_parquet(snakemake.input.index), snakemake.input.stores),
        preprocessing=Preprocessing.model_validate(snakemake.params.preprocessing),
        budget=Embedding.model_validate(snakemake.config["embedding"]),
        channels_last=snakemake.params.channels_last,
        out=Path(snakemake.output.images),
        checkpoints=Path(snakemake.params.checkpoints),
    )
