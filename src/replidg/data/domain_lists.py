"""Lists of picture ids that others published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from replidg.data.errors import DatasetError

COLUMNS = ("image_id", "SAMPLE_ID", "id")


def listed_ids(paths: Iterable[str | Path]) -> set[str]:
    """Return the ids of text files, one a line, and of parquet files (`COLUMNS`).

    Raises:
        DatasetError: a file is not there, or has no column of ids.
    """
    found: set[str] = set()
    for path in map(Path, paths):
        if not path.is_file():
            raise DatasetError(f"there is no list {path}; see forgotten.corpus.pruned")
        if path.suffix == ".parquet":
            names = parquet.read_schema(path).names
            column = next((name for name in COLUMNS if name in names), None)
            if column is None:
                raise DatasetError(f"{path} has none of the columns {', '.join(COLUMNS)}")
            found |= set(pd.read_parquet(path, columns=[column])[column].astype(str))
        else:
            found |= {line.strip() for line in path.read_text().splitlines() if line.strip()}
    return found
