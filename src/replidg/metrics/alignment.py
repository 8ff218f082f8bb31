"""AlignmentScore and the IP/OOP split (arXiv 2412.02856, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from replidg.config.schema import Thresholds

PARTS = ("ip", "oop", "dropped_low", "dropped_high")


class Bounds(NamedTuple):
    """Thresholds as scores: dropped_low < low <= oop < split <= ip <= high < dropped_high."""

    low: float
    split: float
    high: float


def alignment_score(images: np.ndarray, texts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the cosine of each image's embedding with its own class's text (their equation 2).

    Args:
        images: embeddings (N, D), any length.
        texts: embeddings of the class prompts (C, D), any length.
        labels: class of each image (N,).

    Returns:
        Scores (N,) in [-1, 1], float32.

    Raises:
        ValueError: an embedding is zero or not finite.
    """
    own = texts[labels]
    lengths = np.linalg.norm(images, axis=1) * np.linalg.norm(own, axis=1)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise ValueError("an embedding is zero or not finite; its cosine is undefined")
    return np.clip((images * own).sum(axis=1) / lengths, -1.0, 1.0).astype(np.float32)


def true_class_probability(
    images: np.ndarray, texts: np.ndarray, labels: np.ndarray, scale: float
) -> np.ndarray:
    """Return the zero-shot classifier's probability of each image's own class (Fig 6).

    The paper calls it the Calibrated AlignmentScore.

    Args:
        images: embeddings (N, D), any length.
        texts: embeddings of the class prompts (C, D), any length.
        labels: class of each image (N,).
        scale: factor of the cosines in the softmax.

    Returns:
        Probabilities (N,), float32.

    Raises:
        ValueError: an embedding is zero or not finite.
    """
    logits = scale * (_unit(images) @ _unit(texts).T).astype(np.float64)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    own = weights[np.arange(len(weights)), labels] / weights.sum(axis=1)
    return own.astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or not np.all(lengths > 0):
        raise ValueError("an embedding is zero or not finite; its cosine is undefined")
    return vectors / lengths


def bounds(thresholds: Thresholds, scores: Mapping[str, np.ndarray]) -> Bounds:
    """Return the thresholds as scores.

    Args:
        thresholds: absolute scores, or quantiles of the scores of all data sets pooled.
        scores: scores by data set.
    """
    if thresholds.kind == "absolute":
        return Bounds(thresholds.low, thresholds.split, thresholds.high)
    pooled = np.concatenate([np.asarray(values, np.float64) for values in scores.values()])
    levels = [thresholds.low, thresholds.split, thresholds.high]
    # "lower" and "higher" return scores that occur, so "exactly on the bound" has a meaning.
    low, split = np.quantile(pooled, levels[:2], method="lower")
    return Bounds(float(low), float(split), float(np.quantile(pooled, levels[2], method="higher")))


def assign_parts(scores: np.ndarray, at: Bounds) -> np.ndarray:
    """Return one of `PARTS` for each score; the paper leaves the bounds open, here they belong up.

    A score equal to `low` is kept, equal to `split` is IP, equal to `high` is kept.
    """
    # Both as float32, which scores are stored in: a stored 0.21 is on the bound 0.21.
    scores, at = np.asarray(scores, np.float32), Bounds(*map(np.float32, at))
    conditions = [scores < at.low, scores > at.high, scores >= at.split]
    return np.select(conditions, ["dropped_low", "dropped_high", "ip"], default="oop")


def count_parts(split: pd.DataFrame) -> pd.DataFrame:
    """Return images by domain and part, with their total as "original" (Fig 17).

    Args:
        split: one row an image with `domain` and `part`.
    """
    counts = pd.crosstab(split["domain"], split["part"]).reindex(columns=list(PARTS), fill_value=0)
    return counts.assign(original=counts.sum(axis=1))
