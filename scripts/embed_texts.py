"""Embed the class prompts of a data set with one model."""

from pathlib import Path

import torch

from replidg.config.inputs import Prompts
from replidg.data.index import read_classes
from replidg.models import embed, store

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    embed.embed_texts(
        backbone=store.load(Path(snakemake.input.facts).parent),
        class_names=read_classes(snakemake.input.classes),
        prompts=Prompts.model_validate(snakemake.params.prompts),
        out=Path(snakemake.output.texts),
    )
