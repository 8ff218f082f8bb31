"""Labels that a person checks (Table 7 of arXiv 2412.02856), and known noise in their place."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.labels import LabelNoise

#: What a person may say of an image's label, as in the sheet's csv.
VERDICTS = {"m": "mislabelled", "k": "fine", "u": "unsure"}
COLUMNS = ["dataset", "interval", "image_id", "domain", "class_name", "score", "verdict"]


class LabelError(ValueError):
    """A filled sheet cannot be used; the message names the file and the line."""


def exchange_labels(labels: np.ndarray, classes: int, noise: LabelNoise) -> np.ndarray:
    """Return labels of which a share is another class, each other class equally likely.

    Args:
        labels: class of each image.
        classes: number of classes.
        noise: share and seed. The number of exchanged labels is the share rounded down.
    """
    random = np.random.default_rng(noise.seed)
    exchanged = np.array(labels, copy=True)
    chosen = random.permutation(len(exchanged))[: int(noise.share * len(exchanged))]
    shift = random.integers(1, classes, size=len(chosen))
    exchanged[chosen] = (exchanged[chosen] + shift) % classes
    return exchanged


def interval_names(intervals: list[float]) -> list[str]:
    """Return `0.00-0.05` and so on, as the paper's Table 7 names them."""
    return [f"{low:.2f}-{high:.2f}" for low, high in pairwise(intervals)]


def interval_bounds(
    intervals: list[float], kind: str, scores: dict[str, np.ndarray]
) -> list[float]:
    """Return the bounds of the intervals as scores; quantiles are of all data sets pooled."""
    if kind == "absolute":
        return list(intervals)
    pooled = np.concatenate([np.asarray(values, np.float64) for values in scores.values()])
    return [float(bound) for bound in np.quantile(pooled, intervals, method="lower")]


def draw_sheet(
    scores: pd.DataFrame, bounds: list[float], names: list[str], images: int, seed: int
) -> pd.DataFrame:
    """Draw images of each interval [low, high), without repetition.

    Args:
        scores: a data set's images: `image_id`, `domain`, `class_name`, `score`.
        bounds: of the intervals, as scores.
        names: of the intervals.
        images: of an interval; all of them where there are fewer.
        seed: of the draw.

    Returns:
        `COLUMNS` without `dataset`, the verdict empty.
    """
    random = np.random.default_rng(seed)
    value = scores["score"].to_numpy(np.float32)
    limits = np.asarray(bounds, np.float32)
    parts = []
    for name, (low, high) in zip(names, pairwise(limits), strict=True):
        inside = np.flatnonzero((value >= low) & (value < high))
        chosen = np.sort(random.permutation(inside)[:images])
        parts.append(scores.iloc[chosen].assign(interval=name, verdict=""))
    return pd.concat(parts, ignore_index=True)[COLUMNS[1:]]


def read_sheet(path: Path) -> pd.DataFrame:
    """Read a filled sheet.

    Raises:
        LabelError: a column is missing, a verdict is unknown, an image stands there twice, or no
            image has a verdict.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise LabelError(f"{path}: the columns {', '.join(missing)} are missing")
    table["verdict"] = table["verdict"].str.strip().str.lower()
    wrong = ~table["verdict"].isin(["", *VERDICTS])
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0]) + 2
        told = table["verdict"].iloc[line - 2]
        raise LabelError(f"{path}:{line}: verdict {told!r} is none of m, k, u")
    twice = table.duplicated(["dataset", "image_id"])
    if twice.any():
        line = int(np.flatnonzero(twice)[0]) + 2
        raise LabelError(f"{path}:{line}: {table['image_id'].iloc[line - 2]} stands there twice")
    if not table["verdict"].isin(["m", "k"]).any():
        raise LabelError(f"{path} is not filled: no image has the verdict m or k")
    return table


def mislabelled(sheet: pd.DataFrame) -> pd.DataFrame:
    """Return the share of wrong labels in each interval, in percent of the m and k.

    Args:
        sheet: `dataset`, `interval`, `verdict`; empty and unsure verdicts do not count.

    Returns:
        Rows with `dataset`, `setting` (interval), `value`, `n`, sorted; an interval without a
        decided image has no row.
    """
    decided = sheet[sheet["verdict"].isin(["m", "k"])]
    wrong = (decided["verdict"] == "m").astype("float64")
    groups = wrong.groupby([decided["dataset"], decided["interval"].rename("setting")])
    table = pd.DataFrame({"value": 100.0 * groups.mean(), "n": groups.size()})
    return table.reset_index()
