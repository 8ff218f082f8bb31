"""Hits of an approximate index, scored again exactly and put in order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replidg.metrics.neighbours import Neighbours, cosines
from replidg.progress import Progress


def best(similarity: np.ndarray, row: np.ndarray, k: int) -> Neighbours:
    """Return the best k hits of each query; hits that an index did not find (row -1) come last.

    Args:
        similarity: cosines (Q, C).
        row: rows of the corpus (Q, C), or -1.
        k: neighbours a query.
    """
    missing = max(k - row.shape[1], 0)
    row = np.pad(row, ((0, 0), (0, missing)), constant_values=-1)
    known = np.where(row[:, : similarity.shape[1]] >= 0, similarity, -np.inf)
    known = np.pad(known, ((0, 0), (0, missing)), constant_values=-np.inf)
    order = np.lexsort((row, -known), axis=1)[:, :k]
    chosen = np.take_along_axis(row, order, axis=1)
    values = np.clip(np.take_along_axis(known, order, axis=1), -1.0, 1.0)
    return Neighbours(np.where(chosen >= 0, values, np.nan), chosen)


def rescore(
    queries: np.ndarray,
    row: np.ndarray,
    k: int,
    vectors: Callable[[np.ndarray], np.ndarray],
    size: int,
) -> Neighbours:
    """Return the best k hits by their exact cosines.

    Args:
        queries: embeddings (Q, D).
        row: hits of the index (Q, C), or -1.
        k: neighbours a query.
        vectors: reads embeddings of rows of the corpus.
        size: queries whose hits are in memory at a time.

    Raises:
        ValueError: the corpus has embeddings of another length than the queries.
    """
    similarity = np.full(row.shape, np.nan)
    with Progress(len(queries), "scoring the hits again") as progress:
        for start in range(0, len(queries), size):
            hits = row[start : start + size]
            query, place = np.nonzero(hits >= 0)
            if len(query):
                unique, back = np.unique(hits[query, place], return_inverse=True)
                found = vectors(unique)
                if found.shape[1] != queries.shape[1]:
                    raise ValueError(
                        f"the corpus has embeddings of {found.shape[1]} values, the images "
                        f"{queries.shape[1]}; they must come from the same model"
                    )
                exact = cosines(queries[start + query], found[back])
                similarity[start + query, place] = exact
            progress.add(len(hits))
    return best(similarity, row, k)
