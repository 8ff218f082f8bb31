"""Approximate neighbours from a faiss index that a user has, as the paper took them from LAION's.

faiss is no dependency of this project: it is imported here, when it is wanted.
"""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from types import ModuleType

import numpy as np

from replidg.data.embeddings import EmbeddingError
from replidg.progress import Progress

logger = logging.getLogger(__name__)


class FaissError(RuntimeError):
    """faiss is missing, or its index cannot be used; the message says what to do."""


class FaissIndex:
    """A file that `faiss.write_index` (or autofaiss, clip-retrieval) wrote.

    Args:
        path: the file.
        nprobe: lists that an IVF index visits; the index's own number if absent.

    Raises:
        FaissError: faiss is not installed, or the file cannot be read.
    """

    def __init__(self, path: Path, nprobe: int | None = None) -> None:
        self._faiss = _faiss()
        if not path.is_file():
            raise FaissError(f"there is no file {path}; correct alignment.corpus.index")
        flags = self._faiss.IO_FLAG_MMAP | self._faiss.IO_FLAG_READ_ONLY
        try:
            self._index = self._faiss.read_index(str(path), flags)
        except RuntimeError as error:
            raise FaissError(f"{path}: faiss cannot read it: {error}") from error
        known = (self._faiss.METRIC_INNER_PRODUCT, self._faiss.METRIC_L2)
        if self._index.metric_type not in known:
            raise FaissError(f"{path}: neither inner product nor L2: {self._index.metric_type}")
        if nprobe is not None:
            try:
                self._faiss.extract_index_ivf(self._index).nprobe = nprobe
            except RuntimeError as error:
                raise FaissError(f"{path} is no IVF index, so it has no nprobe") from error
        self.rows, self.dim = int(self._index.ntotal), int(self._index.d)
        logger.info("%s: %d embeddings of %d values", path, self.rows, self.dim)

    def search(self, queries: np.ndarray, k: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return cosines (Q, k) as the index sees them, NaN where it found fewer, and rows or -1.

        Args:
            queries: unit vectors (Q, D), float32.
            k: hits a query.
            size: queries at a time.

        Raises:
            EmbeddingError: the index holds vectors of another length.
        """
        if queries.shape[1] != self.dim:
            raise EmbeddingError(
                f"the index has embeddings of {self.dim} values, the images {queries.shape[1]}; "
                "they must come from the same model"
            )
        similarity = np.empty((len(queries), k), np.float64)
        row = np.empty((len(queries), k), np.int64)
        with Progress(len(queries), "asking faiss") as progress:
            for start in range(0, len(queries), size):
                part = np.ascontiguousarray(queries[start : start + size], np.float32)
                found, row[start : start + size] = self._index.search(part, k)
                similarity[start : start + size] = self._cosine(found)
                progress.add(len(part))
        similarity[row < 0] = np.nan
        return similarity, row

    def _cosine(self, found: np.ndarray) -> np.ndarray:
        """Of unit vectors, the squared distance is 2 - 2 cos."""
        inner = self._index.metric_type == self._faiss.METRIC_INNER_PRODUCT
        return found.astype(np.float64) if inner else 1.0 - found.astype(np.float64) / 2.0


def _faiss() -> ModuleType:
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise FaissError(
            "alignment.corpus.source is 'faiss', which needs a package that is not installed: "
            "pip install faiss-cpu (or faiss-gpu) in this environment, or search embeddings "
            "exactly with 'source: embeddings'"
        ) from error
