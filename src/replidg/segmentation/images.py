"""Which images of an index are trained on and which are tested."""

from __future__ import annotations

import pandas as pd

from replidg.data.errors import DatasetError
from replidg.seeds import seed_of


def training_rows(index: pd.DataFrame, held_out: int = 0) -> pd.DataFrame:
    """Return the rows that are trained on: the labelled `train` split without the held-out ones.

    Raises:
        DatasetError: there is no image to train on.
    """
    train = _labelled(index, "train")
    kept = train.drop(_drawn(train, held_out))
    if not len(kept):
        raise DatasetError(f"of {len(train)} labelled training images none is left to train on")
    return kept.reset_index(drop=True)


def test_rows(index: pd.DataFrame, held_out: int = 0) -> pd.DataFrame:
    """Return the rows of a test: the split `val`, or the held-out images of `train`.

    Raises:
        DatasetError: there is no image to test.
    """
    if held_out:
        train = _labelled(index, "train")
        found = train.loc[_drawn(train, held_out)]
    else:
        found = _labelled(index, "val")
    if not len(found):
        raise DatasetError("the data set has no labelled validation image to test")
    return found.sort_values("image_id", ignore_index=True)


def in_turn(rows: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return the first images by id, one of each condition in turn (ACDC's; others have none)."""
    rank = rows.groupby("condition").cumcount()
    turns = rows.assign(_rank=rank).sort_values(["_rank", "image_id"], kind="stable")
    return turns.drop(columns="_rank").head(number).reset_index(drop=True)


def _labelled(index: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = index[(index["split"] == split) & (index["mask_path"] != "")]
    return rows.sort_values("image_id", ignore_index=True)


def _drawn(rows: pd.DataFrame, number: int) -> pd.Index:
    """Return the labels of the held-out rows: the same for every run of every paper."""
    number = min(number, len(rows))
    return rows.sample(number, random_state=seed_of("held out", "street scenes") % 2**32).index


# pytest would take a function of this name, imported into a test, for a test.
test_rows.__test__ = False
