"""Scores of predictions from counts by class; the training selects by what the tables print.

WILDS' definitions (p-lambda/wilds 2.0.0): `acc_avg` is the share of right predictions,
`F1-macro_all` is scikit-learn's macro F1 over the classes among the labels of the split.
"""

from __future__ import annotations

import numpy as np


def class_counts(labels: np.ndarray, pred: np.ndarray, classes: int) -> np.ndarray:
    """Return right predictions, predictions and labels of each class.

    Args:
        labels: (N,), 0 to C - 1.
        pred: (N,), 0 to C - 1.
        classes: C.

    Returns:
        Counts (3, C).
    """
    hits = labels[labels == pred]
    return np.stack([np.bincount(each, minlength=classes) for each in (hits, pred, labels)])


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of right predictions, in percent.

    Args:
        counts: (..., 3, C), as from `class_counts`; weighted counts will do.
    """
    counts = np.asarray(counts, np.float64)
    return 100.0 * counts[..., 0, :].sum(-1) / counts[..., 2, :].sum(-1)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean over labelled classes of F1 = 2 hits / (predictions + labels), in percent.

    Args:
        counts: (..., 3, C), as from `class_counts`; weighted counts will do.
    """
    hits, predicted, labelled = np.moveaxis(np.asarray(counts, np.float64), -2, 0)
    present = labelled > 0
    f1 = np.divide(2 * hits, predicted + labelled, out=np.zeros_like(hits), where=present)
    return 100.0 * f1.sum(-1) / present.sum(-1)


SCORES = {"accuracy": accuracy, "macro_f1": macro_f1}
