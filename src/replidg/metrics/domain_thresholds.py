"""Thresholds of domain classifiers, and which of them filters (arXiv 2410.08258)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from replidg.config.forgotten_sets import WEB

SUITES = ("natural", "rendition")


@dataclass(frozen=True)
class Operating:
    """A threshold and what it gives on the images it was chosen by.

    Attributes:
        threshold: images with a score at or above it have the domain.
        precision: share of these that do have it.
        recall: share of the domain's images that are among them.
    """

    threshold: float
    precision: float
    recall: float


def threshold_at(scores: np.ndarray, positive: np.ndarray, precision: float) -> Operating:
    """Return the threshold with the highest recall of those that reach a precision.

    Where none reaches it: the most precise one, of several the one with the highest recall.

    Args:
        scores: of each image (N,).
        positive: whether it has the domain (N,).
        precision: wanted, from 0 to 1.

    Raises:
        ValueError: no image has the domain.
    """
    scores, positive = np.asarray(scores), np.asarray(positive, bool)
    if not positive.any():
        raise ValueError("no image has the domain, so there is no recall")
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], np.cumsum(positive[order])
    last = np.flatnonzero(np.append(np.diff(sorted_scores) != 0, True))  # ties go together
    found = hits[last] / (last + 1)
    recall = hits[last] / positive.sum()
    enough = found >= precision
    if enough.any():
        best = last[enough][np.argmax(recall[enough])]
    else:
        top = found >= found.max()
        best = last[top][np.argmax(recall[top])]
    place = int(np.searchsorted(last, best))
    return Operating(float(sorted_scores[best]), float(found[place]), float(recall[place]))


def precision_recall(chosen: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return precision and recall; a precision of no image is 0, as the paper prints it."""
    chosen, positive = np.asarray(chosen, bool), np.asarray(positive, bool)
    hits = float((chosen & positive).sum())
    return (
        hits / chosen.sum() if chosen.any() else 0.0,
        hits / positive.sum() if positive.any() else float("nan"),
    )


def thresholds(predictions: pd.DataFrame, strict: float, relaxed: float) -> dict[str, Any]:
    """Return the thresholds of a classifier by its validation pictures.

    Args:
        predictions: of all labelled pictures.
        strict: precision of the clean sets.
        relaxed: precision of ImageNet-N.

    Returns:
        `strict` and `relaxed`: domain: fields of `Operating`; `default`: domain: precision and
        recall of the classifier's default setting.
    """
    val = predictions[(predictions["test_set"] == WEB) & (predictions["split"] == "val")]
    found: dict[str, Any] = {"strict": {}, "relaxed": {}, "default": {}}
    for domain in SUITES:
        scores, positive = val[f"{domain}_score"].to_numpy(), (val["label"] == domain).to_numpy()
        for name, wanted in (("strict", strict), ("relaxed", relaxed)):
            found[name][domain] = asdict(threshold_at(scores, positive, wanted))
        pair = precision_recall((val["default"] == domain).to_numpy(), positive)
        found["default"][domain] = dict(zip(("precision", "recall"), pair, strict=True))
    return found


def chosen(
    found: Mapping[str, Mapping[str, Any]],
    candidates: Iterable[str],
    wanted: Mapping[str, str | None],
    strict: float,
) -> dict[str, dict[str, Any]]:
    """Return the classifier of each domain: the highest recall at the strict precision.

    One that does not reach the precision comes after those that do, the more precise the earlier.

    Args:
        found: classifier: its thresholds.
        candidates: names to choose from; those that are not there are left out.
        wanted: domain: a name that is taken instead, or None.
        strict: the precision.

    Raises:
        ValueError: there is no candidate.
    """
    names = [name for name in candidates if name in found]
    result = {}
    for domain in SUITES:

        def merit(name: str, domain: str = domain) -> tuple[float, float]:
            each = found[name]["strict"][domain]
            return min(each["precision"], strict), each["recall"]

        name = wanted[domain] or max(names, key=merit, default=None)
        if name is None:
            raise ValueError("none of the candidates is among the classifiers")
        levels = {level: found[name][level][domain] for level in ("strict", "relaxed", "default")}
        result[domain] = {"classifier": name} | levels
    return result
