"""Intersection over union of whole data sets and of resampled ones, from confusions by image.

A file of confusions has a row for each image and each pair of a true and a predicted class that it
has pixels of (`image_id`, `condition`, `truth`, `pred`, `pixels`); pixels without a label are in
none. Everything else is sums of these.

A data set's IoU of a class is that of all its pixels, not a mean over images (PASCAL VOC,
Everingham et al. 2010). A class without a true and without a predicted pixel has no IoU, and the
mean is over the others: as `IoUMetric` of mmsegmentation counts (`nanmean`). A class that is only
predicted has the IoU 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replidg.config.street_classes import CLASSES

COLUMNS = ("image_id", "condition", "truth", "pred", "pixels")


@dataclass(frozen=True)
class Areas:
    """Pixels of some images by class: what every IoU is made of.

    Attributes:
        images: ids, sorted.
        conditions: of each image; empty where the data set has none.
        right: (N, K) pixels of a class that are predicted as it.
        truth: (N, K) pixels of a class.
        pred: (N, K) pixels predicted as a class.
    """

    images: tuple[str, ...]
    conditions: tuple[str, ...]
    right: np.ndarray
    truth: np.ndarray
    pred: np.ndarray

    def where(self, condition: str) -> Areas:
        """Return the images of one condition."""
        chosen = np.array([found == condition for found in self.conditions])
        return Areas(
            tuple(np.array(self.images, dtype=object)[chosen]),
            tuple(np.array(self.conditions, dtype=object)[chosen]),
            self.right[chosen], self.truth[chosen], self.pred[chosen],
        )  # fmt: skip


def read_areas(table: pd.DataFrame, what: str = "the confusions") -> Areas:
    """Sum a table of confusions by image.

    Args:
        table: `COLUMNS`; see the module.
        what: names the table in errors, e.g. its path.

    Raises:
        ValueError: a column is missing, there is no row, a class is none of the 19, or an image has
            two conditions.
    """
    missing = [column for column in COLUMNS if column not in table]
    if missing or table.empty:
        problem = f"lack the columns {missing}" if missing else "have no row"
        raise ValueError(f"{what} {problem}; the test job that writes them has to run again")
    size = len(CLASSES)
    truth, pred = (table[name].to_numpy(np.int64) for name in ("truth", "pred"))
    if min(truth.min(), pred.min()) < 0 or max(truth.max(), pred.max()) >= size:
        raise ValueError(f"{what} have a class outside 0 to {size - 1}")
    images = table[["image_id", "condition"]].drop_duplicates().sort_values("image_id")
    if images["image_id"].duplicated().any():
        twice = images.loc[images["image_id"].duplicated(), "image_id"].iloc[0]
        raise ValueError(f"{what} have two conditions for {twice}")
    places = pd.Index(images["image_id"]).get_indexer(table["image_id"])
    pixels = table["pixels"].to_numpy(np.int64)
    counted = [np.zeros((len(images), size), np.int64) for _ in range(3)]
    for out, classes, own in zip(
        counted, (truth, truth, pred), (truth == pred, slice(None), slice(None)), strict=True
    ):
        np.add.at(out, (places[own], classes[own]), pixels[own])
    return Areas(tuple(images["image_id"]), tuple(images["condition"]), *counted)


def class_iou(areas: Areas, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the IoU of each class in percent, NaN for a class that is nowhere.

    Args:
        areas: of the images.
        weights: (R, N) how often each image counts, for R resampled data sets; once each if None.

    Returns:
        (K,), or (R, K) with weights.
    """
    sums = (areas.right, areas.truth, areas.pred)
    right, truth, pred = (
        each.sum(0) if weights is None else weights @ each.astype(np.float64) for each in sums
    )
    union = (truth + pred - right).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(union > 0, 100.0 * right / union, np.nan)


def mean_iou(areas: Areas, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean IoU over classes in percent; arguments as for `class_iou`.

    Returns:
        A number, or (R,) with weights.
    """
    found = class_iou(areas, weights)
    known = ~np.isnan(found)
    # A plain nanmean warns of a data set without a labelled pixel.
    with np.errstate(invalid="ignore"):
        return np.where(known, found, 0).sum(-1) / known.sum(-1)


def constant_iou(areas: Areas) -> float:
    """Return the mean IoU of the best prediction that is one class everywhere, in percent.

    Predicting class c everywhere has the IoU pixels(c) / pixels for it and 0 for the others that
    the data set has, so the most frequent class is best.
    """
    truth = areas.truth.sum(0)
    return float(100 * truth.max() / truth.sum() / (truth > 0).sum())


def resampled(images: int, resamples: int, seed: int | Sequence[int]) -> np.ndarray:
    """Return (resamples, images) counts of a bootstrap over images (Efron and Tibshirani 1993)."""
    random = np.random.default_rng(seed)
    return random.multinomial(images, np.full(images, 1 / images), resamples).astype(np.float64)


def interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Return the percentile interval of resampled values."""
    tail = (1 - level) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def seeds_mean(runs: Sequence[Areas], weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean over training seeds of the mean IoU, each seed on the same resamples.

    Raises:
        ValueError: the runs were tested on different images.
    """
    if any(run.images != runs[0].images for run in runs):
        raise ValueError("runs of one data set were tested on different images; test them again")
    return np.mean([mean_iou(run, weights) for run in runs], axis=0)


def same_class_next(values: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of pixels in percent whose nearest other pixel is of their class.

    Args:
        values: (P, C) embeddings, compared by cosine.
        labels: (P,) classes.
    """
    units = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    near = units @ units.T
    np.fill_diagonal(near, -np.inf)
    return float(100 * (labels[near.argmax(axis=1)] == labels).mean())


def relative_performance(targets: Sequence[float], source: float) -> float:
    """Return rPD: the mean score on the targets in percent of the source's own (paper, T3)."""
    return float(100 * np.mean(targets) / source) if source else float("nan")
