"""Folders of embeddings that a user has: clip-retrieval's and LAION's npy files, or parquet."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute, parquet

from replidg.config.names import nearest
from replidg.data.corpus import Corpus, OwnImages, Sharded, number_of
from replidg.data.embeddings import EmbeddingError

logger = logging.getLogger(__name__)
#: Columns that name an image.
NAMES = ("image_id", "key", "path", "image_path", "url")


def open_corpus(path: Path, column: str | None = None) -> Corpus:
    """Open the embeddings in a folder or file; the kind is told by what is there.

    Args:
        path: a folder as clip-retrieval writes it, or of npy files, or of parquet files, or with
            this project's images.safetensors, or that file.
        column: column of embeddings in parquet files.

    Raises:
        EmbeddingError: there is nothing of the kind, or it is damaged; the message names the file.
    """
    if path.suffix == ".safetensors" and path.is_file():
        return OwnImages(path)
    if not path.is_dir():
        raise EmbeddingError(f"there is no folder {path}; correct alignment.corpus.path")
    if (path / "images.safetensors").is_file():
        return OwnImages(path / "images.safetensors")
    for place in (path / "img_emb", path / "images", path):
        if place.is_dir() and any(place.glob("*.npy")):
            return NpyFiles(path, place)
    if any(path.glob("*.parquet")):
        return ParquetFiles(path, column)
    raise EmbeddingError(
        f"{path} has no embeddings; expected img_emb/img_emb_*.npy (clip-retrieval), *.npy, "
        "*.parquet or images.safetensors"
    )


class NpyFiles(Sharded):
    """`img_emb/img_emb_*.npy` and `metadata/metadata_*.parquet`, paired by their numbers."""

    def __init__(self, folder: Path, place: Path) -> None:
        """Open the files; nothing but their headers is read.

        Raises:
            EmbeddingError: a file is damaged, or its metadata has another number of rows.
        """
        files = sorted(place.glob("*.npy"), key=number_of)
        shapes = [_open(file).shape for file in files]
        for file, shape in zip(files, shapes, strict=True):
            if len(shape) != 2 or shape[1:] != shapes[0][1:]:
                raise EmbeddingError(f"{file} has shape {shape}, {files[0].name} {shapes[0]}")
        super().__init__(folder, files, [shape[0] for shape in shapes])
        where = folder / "metadata"
        tables = list((where if where.is_dir() else folder).glob("*.parquet"))
        by_number = {number_of(table)[0]: table for table in tables}
        self.metadata = [by_number.get(number_of(file)[0]) for file in files]
        for file, shape, table in zip(files, shapes, self.metadata, strict=True):
            if table is not None and _rows(table) != shape[0]:
                raise EmbeddingError(f"{table} has {_rows(table)} rows, {file} {shape[0]}")
        without = sum(table is None for table in self.metadata)
        if without:
            logger.warning("%s: %d of %d files have no metadata", folder, without, len(files))

    def read(self, number: int, start: int, size: int) -> Iterator[np.ndarray]:
        """Yield rows of one file; it is mapped, not read."""
        values = _open(self.files[number])
        for at in range(start, len(values), size):
            yield np.array(values[at : at + size])

    def take(self, number: int, places: np.ndarray) -> np.ndarray:
        """Return rows of one file."""
        return np.array(_open(self.files[number])[places])

    def facts(self, number: int, places: np.ndarray) -> pd.DataFrame | None:
        """Return the metadata of rows of one file."""
        table = self.metadata[number]
        return None if table is None else _take(table, places).to_pandas()


class ParquetFiles(Sharded):
    """Parquet files with a column of lists."""

    def __init__(self, folder: Path, column: str | None) -> None:
        """Open the files; nothing but their footers is read.

        Raises:
            EmbeddingError: a file is damaged or has no such column.
        """
        files = sorted(folder.glob("*.parquet"), key=number_of)
        schema = _parquet(files[0]).schema_arrow
        lists = [field.name for field in schema if _is_list(field.type)]
        if column is None and len(lists) == 1:
            column = lists[0]
        if column not in lists:
            hint = nearest(column, lists) if column else f"set it to one of {lists}"
            raise EmbeddingError(
                f"{files[0]}: alignment.corpus.column must name a column of lists; {hint}"
            )
        self.column = column
        super().__init__(folder, files, [_rows(file) for file in files])

    def read(self, number: int, start: int, size: int) -> Iterator[np.ndarray]:
        """Yield rows of one file, from the row group on that holds the first of them."""
        file = _parquet(self.files[number])
        bounds = _groups(file)
        first = int(np.searchsorted(bounds, start, side="right")) - 1
        skipped = start - int(bounds[first])
        groups = list(range(first, file.num_row_groups))
        for batch in file.iter_batches(batch_size=size, row_groups=groups, columns=[self.column]):
            values = _matrix(batch.column(0), self.files[number])
            if skipped < len(values):
                yield values[skipped:]
            skipped = max(skipped - len(values), 0)

    def take(self, number: int, places: np.ndarray) -> np.ndarray:
        """Return rows of one file."""
        table = _take(self.files[number], places, [self.column])
        return _matrix(table.column(0).combine_chunks(), self.files[number])

    def facts(self, number: int, places: np.ndarray) -> pd.DataFrame | None:
        """Return the metadata of rows of one file."""
        return _take(self.files[number], places).to_pandas()


def _open(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise EmbeddingError(f"{path} is damaged ({error}); restore it") from error


def _parquet(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise EmbeddingError(f"{path} is damaged ({error}); restore it") from error


def _rows(path: Path) -> int:
    return _parquet(path).metadata.num_rows


def _groups(file: parquet.ParquetFile) -> np.ndarray:
    """Return the first row of each row group, and the number of rows."""
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _take(path: Path, places: np.ndarray, columns: list[str] | None = None) -> pa.Table:
    """Return rows at ascending places; only the row groups that hold one are read."""
    file = _parquet(path)
    bounds = _groups(file)
    group = np.searchsorted(bounds, places, side="right") - 1
    if columns is None:
        columns = [name for name in NAMES if name in file.schema_arrow.names]
    parts = [
        file.read_row_group(int(g), columns=columns).take(pa.array(places[group == g] - bounds[g]))
        for g in np.unique(group)
    ]
    return pa.concat_tables(parts)


def _is_list(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return (lists or pa.types.is_fixed_size_list(kind)) and pa.types.is_floating(kind.value_type)


def _matrix(lists: pa.Array, path: Path) -> np.ndarray:
    lengths = compute.unique(compute.list_value_length(lists)).to_pylist()
    if len(lengths) != 1 or lengths[0] is None:
        raise EmbeddingError(f"{path}: embeddings of different lengths or missing: {lengths[:5]}")
    values = lists.flatten()
    if values.null_count:
        raise EmbeddingError(f"{path}: an embedding has an empty value")
    return values.to_numpy(zero_copy_only=False).reshape(-1, lengths[0])
