"""Fine-tune a CLIP or a vision-only tower end to end: the runs of this job."""

from pathlib import Path

import pandas as pd

from replidg.data.class_prompts import prompts_of
from replidg.data.image_store import attach
from replidg.data.index import read_classes
from replidg.processes import launch
from replidg.training.wilds_job import Choice, EndToEnd, WildsJob, train_end_to_end

if "snakemake" in globals():
    from replidg import devices
    from replidg.config.check import load
    from replidg.config.inputs import Preprocessing
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    params, dataset = snakemake.params, snakemake.wildcards.dataset
    # params.training is its part that affects the result: what makes Snakemake train again.
    paper, arm = load(snakemake.config).robust_ft, snakemake.wildcards.arm
    launch(paper.training.gpus)
    classes, scored = read_classes(snakemake.input.classes), paper.datasets[dataset]
    train_end_to_end(
        job=WildsJob(
            dataset=dataset,
            arm_name=arm,
            arm=paper.arms[arm],
            training=paper.training,
            score=scored.metric,
            splits=list(paper.splits),
            classes=len(classes),
            index=attach(pd.read_parquet(snakemake.input.index), snakemake.input.stores),
        ),
        how=EndToEnd(
            model=Path(snakemake.input.facts).parent,
            preprocessing=Preprocessing.model_validate(params.preprocessing),
            prompts=prompts_of(dataset, scored.prompts, classes),
            frozen_batchnorm=params.model["frozen_batchnorm"],
            channels_last=params.model["channels_last"],
            interpolation=paper.interpolation if params.interpolation else None,
            choices=[Choice(*choice) for choice in params.choices],
            keep_weights=paper.keep_weights,
        ),
        checkpoints=Path(params.checkpoints),
        out=Path(snakemake.output.predictions).parent,
    )
