"""Read parquet lists of image addresses and captions, in batches: they have millions of rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from replidg.data.errors import DatasetError
from replidg.data.readers.source import Source
from replidg.progress import Progress

logger = logging.getLogger(__name__)

BATCH = 65_536
#: Integers stay integers where values are missing.
TYPES = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def frames(source: Source, batch: int = BATCH) -> Iterator[pd.DataFrame]:
    """Yield the rows in the order of the files, at most `batch` in a frame.

    Columns are `image_id`, `url`, `caption`, the others that the page keeps, `domain`, and
    `label` -1, `class_name` and `split` empty; there is no `path`. Ids are unique in each file: an
    id that is missing or came before in its file gets the row's number appended.

    Memory: a batch, plus the id column of one file.

    Raises:
        DatasetError: no file matches a pattern, or a file lacks a column or has another type.
    """
    parts = source.entry.reader.parts
    chosen = {domain: parts[domain] for domain in source.domains if domain in parts}
    if not chosen:
        raise DatasetError(f"{source.entry.name}.yaml: no part for the domains {source.domains}")
    files = [(domain, path) for domain, glob in chosen.items() for path in _files(source, glob)]
    columns = source.entry.reader.columns
    for _, path in files:  # all of them first: hours may pass before the last one is read
        _check_columns(path, columns)
    kept = {ours: theirs for ours, theirs in columns.items() if ours != "image_id"}
    schema = parquet.read_schema(files[0][1])
    types = {ours: schema.field(theirs).type for ours, theirs in kept.items()}
    total = sum(parquet.read_metadata(path).num_rows for _, path in files)
    with Progress(total, f"reading the lists of {source.entry.name}", "rows") as progress:
        for domain, path in files:
            for table in _batches(path, columns, types, batch):
                frame = table.to_pandas(types_mapper=TYPES.get)
                yield frame.assign(domain=domain, label=-1, class_name="", split="")
                progress.add(len(frame))


def names(source: Source) -> list[str]:
    """Return nothing: web lists have captions, no classes."""
    return []


def _files(source: Source, glob: str) -> list[Path]:
    found = sorted(path for path in source.folder.glob(glob) if not path.name.startswith("."))
    if not found:
        raise DatasetError(f"{source.entry.name}: no file {source.folder / glob}")
    return found


def _check_columns(path: Path, columns: dict[str, str]) -> None:
    present = parquet.read_schema(path).names
    missing = sorted(set(columns.values()) - set(present))
    if missing:
        raise DatasetError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(present)}. If this is "
            "the right list, name its columns in the registry page under reader.columns"
        )


def _batches(
    path: Path, columns: dict[str, str], types: dict[str, pa.DataType], batch: int
) -> Iterator[pa.Table]:
    """Yield tables with our column names and the types of the first file."""
    with parquet.ParquetFile(path) as file:
        doubtful = _doubtful(file, columns["image_id"])
        start = 0
        for rows in file.iter_batches(batch, columns=list(dict.fromkeys(columns.values()))):
            here = doubtful[start : start + len(rows)]
            data = {"image_id": _ids(path, rows.column(columns["image_id"]), here, start)}
            for ours, kind in types.items():
                data[ours] = _cast(path, rows.column(columns[ours]), columns[ours], kind)
            yield pa.table(data)
            start += len(rows)


def _doubtful(file: parquet.ParquetFile, column: str) -> np.ndarray:
    """Return which rows of a file have no id, or one that an earlier row has."""
    ids = file.read(columns=[column]).column(column).to_pandas()
    found = (ids.isna() | ids.duplicated()).to_numpy()
    if found.any():
        logger.warning("%d rows have no id of their own in column %s", int(found.sum()), column)
    return found


def _ids(path: Path, column: pa.Array, doubtful: np.ndarray, start: int) -> pa.Array:
    if pa.types.is_floating(column.type):  # some lists were written where ids were missing
        column = pc.if_else(pc.is_finite(column), column, None)
        column = _cast(path, column, "of the ids", pa.int64())
    text = pc.fill_null(column.cast(pa.large_string()), "")
    if not doubtful.any():
        return text
    marks = [f"#{start + i}" if flag else "" for i, flag in enumerate(doubtful)]
    kind = pa.large_string()
    return pc.binary_join_element_wise(text, pa.array(marks, kind), pa.scalar("", kind))


def _cast(path: Path, column: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    try:
        return column.cast(kind)
    except pa.ArrowException as error:
        raise DatasetError(f"{path}: column {name} cannot be read as {kind}: {error}") from error
