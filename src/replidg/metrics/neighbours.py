"""Exact nearest neighbours by cosine, block by block (arXiv 2412.02856, equation 1).

A matrix product in float32 finds the candidates; every candidate whose rounding errors could hide a
neighbour is scored again in float64. So the result depends neither on the sizes of the blocks nor
on the machine's matrix product, and the memory only on the sizes of the blocks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zipfile import BadZipFile

import numpy as np

from replidg.files import whole_file
from replidg.progress import Progress

logger = logging.getLogger(__name__)
Block = tuple[np.ndarray, Iterable[str] | None]

#: Pairs that are scored again at a time.
PAIRS = 65536
#: Unit roundoff of float32.
ROUNDOFF = 2.0**-24


class Compare(Protocol):
    """Finds the candidates; see `on_cpu` and `on_torch`."""

    def __call__(
        self, queries: np.ndarray, block: np.ndarray, floor: np.ndarray, own: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of `queries` and of `block` that may be neighbours.

        Args:
            queries: unit vectors (Q, D), float32.
            block: rows of the corpus (B, D) as stored.
            floor: lowest cosine (Q,) that may still count.
            own: the row of `block` that does not count for a query (Q,), or -1.
            k: neighbours a query.
        """


class Neighbours(NamedTuple):
    """Neighbours in descending order of cosine; rows of equal cosine in the corpus's order.

    Attributes:
        similarity: cosines (Q, k), float64; NaN behind the end of a corpus of fewer than k rows.
        row: rows of the corpus (Q, k), int64; -1 behind its end.
    """

    similarity: np.ndarray
    row: np.ndarray


class Search:
    """The best neighbours of some queries among all rows seen so far.

    Args:
        queries: embeddings (Q, D), of any length but zero.
        k: neighbours a query.
        paths: file of each query; the row of a corpus that is the same file does not count.
        query_rows: queries that are compared at a time.
        compare: finds the candidates, here or on a GPU.

    Raises:
        ValueError: a query is zero or not finite.
    """

    def __init__(
        self,
        queries: np.ndarray,
        k: int,
        paths: list[str] | None = None,
        query_rows: int = 4096,
        compare: Compare | None = None,
    ) -> None:
        self.k, self.query_rows = k, query_rows
        self._raw = np.ascontiguousarray(queries, np.float32)
        self._lengths = lengths(self._raw, "query")
        self._compare = compare or on_cpu
        self._of_path = {path: row for row, path in enumerate(paths or []) if path}
        self._similarity = np.full((len(queries), k), -np.inf)
        self._row = np.full((len(queries), k), -1, np.int64)
        self.seen = 0

    def add(self, block: np.ndarray, paths: Iterable[str] | None = None) -> None:
        """Compare the next rows of the corpus with all queries.

        Args:
            block: embeddings (B, D), in the corpus's order.
            paths: their files, where they are known.

        Raises:
            ValueError: a row is zero or not finite, or has another length than the queries.
        """
        if block.ndim != 2 or block.shape[1] != self._raw.shape[1]:
            raise ValueError(
                f"the corpus has embeddings of shape {block.shape[1:]}, the images "
                f"{self._raw.shape[1:]}; they must come from the same model"
            )
        lengths(block, "row", self.seen)
        own = np.full(len(self._raw), -1, np.int64)
        for position, path in enumerate(paths if self._of_path and paths is not None else []):
            if path in self._of_path:
                own[self._of_path[path]] = position
        # A cosine of float32 is off by at most (D + 8) roundoffs: the product (Higham 2002,
        # section 3.1), and the lengths of both vectors. Twice that, once for each of two compared.
        margin = 2.0 * (block.shape[1] + 8) * ROUNDOFF
        for start in range(0, len(self._raw), self.query_rows):
            part = slice(start, start + self.query_rows)
            floor = (self._similarity[part, -1] - margin).astype(np.float32)
            queries = (self._raw[part] / self._lengths[part, None]).astype(np.float32)
            found = self._compare(queries, block, floor, own[part], self.k)
            self._merge(start, *found, block)
        self.seen += len(block)

    def _merge(self, start: int, query: np.ndarray, row: np.ndarray, block: np.ndarray) -> None:
        """Score candidates again in float64 and keep the best k of each query."""
        if not len(query):
            return
        query = query + start
        exact = np.concatenate(
            [
                cosines(self._raw[query[at : at + PAIRS]], block[row[at : at + PAIRS]])
                for at in range(0, len(query), PAIRS)
            ]
        )
        touched = np.unique(query)
        places = np.repeat(touched, self.k)
        # What was there comes first and has lower rows.
        all_queries = np.concatenate([places, query])
        all_exact = np.concatenate([self._similarity[touched].ravel(), exact])
        all_rows = np.concatenate([self._row[touched].ravel(), row + self.seen])
        order = np.lexsort((all_rows, -all_exact, all_queries))
        first = np.searchsorted(all_queries[order], touched)
        best = order[first[:, None] + np.arange(self.k)]
        self._similarity[touched], self._row[touched] = all_exact[best], all_rows[best]

    def result(self) -> Neighbours:
        """Return the neighbours among the rows seen so far."""
        known = self._row >= 0
        return Neighbours(np.where(known, self._similarity, np.nan), self._row.copy())

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs to go on with the next row."""
        return {"similarity": self._similarity, "row": self._row, "seen": np.int64(self.seen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on behind the rows that another search of the same queries has seen."""
        self._similarity, self._row = state["similarity"].copy(), state["row"].copy()
        self.seen = int(state["seen"])


