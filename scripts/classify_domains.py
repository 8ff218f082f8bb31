"""Apply the chosen domain classifiers to data sets and assign the domains of their images."""

import json
from pathlib import Path

import pandas as pd
import torch

from replidg.config.inputs import Embedding, Preprocessing
from replidg.data.domain_stream import FileSource
from replidg.files import whole_file
from replidg.metrics.domain_assign import assigned
from replidg.models import store
from replidg.models.domain_filter import ChosenClassifiers, filter_sources


def sources(index: pd.DataFrame, size: int) -> list[FileSource]:
    """Return the parts of an index that a killed job does not repeat."""
    starts = range(0, len(index), size)
    return [FileSource(f"{start:09d}", index.iloc[start : start + size]) for start in starts]


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    torch.set_num_threads(snakemake.threads)
    params, given, made = snakemake.params, snakemake.input, snakemake.output
    budget = snakemake.config["forgotten"]["domains"]
    size = Embedding.model_validate(snakemake.config["embedding"]).shard_size
    chosen = json.loads(Path(given.chosen).read_text())
    backbone = store.load(Path(given.facts).parent)
    classifiers = ChosenClassifiers(
        chosen=chosen,
        folder=Path(given.weights[0]).parents[1],
        backbone=backbone,
        spec=store.input_spec(backbone.spec, Preprocessing.model_validate(params.preprocessing)),
        channels_last=params.flags["channels_last"],
        embed=params.embed,
        precision=params.precision,
    )
    vectors = made.embeddings if params.embed else [None] * len(made.domains)
    for index, out, embedded in zip(given.indexes, made.domains, vectors, strict=True):
        out = Path(out)
        scores = out.with_name(".scores.parquet")
        filter_sources(
            sources=sources(pd.read_parquet(index), size),
            classifiers=classifiers,
            size=budget["batch_size"],
            workers=budget["workers"],
            checkpoints=Path(params.checkpoints),
            out=scores,
            embedded=Path(embedded) if embedded else None,
        )
        table = assigned(pd.read_parquet(scores), chosen).drop(columns="readable")
        with whole_file(out) as temporary:
            table.to_parquet(temporary, index=False)
        scores.unlink()
