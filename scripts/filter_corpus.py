"""Apply the chosen domain classifiers to a part of the web pictures."""

import json
from pathlib import Path

import torch

from replidg.config.inputs import Preprocessing
from replidg.data.domain_shards import read_shards
from replidg.data.domain_stream import ShardSource
from replidg.models import store
from replidg.models.domain_filter import ChosenClassifiers, filter_sources

if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    torch.set_num_threads(snakemake.threads)
    params, given, made = snakemake.params, snakemake.input, snakemake.output
    budget = snakemake.config["forgotten"]["domains"]
    backbone = store.load(Path(given.facts).parent)
    classifiers = ChosenClassifiers(
        chosen=json.loads(Path(given.chosen).read_text()),
        folder=Path(given.weights[0]).parents[1],
        backbone=backbone,
        spec=store.input_spec(backbone.spec, Preprocessing.model_validate(params.preprocessing)),
        channels_last=params.flags["channels_last"],
        embed=params.embed,
        precision=params.precision,
    )
    shards = read_shards(Path(given.shards))[int(snakemake.wildcards.part) :: params.jobs]
    filter_sources(
        sources=[ShardSource(shard) for shard in shards],
        classifiers=classifiers,
        size=budget["batch_size"],
        workers=budget["workers"],
        checkpoints=Path(params.checkpoints),
        out=Path(made.scores),
        embedded=Path(made.embeddings) if params.embed else None,
    )
