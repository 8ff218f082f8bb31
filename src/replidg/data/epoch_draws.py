"""Which images a few-shot run sees: subsets of the training split, and the draws of an epoch.

WILDS' own functions (p-lambda/wilds 2.0.0: `get_subset(frac)`, `get_train_loader(
uniform_over_groups=True)`) draw from numpy's and torch's global generators; here every draw is a
function of what it is for, so that a resumed run draws the same, and arms can share subsets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replidg.seeds import seed_of


def subset(count: int, fraction: float, *parts: int | str) -> np.ndarray:
    """Return the rows of a random share of the training split, sorted.

    Subsets of the same `parts` are nested: what is in 3 % is in 5 %. round() rounds halves to even,
    as WILDS' np.round does; at least one row is left of a share above 0.

    Args:
        count: N, rows of the training split.
        fraction: share in [0, 1].
        parts: what the draw is for.
    """
    order = np.random.default_rng(seed_of(*parts, "subset")).permutation(count)
    kept = round(count * fraction)
    return np.sort(order[: max(kept, 1) if fraction > 0 else 0])


def subset_parts(
    how: str, seed: int, arm: str, fraction: float, rate: float
) -> tuple[int | str, ...]:
    """Return what a subset is drawn by.

    Args:
        how: "shared": by the run's seed, so all arms, fractions and rates share nested subsets;
            "per_job": by arm, fraction and rate, as in the authors' code, where the runs of one job
            share a subset and no two jobs do.
        seed: of the run.
        arm: of the run.
        fraction: of the run.
        rate: learning rate of the run.
    """
    return (seed,) if how == "shared" else (arm, f"{fraction:g}", f"{rate:g}")


def group_weights(groups: Sequence) -> np.ndarray:
    """Return the probability of each row when every group is drawn alike: 1 / (G * group's rows).

    Args:
        groups: (N,) group of each row of the subset.
    """
    _, which, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return 1.0 / (len(counts) * counts[which])


def epoch_rows(weights: np.ndarray | None, count: int, *parts: int | str) -> np.ndarray:
    """Return the rows of one epoch: as many as there are.

    Args:
        weights: (N,) probability of each row, drawn with replacement; None: each row once.
        count: N.
        parts: what the draw is for, e.g. seed and epoch.
    """
    random = np.random.default_rng(seed_of(*parts, "epoch"))
    if weights is None:
        return random.permutation(count)
    return np.searchsorted(np.cumsum(weights)[:-1], random.random(count), side="right")
