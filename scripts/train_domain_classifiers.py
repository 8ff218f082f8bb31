"""Make classifiers of natural pictures and renditions, and predict the labelled pictures."""

from pathlib import Path

import pandas as pd

from replidg.config.forgotten import Domains
from replidg.config.inputs import Preprocessing
from replidg.models import store
from replidg.training.domain_job import Job, make_all
from replidg.training.switches import deterministic

if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    params = snakemake.params
    # Budgets are no parameters of the job: a change of them trains nothing again.
    whole = Domains.model_validate(snakemake.config["forgotten"]["domains"])
    deterministic(snakemake.threads)
    backbone = store.load(Path(snakemake.input.facts).parent)
    spec = store.input_spec(backbone.spec, Preprocessing.model_validate(params.preprocessing))
    job = Job(
        labels=pd.read_parquet(snakemake.input.labels),
        domains=whole,
        backbone=backbone,
        spec=spec,
        frozen_batchnorm=params.flags["frozen_batchnorm"],
        channels_last=params.flags["channels_last"],
        checkpoints=Path(params.checkpoints),
    )
    folder = Path(snakemake.output.weights[0]).parents[1]
    make_all(job, {name: whole.classifiers[name] for name in params.names}, folder)
