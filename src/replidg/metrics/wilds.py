"""What WILDS reports of FMoW and iWildCam, in percent (p-lambda/wilds 2.0.0)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replidg.scores import accuracy, class_counts, macro_f1

#: WILDS leaves this region out of the worst one: it holds next to nothing.
UNCOUNTED = "Other"


def worst_region_accuracy(table: pd.DataFrame) -> float:
    """Return the lowest accuracy of a region in percent, `acc_worst_region` of WILDS' FMoW.

    Regions without an image and "Other" do not count; without any other the result is NaN.

    Args:
        table: predictions with `domain` and `correct`.
    """
    known = table[table["domain"] != UNCOUNTED]
    if known.empty:
        return float("nan")
    return 100.0 * float(known.groupby("domain")["correct"].mean().min())


def run_metrics(table: pd.DataFrame, regions: bool) -> dict[str, float]:
    """Return average accuracy, macro F1 and, where there are regions, worst-region accuracy.

    Args:
        table: predictions of one run and split: `label`, `pred`, `domain`, `correct`.
        regions: the domains are FMoW's regions.
    """
    labels, pred = table["label"].to_numpy(), table["pred"].to_numpy()
    counts = class_counts(labels, pred, int(max(labels.max(), pred.max())) + 1)
    found = {"accuracy": float(accuracy(counts)), "macro_f1": float(macro_f1(counts))}
    if regions:
        found["worst_region_accuracy"] = worst_region_accuracy(table)
    return found


def weighted_counts(table: pd.DataFrame, weights: np.ndarray, classes: int) -> np.ndarray:
    """Return right predictions, predictions and labels by class when images count as often as said.

    Args:
        table: predictions: `label`, `pred`.
        weights: (R, N) how often each image counts in each of R resamples.
        classes: C.

    Returns:
        Counts (R, 3, C).
    """
    labels, pred = table["label"].to_numpy(), table["pred"].to_numpy()
    found = np.zeros((len(weights), 3, classes))
    for place, (rows, chosen) in enumerate(
        ((labels, labels == pred), (pred, None), (labels, None))
    ):
        kept = slice(None) if chosen is None else chosen
        found[:, place] = _sums(weights[:, kept], rows[kept], classes)
    return found


def _sums(weights: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """Return the sums (R, count) of weights (R, N) by group (N,)."""
    first = np.arange(len(weights))[:, None] * count
    flat = (first + groups[None]).ravel()
    return np.bincount(flat, weights.ravel(), len(weights) * count).reshape(len(weights), count)
