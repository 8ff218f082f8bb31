"""AlignmentScore beside other scores of an image: Figs 2a, 8 and Table 3 of arXiv 2412.02856."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replidg.config.labels import PerceptualSplit
from replidg.metrics.accuracy import KEYS

#: Scores that are compared: what they are called in the tidy table.
ALIGNMENT, PERCEPTUAL, MEAN = "alignment", "perceptual", "mean"


def perceptual_similarity(neighbours: pd.DataFrame) -> pd.DataFrame:
    """Return the similarity to the nearest image of the pretraining corpus (their equation 1).

    Args:
        neighbours: one row an image and rank, with `image_id`, `rank`, `similarity`.
    """
    nearest = neighbours.loc[neighbours["rank"] == 1, ["image_id", "similarity"]]
    return nearest.rename(columns={"similarity": PERCEPTUAL})


def image_scores(split: pd.DataFrame, neighbours: pd.DataFrame) -> pd.DataFrame:
    """Join the scores of a data set's images.

    Neighbours may have been searched for a part of the images only; the others are left out, so
    that all scores are compared on the same images.

    Args:
        split: `image_id`, `score` and `part` of each image.
        neighbours: as for `perceptual_similarity`.

    Returns:
        `image_id`, `part`, `alignment`, `perceptual`, `mean` (of the two, as in Fig 8).

    Raises:
        ValueError: no image has both scores.
    """
    table = split[["image_id", "part", "score"]].rename(columns={"score": ALIGNMENT})
    table = table.merge(perceptual_similarity(neighbours), on="image_id", validate="one_to_one")
    if table.empty:
        raise ValueError("no image has neighbours and a score; rerun the similarity stage")
    return table.assign(**{MEAN: (table[ALIGNMENT] + table[PERCEPTUAL]) / 2})


def split_bound(split: PerceptualSplit, scores: Mapping[str, np.ndarray]) -> float:
    """Return where the PerceptualSimilarityScore divides, as a score.

    Args:
        split: an absolute score, or a quantile of the scores of all data sets pooled.
        scores: PerceptualSimilarityScores by data set.
    """
    if split.kind == "absolute":
        return split.at
    pooled = np.concatenate([np.asarray(values, np.float64) for values in scores.values()])
    return float(np.quantile(pooled, split.at, method="lower"))


def accuracy_by_similarity(predictions: pd.DataFrame, bound: float) -> pd.DataFrame:
    """Return accuracy in percent at and above, and below a PerceptualSimilarityScore (Table 3).

    Args:
        predictions: `dataset`, `target`, `method`, `seed`, `correct`, `perceptual`.
        bound: an image exactly on it is IP.

    Returns:
        Rows with these keys, `setting` (`perceptual_IP`, `perceptual_OOP`), `value`, `n`.
    """
    above = predictions[PERCEPTUAL].to_numpy(np.float32) >= np.float32(bound)
    tables = []
    for setting, chosen in {"perceptual_IP": above, "perceptual_OOP": ~above}.items():
        hits = predictions["correct"].astype("float64").where(chosen)
        groups = hits.groupby([predictions[key] for key in KEYS])
        table = pd.DataFrame({"value": 100.0 * groups.mean(), "n": groups.count()})
        tables.append(table.reset_index().assign(setting=setting))
    return pd.concat(tables, ignore_index=True)


def nice_width(values: np.ndarray, bins: int = 20) -> float:
    """Return a round width (1, 2 or 5 times a power of ten) that gives about `bins` bins.

    The calibrated score (Fig 6) has another range in each data set. The outer 1 % of the values
    do not count.
    """
    low, high = np.quantile(np.asarray(values, np.float64), [0.005, 0.995])
    raw = (high - low) / bins
    if not raw > 0:
        return 0.01
    power = 10.0 ** np.floor(np.log10(raw))
    steps = np.array([1.0, 2.0, 5.0, 10.0])
    return float(f"{power * steps[np.argmin(np.abs(np.log(steps * power / raw)))]:.0e}")
