"""Train one DG method on one data set, for the target domains and seeds of this job."""

from pathlib import Path

import pandas as pd
import torch

from replidg.data.embeddings import read
from replidg.data.image_store import attach
from replidg.data.index import read_classes
from replidg.processes import launch
from replidg.training.job import Job, Outputs, train_all

if "snakemake" in globals():
    from replidg import devices
    from replidg.config.check import load, run_protocol
    from replidg.config.inputs import Preprocessing
    from replidg.config.methods import Method
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    params, dataset = snakemake.params, snakemake.wildcards.dataset
    model, name = snakemake.wildcards.model, snakemake.wildcards.method
    method = Method.model_validate(params.method).for_dataset(dataset)
    # params.protocol is its part that affects the result: what makes Snakemake train again.
    protocol = run_protocol(load(snakemake.config), model, dataset, name)
    launch(protocol.gpus)
    classes = read_classes(snakemake.input.classes)
    texts = snakemake.input.get("texts")
    train_all(
        job=Job(
            model=model,
            dataset=dataset,
            domains=params.domains,
            targets=params.targets,
            seeds=params.seeds,
            method_name=name,
            method=method,
            protocol=protocol,
            preprocessing=Preprocessing.model_validate(params.preprocessing),
            target_images=params.target_images,
            feature_layers=params.feature_layers,
            frozen_batchnorm=params.frozen_batchnorm,
            channels_last=params.channels_last,
            # Class texts by the same model, of the methods that need them.
            texts=torch.from_numpy(read(Path(texts), classes)) if texts else None,
        ),
        index=attach(pd.read_parquet(snakemake.input.index), snakemake.input.stores),
        classes=len(classes),
        model=Path(snakemake.input.facts).parent,
        checkpoints=Path(params.checkpoints),
        out=Outputs(
            predictions=Path(snakemake.output.predictions),
            metrics=Path(snakemake.output.metrics),
            weights=Path(snakemake.output.weights),
        ),
    )
