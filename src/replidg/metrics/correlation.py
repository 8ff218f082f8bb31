"""Rank correlation of a score and of whether the prediction is right, with bootstrap intervals.

Spearman's correlation (American J. Psychology 15, 1904) of two columns, one row an image: the score
and 1 for a right prediction, 0 for a wrong one, ties at their mean rank. With a binary column it is
Pearson's correlation of the scores' ranks and that column. Intervals are percentiles over images
drawn with replacement (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: Scores are told apart to this step where they come as counts.
FINE = 0.001
LEVEL = 0.95


def rank_correlation(hits: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of images given as counts by score, lowest score first.

    Args:
        hits: right predictions at each score, (..., scores).
        n: images at each score, same shape.

    Returns:
        One correlation for each leading index; NaN where scores or predictions do not vary.
    """
    hits, n = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    total = n.sum(axis=-1, keepdims=True)
    ranks = np.cumsum(n, axis=-1) - (n - 1) / 2 - (total + 1) / 2  # centred
    share = hits.sum(axis=-1) / total[..., 0]
    covariance = (hits * ranks).sum(axis=-1) / total[..., 0]
    variance = (n * ranks**2).sum(axis=-1) / total[..., 0] * share * (1 - share)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 1e-12, covariance / np.sqrt(variance), np.nan)


def correlations(counts: pd.DataFrame, resamples: int, seed: int = 0) -> pd.DataFrame:
    """Return the rank correlation of each data set, method and seed.

    Args:
        counts: rows of `accuracy.bin_counts` with bins of width `FINE`.
        resamples: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        Rows with `dataset`, `method`, `seed`, `metric` (`rho`, `rho_low`, `rho_high`), `value`,
        `n` (images).
    """
    keys = ["dataset", "method", "seed"]
    whole = counts.groupby([*keys, "x"], sort=True)[["hits", "n"]].sum().reset_index()
    rows = []
    for key, part in whole.groupby(keys, sort=True):
        hits, n = part["hits"].to_numpy(), part["n"].to_numpy()
        drawn = _resampled(hits, n, resamples, np.random.default_rng(seed))
        low, high = _interval(drawn)
        named = dict(zip(keys, key, strict=True)) | {"n": int(n.sum())}
        values = {"rho": float(rank_correlation(hits, n)), "rho_low": low, "rho_high": high}
        rows += [named | {"metric": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(rows, columns=[*keys, "metric", "value", "n"])


def _resampled(
    hits: np.ndarray, n: np.ndarray, resamples: int, random: np.random.Generator
) -> np.ndarray:
    """Draw as many images as there are, with replacement: counts of the cells are multinomial."""
    cells = np.concatenate([hits, n - hits])
    drawn = random.multinomial(cells.sum(), cells / cells.sum(), size=resamples)
    right, wrong = np.split(drawn, 2, axis=1)
    return rank_correlation(right, right + wrong)


def _interval(drawn: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval; NaN if no sample has a correlation."""
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def compare_predictors(
    correct: np.ndarray, scores: Mapping[str, np.ndarray], resamples: int, seed: int = 0
) -> pd.DataFrame:
    """Return how well several scores of the same images predict which are classified rightly.

    The samples are of images, the same for all scores, so that a difference of two correlations
    has an interval of its own.

    Args:
        correct: whether each image is classified rightly.
        scores: name of a score and its value for each image; the others are compared with the
            first.
        resamples: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        Rows with `setting` (the score's name), `metric` (`rho`, `rho_low`, `rho_high`, and `gap`,
        `gap_low`, `gap_high`: the first score's correlation less this one's), `value`, `n`.
    """
    hit = np.asarray(correct, np.float64)
    codes = {name: np.unique(values, return_inverse=True)[1] for name, values in scores.items()}
    found = {name: float(_image_correlation(code, hit)) for name, code in codes.items()}
    random = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(codes)))
    for row in drawn:
        weight = np.bincount(random.integers(len(hit), size=len(hit)), minlength=len(hit))
        row[:] = [_image_correlation(code, hit, weight) for code in codes.values()]
    first = next(iter(codes))
    rows = []
    for place, name in enumerate(codes):
        low, high = _interval(drawn[:, place])
        gap_low, gap_high = _interval(drawn[:, 0] - drawn[:, place])
        values = {
            "rho": found[name], "rho_low": low, "rho_high": high,
            "gap": found[first] - found[name], "gap_low": gap_low, "gap_high": gap_high,
        }  # fmt: skip
        rows += [{"setting": name, "metric": metric, "value": v} for metric, v in values.items()]
    return pd.DataFrame(rows).assign(n=len(hit))


def _image_correlation(
    code: np.ndarray, hit: np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    weight = np.ones(len(hit)) if weight is None else weight
    return rank_correlation(np.bincount(code, weight * hit), np.bincount(code, weight))
