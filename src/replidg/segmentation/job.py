"""From the configuration and the indexes to what `replidg.segmentation.train` trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config import vltseg_arms
from replidg.config.schema import Config
from replidg.config.vltseg_arms import Run
from replidg.data import availability
from replidg.files import sha256_file
from replidg.segmentation.images import training_rows
from replidg.segmentation.plan import Images, Plan, make_plan


def plan_of(config: Config, run: Run, models: Path, start: Path | None = None) -> Plan:
    """Return the plan of a run.

    Args:
        config: the whole configuration.
        run: which.
        models: folder of the stored backbones.
        start: weights that it begins with, where its source starts from another.
    """
    paper = config.vltseg
    arm = vltseg_arms.arms(config)[run.arm]
    encoder = paper.encoders[arm.encoder]
    plan = make_plan(
        name=f"{run.source}, {run.arm}, seed {run.seed}",
        arm=arm,
        encoder=encoder,
        decoder=paper.decoders[arm.decoder],
        scale=vltseg_arms.scale_of(config, run.source),
        training=paper.training,
        seed=run.seed,
        folder=models / encoder.model,
        frozen_batchnorm=config.models[encoder.model].frozen_batchnorm,
        prompts=config.prompts[arm.language.prompts] if arm.language else None,
    )
    if start is None:
        return plan
    return plan.model_copy(update={"start": str(start), "start_sha256": sha256_file(start)})


def images_of(config: Config, source: str, indexes: Mapping[str, Path]) -> list[Images]:
    """Return what is trained on for a source.

    Args:
        config: the whole configuration.
        source: key of `vltseg.sources`.
        indexes: data set: its index.parquet.
    """
    own = config.vltseg.sources[source]
    return [_images(config, name, indexes[name], own.held_out) for name in own.datasets]


def _images(config: Config, name: str, index: Path, held_out: int) -> Images:
    dataset = config.datasets[name]
    reader = availability.page(name, dataset).reader
    part = reader.parts["train"]
    rows = training_rows(pd.read_parquet(index), held_out)
    return Images(
        name=name,
        dataset=reader.dataset,
        root=str(availability.facts_path(name, dataset).parent),
        images=part.images,
        labels=part.labels,
        img_suffix=reader.img_suffix,
        seg_map_suffix=reader.seg_map_suffix,
        names=[
            each.removeprefix(f"{part.images}/").removesuffix(reader.img_suffix)
            for each in rows["image_id"]
        ],
    )
