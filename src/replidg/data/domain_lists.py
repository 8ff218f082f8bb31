"""Lists of picture ids that others published: hundreds of millions, so 8 bytes are kept of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from replidg.data.errors import DatasetError

COLUMNS = ("image_id", "SAMPLE_ID", "id")
#: Lines of a text file that are read at a time.
LINES = 1 << 20


class Ids:
    """A set of ids, kept as 64-bit hashes in order.

    An id that is not in the set passes for one that is with odds of N to 2^64: of 200 million that
    are asked for in a set of 100 million, 0.001 are expected.

    Args:
        ids: the ids, in pieces of any length; doubles do no harm.
    """

    def __init__(self, ids: Iterable[Iterable[str]]) -> None:
        pieces = [_hashed(piece) for piece in ids]
        self._hashes = np.concatenate(pieces) if pieces else np.empty(0, np.uint64)
        pieces.clear()
        self._hashes.sort()

    def has(self, ids: Iterable[str]) -> np.ndarray:
        """Return which of some ids are in the set, boolean (N,)."""
        wanted = _hashed(ids)
        if not len(self._hashes):
            return np.zeros(len(wanted), bool)
        places = np.searchsorted(self._hashes, wanted)
        return self._hashes[np.minimum(places, len(self._hashes) - 1)] == wanted


def _hashed(ids: Iterable[str]) -> np.ndarray:
    # The key is pandas' own and fixed, so that a hash is the same in each process.
    return pd.util.hash_array(np.array(list(ids), dtype=object), categorize=False)


def listed_ids(paths: Iterable[str | Path]) -> Ids:
    """Return the ids of text files, one a line, and of parquet files (`COLUMNS`).

    Raises:
        DatasetError: a file is not there, or has no column of ids.
    """
    return Ids(piece for path in map(Path, paths) for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[list[str]]:
    if not path.is_file():
        raise DatasetError(f"there is no list {path}; see forgotten.corpus.pruned")
    if path.suffix == ".parquet":
        names = parquet.read_schema(path).names
        column = next((name for name in COLUMNS if name in names), None)
        if column is None:
            raise DatasetError(f"{path} has none of the columns {', '.join(COLUMNS)}")
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[column]):
                yield batch.column(0).to_pandas().astype(str).tolist()
        return
    with path.open(encoding="utf-8") as file:
        while lines := list(islice(file, LINES)):
            yield [line.strip() for line in lines if line.strip()]
