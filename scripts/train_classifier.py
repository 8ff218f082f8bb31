# ruff: noqa: F821
"""Train one DG method on one data set, for the target domains and seeds of this job."""

from pathlib import Path

import pandas as pd

from replidg.data.index import read_classes
from replidg.training.job import Job, Outputs, train_all

if "snakemake" in globals():
    from replidg.config.check import fine_tuning, load
    from replidg.config.inputs import Preprocessing
    from replidg.config.schema import Method
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    train_all(
        job=Job(
            dataset=snakemake.wildcards.dataset,
            domains=params.domains,
            targets=params.targets,
            seeds=params.seeds,
            method_name=snakemake.wildcards.method,
            method=Method.model_validate(params.method),
            # params.protocol is its part that affects the result: what makes Snakemake train again.
            protocol=fine_tuning(load(snakemake.config), snakemake.wildcards.dataset),
            preprocessing=Preprocessing.model_validate(params.preprocessing),
            target_images=params.target_images,
            feature_layers=params.feature_layers,
            frozen_batchnorm=params.frozen_batchnorm,
            channels_last=params.channels_last,
        ),
        index=pd.read_parquet(snakemake.input.index),
        classes=len(read_classes(snakemake.input.classes)),
        model=Path(snakemake.input.facts).parent,
        checkpoints=Path(params.checkpoints),
        out=Outputs(
            predictions=Path(snakemake.output.predictions),
            metrics=Path(snakemake.output.metrics),
            weights=Path(snakemake.output.weights),
        ),
    )
