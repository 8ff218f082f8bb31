"""Predictions of the target domain beside the scores of the same images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

COLUMNS = ["image_id", "role", "correct", "dataset", "target", "method", "seed"]


def read_targets(path: Path, more: Iterable[str] = ()) -> pd.DataFrame:
    """Return the target-domain predictions of a file.

    Args:
        path: predictions of one or more runs.
        more: further columns.
    """
    table = pd.read_parquet(path, columns=[*COLUMNS, *more])
    return table[table["role"] == "target"].drop(columns="role")


def read_scored(path: Path, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the target-domain predictions of a file with the scores of each image.

    Args:
        path: predictions of one or more runs.
        scores: `dataset`, `image_id`, `part` and any scores.

    Raises:
        ValueError: an image has no score.
    """
    table = read_targets(path)
    table = table.merge(scores, on=["dataset", "image_id"], how="left", validate="many_to_one")
    if table["part"].isna().any():
        lost = table.loc[table["part"].isna(), "image_id"].iloc[0]
        raise ValueError(f"{path}: image {lost} has no AlignmentScore; rerun the align stage")
    return table