def go_through(
    search: Search, blocks: Callable[[int], Iterator[Block]], rows: int, kept: Path, every_s: float
) -> Neighbours:
    """Search a whole corpus; a killed job goes on behind the last rows it noted.

    Args:
        search: the queries.
        blocks: rows of the corpus and their files, from a given row on.
        rows: rows of the whole corpus.
        kept: file for what is known so far; its name must tell the queries and the corpus.
        every_s: seconds between two notes.
    """
    if kept.is_file():
        try:
            with np.load(kept) as state:
                search.restore(state)
            logger.info("going on behind row %d of %d", search.seen, rows)
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            logger.warning("%s is damaged (%r); searching from the first row", kept, error)
    noted = time.monotonic()
    with Progress(rows, "searching neighbours", "embeddings", done=search.seen) as progress:
        for block, paths in blocks(search.seen):
            search.add(block, paths)
            progress.add(len(block))
            if time.monotonic() - noted >= every_s:
                with whole_file(kept) as temporary:
                    np.savez(temporary, **search.state())
                noted = time.monotonic()
    if search.seen != rows:
        raise ValueError(f"the corpus had {search.seen} rows where {rows} were announced")
    return search.result()


def on_cpu(
    queries: np.ndarray, block: np.ndarray, floor: np.ndarray, own: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the candidates with numpy; see `Compare`."""
    similarity = queries @ unit(block, "row").T
    excluded = np.flatnonzero(own >= 0)
    similarity[excluded, own[excluded]] = -np.inf
    hits = similarity >= floor[:, None]
    hits[excluded, own[excluded]] = False
    crowded = np.flatnonzero(hits.sum(axis=1) > k)
    if len(crowded):
        kth = np.partition(similarity[crowded], -k, axis=1)[:, -k]
        hits[crowded] &= similarity[crowded] >= (kth - _margin(queries))[:, None]
    return np.nonzero(hits)


def on_torch(device: str) -> Compare:
    """Return a `compare` that works on a GPU. Torch is imported here, not where nobody needs it.

    Raises:
        RuntimeError: there is no such GPU.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("this job has no GPU, but alignment.search.gpu is true: set it to false")

    def compare_there(
        queries: np.ndarray, block: np.ndarray, floor: np.ndarray, own: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        put: Callable[[np.ndarray], torch.Tensor] = lambda array: torch.from_numpy(  # noqa: E731
            np.array(array)
        ).to(device)
        rows = put(block).double()
        rows = (rows / rows.norm(dim=1, keepdim=True)).float()
        similarity = put(queries) @ rows.T
        excluded = np.flatnonzero(own >= 0)
        at = (put(excluded), put(own[excluded]))
        similarity[at] = -torch.inf
        hits = similarity >= put(floor)[:, None]
        hits[at] = False
        crowded = torch.nonzero(hits.sum(dim=1) > k)[:, 0]
        if len(crowded):
            kth = torch.topk(similarity[crowded], k, dim=1).values[:, -1:]
            hits[crowded] &= similarity[crowded] >= kth - _margin(queries)
        query, row = torch.nonzero(hits, as_tuple=True)
        return query.cpu().numpy(), row.cpu().numpy()

    return compare_there


def _margin(queries: np.ndarray) -> np.float32:
    return np.float32(2.0 * (queries.shape[1] + 8) * ROUNDOFF)


def lengths(vectors: np.ndarray, what: str, offset: int = 0) -> np.ndarray:
    """Return the lengths (N,) in float64.

    Raises:
        ValueError: a vector is zero or not finite; `what` and its number name it.
    """
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), PAIRS):
        values = np.asarray(vectors[start : start + PAIRS], np.float64)
        found[start : start + PAIRS] = np.sqrt((values * values).sum(axis=1))
    bad = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
    if len(bad):
        raise ValueError(
            f"the embedding of {what} {offset + bad[0]} is zero or not finite "
            f"({len(bad)} such here); its cosine is undefined"
        )
    return found


def unit(vectors: np.ndarray, what: str) -> np.ndarray:
    """Return vectors of length one, float32.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    measured, found = lengths(vectors, what), np.empty(vectors.shape, np.float32)
    for start in range(0, len(vectors), PAIRS):
        part = slice(start, start + PAIRS)
        found[part] = vectors[part] / measured[part, None]
    return found


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair of rows in float64; a row's value does not depend on others.

    Args:
        one: vectors (N, D).
        other: vectors (N, D).
    """
    a, b = (np.ascontiguousarray(side, np.float64) for side in (one, other))
    dot, a2, b2 = (a * b).sum(axis=1), (a * a).sum(axis=1), (b * b).sum(axis=1)
    return np.clip(dot / np.sqrt(a2 * b2), -1.0, 1.0)
