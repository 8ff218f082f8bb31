"""How much the gap between IP and OOP depends on the threshold that divides them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replidg.metrics.alignment import Bounds

KEYS = ["dataset", "target", "method", "seed"]


def thresholds_between(at: Bounds, points: int) -> np.ndarray:
    """Return evenly spaced thresholds from `low` to `high`, both included."""
    return np.round(np.linspace(at.low, at.high, points), 10)


def accuracy_by_threshold(
    predictions: pd.DataFrame, at: Bounds, thresholds: np.ndarray
) -> pd.DataFrame:
    """Return accuracy above and below each threshold, of the images that the cleaning keeps.

    Args:
        predictions: `dataset`, `target`, `method`, `seed`, `correct`, `score`.
        at: the configured bounds; only `low` and `high` are used.
        thresholds: where to divide; an image exactly on one is IP, as in the split.

    Returns:
        Rows with `dataset`, `target`, `method`, `seed`, `setting` (`IP`, `OOP`), `x` (threshold),
        `value` (percent, NaN without an image), `n`.
    """
    # As float32, which scores are stored in: a stored 0.21 is on the bound 0.21.
    scores = predictions["score"].to_numpy(np.float32)
    kept = predictions[(scores >= np.float32(at.low)) & (scores <= np.float32(at.high))]
    limits = thresholds.astype(np.float32)
    tables = []
    for key, run in kept.groupby(KEYS, sort=True):
        order = np.argsort(run["score"].to_numpy(np.float32), kind="stable")
        sorted_scores = run["score"].to_numpy(np.float32)[order]
        hits = np.concatenate([[0], np.cumsum(run["correct"].to_numpy(np.int64)[order])])
        below = np.searchsorted(sorted_scores, limits, side="left")
        counts = {"OOP": below, "IP": len(run) - below}
        right = {"OOP": hits[below], "IP": hits[-1] - hits[below]}
        for setting, n in counts.items():
            with np.errstate(invalid="ignore"):
                value = 100.0 * right[setting] / np.where(n > 0, n, np.nan)
            table = pd.DataFrame({"x": thresholds, "value": value, "n": n, "setting": setting})
            tables.append(table.assign(**dict(zip(KEYS, key, strict=True))))
    columns = [*KEYS, "setting", "x", "value", "n"]
    if not tables:
        return pd.DataFrame([], columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def gap_by_threshold(table: pd.DataFrame, min_images: int) -> pd.DataFrame:
    """Return the gap of IP and OOP accuracy by threshold, the mean over domains and then data sets.

    A domain counts at a threshold where both sides have `min_images` images, for every method and
    seed alike; `n` says how many domains do.

    Args:
        table: tidy rows of `accuracy_by_threshold`, the target in `domain`.
        min_images: of each side.

    Returns:
        Rows with `method`, `seed`, `x`, `value` (points), `n` (domains).
    """
    keys = ["dataset", "domain", "method", "seed", "x"]
    wide = table.pivot(index=keys, columns="setting", values=["value", "n"])
    enough = (wide["n"]["IP"] >= min_images) & (wide["n"]["OOP"] >= min_images)
    gap = (wide["value"]["IP"] - wide["value"]["OOP"])[enough].rename("value").reset_index()
    by_dataset = gap.groupby(["dataset", "method", "seed", "x"])["value"].agg(["mean", "size"])
    grouped = by_dataset.reset_index().groupby(["method", "seed", "x"])
    return grouped.agg(value=("mean", "mean"), n=("size", "sum")).reset_index()
