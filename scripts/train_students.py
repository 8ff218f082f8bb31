"""Train students on one data set of hybrid domain generalisation, for the runs of this job."""

from pathlib import Path

import pandas as pd
import torch

from replidg.data.embeddings import read
from replidg.data.image_store import attach
from replidg.data.index import read_classes
from replidg.processes import launch
from replidg.training.hybrid_job import HybridJob, HybridOutputs, StudentModel, train_students

if "snakemake" in globals():
    from replidg import devices
    from replidg.config.check import load
    from replidg.config.hybrid_methods import HybridMethod
    from replidg.config.inputs import Preprocessing
    from replidg.config.scipd import HybridData, LabelSets
    from replidg.config.scipd_arms import Arm, RunKey, protocol
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    # params.protocol is its part that affects the result: what makes Snakemake train again.
    training = protocol(load(snakemake.config), snakemake.wildcards.dataset)
    launch(training.gpus)
    given, params, made = snakemake.input, snakemake.params, snakemake.output
    folders = {Path(facts).parent.name: Path(facts).parent for facts in given.students}
    weights = made.get("weights")
    train_students(
        job=HybridJob(
            runs=[RunKey(*key) for key in params.runs],
            arms={
                name: Arm(
                    name,
                    arm["method"],
                    HybridMethod.model_validate(arm["settings"]),
                    arm["student"],
                    arm["share"],
                )
                for name, arm in params.arms.items()
            },
            domains=params.domains,
            splits={name: LabelSets.model_validate(s) for name, s in params.splits.items()},
            data=HybridData.model_validate(params.data),
            students={
                name: StudentModel(folders[s["model"]], s["size"], s["channels_last"])
                for name, s in params.students.items()
            },
            protocol=training,
            preprocessing=Preprocessing.model_validate(params.preprocessing),
            feature_images=params.feature_images,
            keep_weights=params.keep_weights,
        ),
        index=attach(pd.read_parquet(given.index), given.stores),
        clip=Path(given.teacher).parent,
        texts=torch.from_numpy(read(Path(given.texts), read_classes(given.classes))),
        checkpoints=Path(params.checkpoints),
        out=HybridOutputs(
            predictions=Path(made.predictions),
            metrics=Path(made.metrics),
            features=Path(made.features),
            weights=Path(weights) if weights else None,
        ),
    )
