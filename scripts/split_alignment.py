"""Divide the images of every data set into IP, OOP and dropped."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config.schema import Thresholds
from replidg.files import whole_file, write_json
from replidg.metrics.alignment import assign_parts, bounds


def split_alignment(
    scores: Mapping[str, Path],
    thresholds: Thresholds,
    splits: Mapping[str, Path],
    bounds_json: Path,
) -> None:
    """Write one split file a data set and the thresholds as scores.

    Args:
        scores: score file by data set; quantiles are taken over all of them together.
        thresholds: the configured bounds.
        splits: file to write by data set: `image_id`, `domain`, `class_name`, `label`, `score`,
            `part`.
        bounds_json: JSON with low, split and high.
    """
    tables = {name: pd.read_parquet(path) for name, path in scores.items()}
    at = bounds(thresholds, {name: table["score"].to_numpy() for name, table in tables.items()})
    for name, table in tables.items():
        kept = table[["image_id", "domain", "class_name", "label", "score"]]
        parts = kept.assign(part=assign_parts(table["score"], at))
        with whole_file(splits[name]) as temporary:
            parts.to_parquet(temporary, index=False)
    write_json(bounds_json, at._asdict())


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.datasets
    split_alignment(
        scores=dict(zip(names, map(Path, snakemake.input.scores), strict=True)),
        thresholds=Thresholds.model_validate(snakemake.params.thresholds),
        splits=dict(zip(names, map(Path, snakemake.output.splits), strict=True)),
        bounds_json=Path(snakemake.output.bounds),
    )
