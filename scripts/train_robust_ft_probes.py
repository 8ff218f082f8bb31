"""Train all linear probes of a backbone and data set, or classify by prompts, on embeddings."""

from pathlib import Path

import pandas as pd

from replidg.data.class_prompts import prompts_of
from replidg.data.embeddings import read
from replidg.data.index import read_classes
from replidg.training.probe_job import classify_zero_shot, train_probes
from replidg.training.wilds_job import Choice, WildsJob

if "snakemake" in globals():
    from replidg import devices
    from replidg.config.check import load
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    params, dataset = snakemake.params, snakemake.wildcards.dataset
    paper, arm = load(snakemake.config).robust_ft, snakemake.wildcards.arm
    index = pd.read_parquet(snakemake.input.index)
    classes, scored = read_classes(snakemake.input.classes), paper.datasets[dataset]
    job = WildsJob(
        dataset=dataset,
        arm_name=arm,
        arm=paper.arms[arm],
        training=paper.training,
        score=scored.metric,
        splits=list(paper.splits),
        classes=len(classes),
        index=index,
    )
    embeddings = read(Path(snakemake.input.images), index["image_id"].tolist())
    out = Path(snakemake.output.predictions).parent
    if job.arm.kind == "zero_shot":
        prompts = prompts_of(dataset, scored.prompts, classes)
        classify_zero_shot(job, Path(snakemake.input.facts).parent, embeddings, prompts, out)
    else:
        choices = [Choice(*choice) for choice in params.choices]
        train_probes(job, embeddings, choices, Path(params.checkpoints), out)
