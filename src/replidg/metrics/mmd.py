"""Maximum mean discrepancy of two sets of embeddings (Gretton et al. 2012; alignment Fig 5).

The alignment paper names neither kernel nor estimator. Here: Gaussian kernel of unit vectors, its
bandwidth by the median heuristic, the unbiased estimate of the squared discrepancy.
"""

from __future__ import annotations

import hashlib

import numpy as np

from replidg.metrics.neighbours import unit

#: Kernel values in memory at a time.
VALUES = 4_000_000


def sample(names: list[str], count: int | None) -> np.ndarray:
    """Return ascending positions of `count` names, those whose hashes come first; or of all.

    The choice needs no seed, does not depend on the order of the names, and grows with `count`.
    """
    if count is None or count >= len(names):
        return np.arange(len(names))
    return np.sort(shuffled(names)[:count])


def shuffled(names: list[str]) -> np.ndarray:
    """Return the positions of the names in the order of their hashes."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.argsort(np.array(digests, dtype="S8"), kind="stable")


def median_distance(vectors: np.ndarray) -> float:
    """Return the median Euclidean distance of different rows, as unit vectors.

    Gretton et al. 2012, section 8: the bandwidth is the median distance between points of the
    aggregate sample.

    Raises:
        ValueError: fewer than two rows, or half of the pairs are equal, so that it is zero.
    """
    if len(vectors) < 2:
        raise ValueError("a median distance needs at least two images")
    units = unit(vectors, "image").astype(np.float64)
    upper = np.triu_indices(len(units), 1)
    distance = float(np.median(np.sqrt(_squared(units, units)[upper])))
    if distance == 0.0:
        raise ValueError("half of the images have equal embeddings: the median distance is zero")
    return distance


def squared_mmd(one: np.ndarray, other: np.ndarray, bandwidth: float) -> float:
    """Return the unbiased estimate of the squared discrepancy (their equation 3).

    Of two samples of one distribution it is zero on average, and may be negative.

    Args:
        one: embeddings (M, D), of any length.
        other: embeddings (N, D).
        bandwidth: sigma of exp(-|x - y|^2 / (2 sigma^2)) of unit vectors.

    Raises:
        ValueError: a set has fewer than two rows, or an embedding is zero or not finite.
    """
    m, n = len(one), len(other)
    if min(m, n) < 2:
        raise ValueError(f"a discrepancy needs two images a set; there are {m} and {n}")
    x, y = (unit(side, "image").astype(np.float64) for side in (one, other))
    # The kernel of a row with itself is one.
    within = (_total(x, x, bandwidth) - m) / (m * (m - 1))
    within += (_total(y, y, bandwidth) - n) / (n * (n - 1))
    return float(within - 2.0 * _total(x, y, bandwidth) / (m * n))


def _total(x: np.ndarray, y: np.ndarray, bandwidth: float) -> float:
    """Return the sum of the kernel over all pairs."""
    rows = max(VALUES // len(y), 1)
    return sum(
        float(np.exp(_squared(x[at : at + rows], y) / (-2.0 * bandwidth**2)).sum())
        for at in range(0, len(x), rows)
    )


def _squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lengths = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1)[None, :]
    return np.maximum(lengths - 2.0 * (x @ y.T), 0.0)
