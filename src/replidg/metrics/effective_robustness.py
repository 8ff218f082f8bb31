"""Effective robustness (Taori et al. 2020, arXiv 2007.00644, section 2).

It is OOD accuracy above what ID accuracy predicts.
The prediction is a line in logit-transformed accuracies (Miller et al. 2021, arXiv 2107.04649),
fitted to runs of the vision-only arms.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

logger = logging.getLogger(__name__)
#: Scores of 0 and 100 % have no logit; they are moved inside by so many points.
EDGE = 0.1


class Line(NamedTuple):
    """logit(OOD) = slope * logit(ID) + intercept, of percentages."""

    slope: float
    intercept: float

    @property
    def known(self) -> bool:
        """Tell whether there were enough runs for a line."""
        return bool(np.isfinite(self.slope))

    def at(self, values: np.ndarray) -> np.ndarray:
        """Return the predicted OOD percentages of ID percentages."""
        return 100 * expit(self.slope * to_logit(values) + self.intercept)


def to_logit(percent: np.ndarray) -> np.ndarray:
    """Return the logits of percentages, kept `EDGE` away from 0 and 100."""
    return logit(np.clip(np.asarray(percent, np.float64), EDGE, 100 - EDGE) / 100)


def fit_line(id_scores: np.ndarray, ood_scores: np.ndarray) -> Line:
    """Return the least-squares line of OOD on ID scores, in logits.

    Fewer than two different ID scores have no line: its numbers, and all that follow from it, are
    NaN.
    """
    x, y = to_logit(id_scores), to_logit(ood_scores)
    if len(np.unique(x)) < 2:
        logger.warning(
            "effective robustness is not known: a line needs runs of at least two different ID "
            "scores; train the vision-only arms with more fractions, rates or seeds"
        )
        return Line(np.nan, np.nan)
    slope, intercept = np.polyfit(x, y, 1)
    return Line(float(slope), float(intercept))


def points(
    metrics: pd.DataFrame, dataset: str, metric: str, artefact: str = "runs"
) -> pd.DataFrame:
    """Return one row a run: `method`, `x`, `setting`, `seed`, `id` and `ood` score in percent."""
    rows = metrics[
        (metrics["artefact"] == artefact)
        & (metrics["dataset"] == dataset)
        & (metrics["metric"] == metric)
        & metrics["domain"].isin(["id_test", "test"])
    ]
    keys = ["method", "x", "setting", "seed"]
    wide = rows.pivot(index=keys, columns="domain", values="value").dropna().reset_index()
    return wide.rename(columns={"id_test": "id", "test": "ood"}).rename_axis(columns=None)


def effective_robustness(
    found: pd.DataFrame, baseline: tuple[str, ...]
) -> tuple[pd.DataFrame, Line]:
    """Return runs with `expected` and `effective` (OOD less expected, in points), and the line.

    Args:
        found: rows of `points`.
        baseline: arms that the line is fitted to.
    """
    own = found[found["method"].isin(baseline)]
    line = fit_line(own["id"].to_numpy(), own["ood"].to_numpy())
    expected = line.at(found["id"].to_numpy())
    return found.assign(expected=expected, effective=found["ood"] - expected), line
