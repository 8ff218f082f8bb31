"""Accuracy with other backbones and on their splits: Tables 2 and 4, and `cross_splits`."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.accuracy import accuracy_by_setting
from replidg.metrics.backbones import backbone_rows, cross_split_rows
from replidg.metrics.scored import read_scored, read_targets
from replidg.metrics.tidy import tidy

Splits = Mapping[str, Path]


def evaluate_alignment_backbones(
    predictions: Mapping[str, list[Path]],
    splits: Mapping[str, Splits],
    own: str,
    scratch: list[str],
    out: Path,
) -> None:
    """Write tidy rows of `table2`, `table4` and `cross_splits`.

    Tables 2 and 4 divide all backbones' predictions by the paper's own backbone, so that they are
    about the same images.

    Args:
        predictions: prediction files by backbone that was trained.
        splits: split files by backbone that split, then by data set.
        own: the paper's backbone.
        scratch: backbones whose weights start at random.
        out: parquet file.
    """
    parts = {model: read_parts(files) for model, files in splits.items()}
    accuracies, crossed = [], []
    for model, paths in predictions.items():
        for path in paths:
            found = accuracy_by_setting(read_scored(path, parts[own]))
            accuracies.append(found.assign(model=model))
            if model not in scratch:
                crossed.append(cross_split_rows(read_targets(path), parts, model))
    constants = {"paper": "alignment", "metric": "accuracy"}
    rows = [
        tidy(backbone_rows(pd.concat(accuracies), own, scratch), **constants),
        tidy(pd.concat(crossed, ignore_index=True), artefact="cross_splits", **constants),
    ]
    with whole_file(out) as temporary:
        pd.concat(rows, ignore_index=True).to_parquet(temporary, index=False)


def read_parts(splits: Splits) -> pd.DataFrame:
    """Return `dataset`, `image_id` and `part` of every image."""
    columns = ["image_id", "part"]
    tables = [
        pd.read_parquet(path, columns=columns).assign(dataset=name) for name, path in splits.items()
    ]
    return pd.concat(tables, ignore_index=True)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    trained: dict[str, list[Path]] = {}
    for model, path in zip(params.trained, snakemake.input.predictions, strict=True):
        trained.setdefault(model, []).append(Path(path))
    split: dict[str, dict[str, Path]] = {}
    for (model, dataset), path in zip(params.split, snakemake.input.splits, strict=True):
        split.setdefault(model, {})[dataset] = Path(path)
    evaluate_alignment_backbones(
        predictions=trained,
        splits=split,
        own=params.own,
        scratch=params.scratch,
        out=Path(snakemake.output.metrics),
    )
