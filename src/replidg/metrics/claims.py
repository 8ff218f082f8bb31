"""Qualitative claims of a paper, as named statements that hold, do not hold, or cannot be told.

A rehearsal or a demo cannot meet a paper's numbers, but "accuracy rises with the AlignmentScore"
can be asked of any run. A claim that the data are too few or too noisy for is neither true nor
false: `holds` is None and the reason says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Claim:
    """One statement and what the run says about it.

    Attributes:
        paper: key of the paper.
        name: to ask for it by.
        statement: in one sentence that is true or false.
        holds: None if this run cannot tell.
        reason: in words.
        evidence: the numbers behind it.
    """

    paper: str
    name: str
    statement: str
    holds: bool | None
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)


def rises(
    paper: str,
    name: str,
    statement: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Claim:
    """Claim that y rises monotonically with x.

    Spearman's rank correlation (American J. Psychology 15, 1904) with a percentile bootstrap
    interval over points (Efron and Tibshirani, 1993, chapter 13). It holds if the interval is above
    0, does not if it is below, and cannot be told if 0 is inside.

    Args:
        paper: key of the paper.
        name: of the claim.
        statement: of the claim.
        x: where the points are, e.g. bins of a score.
        y: their values.
        weights: how often a point is drawn, e.g. its images; all alike if not given.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        level: of the interval.

    Raises:
        ValueError: lengths differ or a weight is negative.
    """
    points = np.asarray([x, y], np.float64)
    weight = np.ones(points.shape[1]) if weights is None else np.asarray(weights, np.float64)
    if weight.shape != (points.shape[1],) or (weight < 0).any():
        raise ValueError("weights must be as many as points and not below 0")
    kept = np.isfinite(points).all(axis=0) & (weight > 0)
    points, weight = points[:, kept], weight[kept]
    count = points.shape[1]
    evidence = {"points": float(count)}
    if count < 4 or np.ptp(points[0]) == 0 or np.ptp(points[1]) == 0:
        reason = (
            f"{count} usable points that vary are too few to tell" if count < 4 else "no variation"
        )
        return Claim(paper, name, statement, None, reason, evidence)
    rho = _spearman(*points)
    random = np.random.default_rng(seed)
    drawn = random.choice(count, size=(resamples, count), p=weight / weight.sum())
    found = np.array([_spearman(*points[:, index]) for index in drawn])
    found = found[~np.isnan(found)]  # a resample of equal points has no correlation
    tail = (1 - level) / 2
    low, high = (float(q) for q in np.quantile(found, [tail, 1 - tail]))
    holds = True if low > 0 else False if high < 0 else None
    reason = (
        f"Spearman's rho {rho:.2f}, {level:.0%} interval {low:.2f} to {high:.2f}, {count} points"
    )
    return Claim(
        paper, name, statement, holds, reason, evidence | {"rho": rho, "low": low, "high": high}
    )


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of average ranks; NaN if either is constant."""
    rank_x, rank_y = (pd.Series(values).rank().to_numpy() for values in (x, y))
    if np.ptp(rank_x) == 0 or np.ptp(rank_y) == 0:
        return math.nan
    return float(np.corrcoef(rank_x, rank_y)[0, 1])


def ordered(
    paper: str,
    name: str,
    statement: str,
    pairs: pd.DataFrame,
    *,
    margin: float = 0.0,
    needed: float = 1.0,
) -> Claim:
    """Claim that in each pair the first number is above the second.

    Args:
        paper: key of the paper.
        name: of the claim.
        statement: of the claim.
        pairs: `pair` (what it is), `above` and `below`.
        margin: by how much the first must be above.
        needed: share of the pairs in which it must be ("for every method" is 1).

    Raises:
        ValueError: `needed` is not in (0, 1].
    """
    if not 0 < needed <= 1:
        raise ValueError(f"needed must be above 0 and at most 1, not {needed}")
    gap = pairs["above"].astype(float) - pairs["below"].astype(float)
    known = np.isfinite(gap)
    total, lost = int(known.sum()), int((~known).sum())
    right = int((gap[known] > margin).sum())
    evidence = {"pairs": float(total), "in order": float(right), "missing": float(lost)}
    if not total:
        return Claim(paper, name, statement, None, "no pair has both numbers", evidence)
    evidence["smallest gap"] = float(gap[known].min())
    reason = f"{right} of {total} pairs in order, smallest gap {evidence['smallest gap']:.3g}"
    wrong = pairs["pair"][known & (gap <= margin)].astype(str).tolist()
    if wrong:
        reason += f"; not in {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}"
    if lost:
        reason += f"; {lost} without both numbers"
    holds: bool | None = right >= needed * total - 1e-9
    if holds and lost and right < needed * (total + lost) - 1e-9:
        holds = None  # the missing pairs could still break it
    return Claim(paper, name, statement, holds, reason, evidence)


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Return claims as rows, one column a field; `holds` is nullable, `evidence` is text.

    Raises:
        ValueError: two claims of a paper share a name.
    """
    columns = ["paper", "name", "statement", "holds", "reason", "evidence"]
    table = pd.DataFrame([asdict(claim) for claim in claims], columns=columns)
    if table.duplicated(["paper", "name"]).any():
        raise ValueError("two claims of a paper share a name")
    table["evidence"] = [
        "; ".join(f"{key} = {value:.4g}" for key, value in found.items())
        for found in table["evidence"]
    ]
    return table.astype({"holds": "boolean"})
