"""Metrics of recognition where some target classes are unknown (arXiv 2404.09011).

Arguments are arrays over the target's images: `known` (its class is one of the sources'),
`correct` (the prediction among the known classes is right; never for unknown images), `confidence`
(the highest softmax or logit).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

THRESHOLDS = 10


def closed_set_accuracy(known: np.ndarray, correct: np.ndarray) -> float:
    """Return the share of known images that are right; NaN without one."""
    return float(correct[known].mean()) if known.any() else float("nan")


def h_score(
    known: np.ndarray, correct: np.ndarray, confidence: np.ndarray, threshold: float
) -> float:
    """Return the harmonic mean of accuracies on known and on unknown images at a threshold.

    Rejected as unknown is what has a confidence below the threshold. A known image counts if it is
    right and accepted, an unknown one if it is rejected; H = 2 a b / (a + b), 0 if both are 0.
    """
    if not known.any() or known.all():
        return float("nan")
    accepted = confidence >= threshold
    a = float((correct & accepted)[known].mean())
    b = float((~accepted)[~known].mean())
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def target_thresholds(lowest: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Return the ten thresholds of the public code, from the least to the greatest entry.

    theta_i = min + (max - min) i / 9 over *all* entries of the target's softmax matrix: an oracle,
    since it looks at the target. At i = 0 nothing is rejected, so H is 0.

    Args:
        lowest: least entry of each image's softmax.
        confidence: greatest entry of it.
    """
    return np.linspace(lowest.min(), confidence.max(), THRESHOLDS)


def h_scores(
    known: np.ndarray, correct: np.ndarray, confidence: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Return the H-score at each threshold."""
    return np.array([h_score(known, correct, confidence, at) for at in thresholds])


def source_threshold(confidence: np.ndarray, accept: float) -> float:
    """Return a threshold that accepts a share of the sources' validation images.

    It sees no target image: the control for `target_thresholds`.
    """
    # "lower" is a confidence that occurs, so that at least the share is accepted.
    return float(np.quantile(confidence, 1.0 - accept, method="lower"))


def auroc(known: np.ndarray, confidence: np.ndarray) -> float:
    """Return the chance that a known image is more confident than an unknown one; ties count half.

    The Mann-Whitney statistic; NaN without either kind.
    """
    positives, negatives = int(known.sum()), int((~known).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(confidence)
    return float((ranks[known].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def oscr(known: np.ndarray, correct: np.ndarray, confidence: np.ndarray) -> float:
    """Return the area under the open-set classification rate (Dhamija et al. 2018, NeurIPS).

    Over all thresholds: correct and accepted known images against accepted unknown ones, as shares.
    It is the chance that a known image is right and more confident than an unknown one; ties count
    half, which is the trapezoid.
    """
    positives, negatives = int(known.sum()), int((~known).sum())
    if not positives or not negatives:
        return float("nan")
    right = confidence[known & correct]
    unknown = np.sort(confidence[~known])
    below = np.searchsorted(unknown, right, side="left")
    upto = np.searchsorted(unknown, right, side="right")
    return float(((below + upto) / 2).sum() / (positives * negatives))


def h2_cv(values: np.ndarray, ddof: int = 0) -> float:
    """Return the coefficient of variation over hybridness settings; lower is steadier.

    Standard deviation over mean of the H-scores (or accuracies) at each H. The name is all that
    was available of the paper's definition.

    Returns:
        NaN where a value is missing, there are fewer than two, or the mean is 0.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2 or np.isnan(values).any() or values.mean() == 0:
        return float("nan")
    return float(values.std(ddof=ddof) / values.mean())
