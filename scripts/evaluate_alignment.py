# ruff: noqa: F821
"""Turn predictions and splits into the accuracies of Table 1 and the curves of Fig 2b, 7, 11."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.accuracy import accuracy_by_setting, bin_counts, curve
from replidg.metrics.tidy import tidy


def evaluate_alignment(
    predictions: list[Path], splits: Mapping[str, Path], counts: Path, bin_width: float, out: Path
) -> None:
    """Write the tidy metrics of the paper.

    Args:
        predictions: prediction files of every method and data set.
        splits: split file by data set.
        counts: tidy rows that need no training; they are copied.
        bin_width: of the curves, as a score.
        out: parquet file.

    Raises:
        ValueError: a predicted image is in no split file.
    """
    scores = pd.concat(
        [pd.read_parquet(path).assign(dataset=name) for name, path in splits.items()]
    )
    accuracies, counted = [], []
    # One file at a time: the predictions of a full run are tens of millions of rows.
    for path in predictions:
        table = read_scored(path, scores)
        accuracies.append(accuracy_by_setting(table))
        counted.append(bin_counts(table, bin_width))
    table1 = pd.concat(accuracies, ignore_index=True).rename(columns={"target": "domain"})
    curves = curve(pd.concat(counted, ignore_index=True)).assign(setting=f"{bin_width:g}")
    constants = {"paper": "alignment", "metric": "accuracy"}
    parts = [
        tidy(table1, artefact="table1", **constants),
        tidy(curves, artefact="curves", **constants),
    ]
    with whole_file(out) as temporary:
        whole = pd.concat([*parts, pd.read_parquet(counts)], ignore_index=True)
        whole.to_parquet(temporary, index=False)


def read_scored(path: Path, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the target-domain predictions of a file with `score` and `part` of each image.

    Raises:
        ValueError: an image has no score.
    """
    columns = ["image_id", "role", "correct", "dataset", "target", "method", "seed"]
    table = pd.read_parquet(path, columns=columns).query("role == 'target'")
    known = scores[["dataset", "image_id", "score", "part"]]
    table = table.merge(known, on=["dataset", "image_id"], how="left", validate="many_to_one")
    if table["part"].isna().any():
        lost = table.loc[table["part"].isna(), "image_id"].iloc[0]
        raise ValueError(f"{path}: image {lost} has no AlignmentScore; rerun the align stage")
    return table


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.datasets
    evaluate_alignment(
        predictions=[Path(path) for path in snakemake.input.predictions],
        splits=dict(zip(names, map(Path, snakemake.input.splits), strict=True)),
        counts=Path(snakemake.input.counts),
        bin_width=snakemake.params.bin_width,
        out=Path(snakemake.output.metrics),
    )
