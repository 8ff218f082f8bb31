"""Effective robustness on probit axes, as arXiv 2410.08258 (Figs 15 to 17) draws it.

A line in probit-transformed accuracies (Miller et al. 2021, arXiv 2107.04649) is fitted to ResNets
that were trained on ImageNet; what is above it has effective robustness.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from replidg.metrics.effective_robustness import EDGE, Line


def to_probit(percent: np.ndarray) -> np.ndarray:
    """Return the probits of percentages, kept `EDGE` away from 0 and 100."""
    return ndtri(np.clip(np.asarray(percent, np.float64), EDGE, 100 - EDGE) / 100)


def from_probit(values: np.ndarray) -> np.ndarray:
    """Return percentages."""
    return 100 * ndtr(np.asarray(values, np.float64))


def fit_probit_line(x: np.ndarray, y: np.ndarray) -> Line:
    """Return the least-squares line of y on x, both in percent, in probits.

    Raises:
        ValueError: fewer than two different x.
    """
    at, of = to_probit(x), to_probit(y)
    if len(np.unique(at)) < 2:
        raise ValueError("a line needs models of at least two different accuracies")
    slope, intercept = np.polyfit(at, of, 1)
    return Line(float(slope), float(intercept))


def along(line: Line, x: np.ndarray) -> np.ndarray:
    """Return the line's percentages at percentages x."""
    return from_probit(line.slope * to_probit(x) + line.intercept)
