"""Top-1 accuracy of predictions, whole or as a function of AlignmentScore."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Which parts of a target domain a setting of Table 1 evaluates on.
SETTINGS = {
    "IP": ("ip",),
    "OOP": ("oop",),
    "All": ("ip", "oop", "dropped_low", "dropped_high"),
}
KEYS = ["dataset", "target", "method", "seed"]


def accuracy_by_setting(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return top-1 accuracy in percent of each run in each setting.

    Args:
        predictions: one row an image and run: `dataset`, `target`, `method`, `seed`, `correct`,
            `part`.

    Returns:
        Rows with `dataset`, `target`, `method`, `seed`, `setting`, `value`, `n`; a setting without
        an image has value NaN and n = 0.
    """
    tables = []
    for setting, parts in SETTINGS.items():
        chosen = predictions["correct"].where(predictions["part"].isin(parts))
        groups = chosen.astype("float64").groupby([predictions[key] for key in KEYS])
        table = pd.DataFrame({"value": 100.0 * groups.mean(), "n": groups.count()})
        tables.append(table.reset_index().assign(setting=setting))
    return pd.concat(tables, ignore_index=True)


def bin_of(scores: np.ndarray, width: float) -> np.ndarray:
    """Return the left edge of each score's bin [k * width, (k + 1) * width)."""
    # A score written as 0.21 must fall into [0.21, 0.22) also where 0.21 / 0.01 is 20.999…, and
    # as float32.
    steps = np.floor(np.asarray(scores, np.float64) / width + 1e-5)
    return np.round(steps * width, 10)


def bin_counts(predictions: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return images `n` and correct ones `hits` by data set, method, seed and score bin `x`.

    Args:
        predictions: as for `accuracy_by_setting`, with `score`.
        width: width of a bin.
    """
    table = predictions[["dataset", "method", "seed"]].assign(
        x=bin_of(predictions["score"].to_numpy(), width),
        hits=predictions["correct"].astype("int64"),
        n=1,
    )
    return table.groupby(["dataset", "method", "seed", "x"])[["hits", "n"]].sum().reset_index()


def curve(counts: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy in percent by bin of the AlignmentScore, for each data set and pooled.

    The pooled curve ("all") gives each data set the same weight: an image counts 1 / (images of
    its data set), as in Fig 11 ("size-normalised").

    Args:
        counts: rows of `bin_counts` of one or more data sets and runs.

    Returns:
        Rows with `dataset`, `method`, `seed`, `x` (left edge), `value`, `n`.
    """
    own = counts.groupby(["dataset", "method", "seed", "x"])[["hits", "n"]].sum().reset_index()
    sizes = own.groupby(["dataset", "method", "seed"])["n"].transform("sum")
    weighted = own.assign(share=own["hits"] / sizes, weight=own["n"] / sizes)
    pooled = weighted.groupby(["method", "seed", "x"])[["share", "weight", "n"]].sum().reset_index()
    pooled = pooled.assign(dataset="all", value=100.0 * pooled["share"] / pooled["weight"])
    own["value"] = 100.0 * own["hits"] / own["n"]
    columns = ["dataset", "method", "seed", "x", "value", "n"]
    return pd.concat([own[columns], pooled[columns]], ignore_index=True)


def histogram(scores: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return the number of images by data set and bin: `dataset`, `x`, `value`."""
    binned = scores[["dataset"]].assign(x=bin_of(scores["score"].to_numpy(), width))
    return binned.groupby(["dataset", "x"]).size().rename("value").reset_index()
