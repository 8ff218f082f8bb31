"""How much one arm gains on another: paired over test images and seeds.

The gain is the mean over seeds of metric(arm) - metric(other) on the same images. Its interval is a
percentile bootstrap over images (Efron and Tibshirani 1993, chapters 13 and 16): a resample draws
the same images for both arms and all seeds. The p-value is twice the smaller share of resamples on
either side of 0, corrected by Holm (1979) over the fractions of one comparison. Beside it stands a
paired t test over seeds, which asks another question: whether another training would gain too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from replidg.metrics.wilds import weighted_counts
from replidg.scores import SCORES

CHUNK = 2**24


def paired_gain(
    arm: dict[int, pd.DataFrame],
    other: dict[int, pd.DataFrame],
    metric: str,
    *,
    resamples: int,
    level: float,
    seed: int,
) -> dict[str, float]:
    """Return the gain of an arm on another, its interval and tests.

    Args:
        arm: seed: predictions on the test images: `image_id`, `label`, `pred`.
        other: the same; a single entry serves for every seed (zero-shot has one).
        metric: of `replidg.scores.SCORES`.
        resamples: of the bootstrap.
        level: of the interval.
        seed: of the bootstrap.

    Returns:
        `gain`, `low`, `high`, `p` (not corrected), `p_seeds` (NaN with one seed), `seeds`, `n`.

    Raises:
        ValueError: the arms were tested on other images or have other seeds.
    """
    pairs = [(table, other.get(k) if len(other) > 1 else one(other)) for k, table in arm.items()]
    if any(right is None for _, right in pairs):
        raise ValueError(f"seeds differ: {sorted(arm)} and {sorted(other)}")
    aligned = [(_sorted(left), _sorted(right)) for left, right in pairs]
    ids = aligned[0][0]["image_id"].tolist()
    if any(table["image_id"].tolist() != ids for pair in aligned for table in pair):
        raise ValueError("the arms were tested on other images")
    tables = [table for pair in aligned for table in pair]
    classes = int(max(t[name].max() for t in tables for name in ("label", "pred"))) + 1
    whole = np.array(
        [_differences(pair, np.ones((1, len(ids))), classes, metric) for pair in aligned]
    )
    random, drawn = np.random.default_rng(seed), []
    step = max(1, CHUNK // len(ids))
    for first in range(0, resamples, step):
        size = min(step, resamples - first)
        weights = random.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size).astype(float)
        each = [_differences(pair, weights, classes, metric) for pair in aligned]
        drawn.append(np.mean(each, axis=0))
    found = np.concatenate(drawn)
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    # One is added to numerator and denominator, so that no p-value is 0 (Davison and Hinkley 1997).
    sides = [(np.sum(found <= 0) + 1), (np.sum(found >= 0) + 1)]
    by_seed = whole[:, 0]
    return {
        "gain": float(by_seed.mean()),
        "low": float(low),
        "high": float(high),
        "p": float(min(1.0, 2 * min(sides) / (resamples + 1))),
        "p_seeds": _t_test(by_seed),
        "seeds": len(by_seed),
        "n": len(ids),
    }


def one(tables: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Return the only table."""
    (table,) = tables.values()
    return table


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("image_id", ignore_index=True)


def _differences(
    pair: tuple[pd.DataFrame, pd.DataFrame], weights: np.ndarray, classes: int, metric: str
) -> np.ndarray:
    """Return metric(first) - metric(second) (R,) with images weighted (R, N)."""
    first, second = (SCORES[metric](weighted_counts(t, weights, classes)) for t in pair)
    return first - second


def _t_test(values: np.ndarray) -> float:
    if len(values) < 2 or np.ptp(values) < 1e-9:  # differences that are one but for rounding
        return float("nan")
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def holm(p: pd.Series) -> pd.Series:
    """Return Holm's corrected p-values (Scandinavian J. Statistics 6, 1979); NaN stays NaN."""
    known = p.dropna().sort_values()
    steps = known.to_numpy() * np.arange(len(known), 0, -1)
    corrected = np.minimum(1.0, np.maximum.accumulate(steps))
    return pd.Series(corrected, index=known.index).reindex(p.index)
