"""Embedding files. Needs no torch: a job that only reads them starts in a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file

from replidg.files import stable_hash, whole_file

METADATA = "replidg"
#: Rows that are read at a time: with all their logits a few hundred megabytes.
ROWS = 16384
#: Column of an index whose images are not those of its files, but changed copies: which ones.
PIXELS = "pixels"


class EmbeddingError(ValueError):
    """An embedding file does not belong to the index or model it is read for."""


def read(path: Path, ids: list[str] | None = None, places: np.ndarray | None = None) -> np.ndarray:
    """Return embeddings as float32 (N, D); memory: what is returned, and `ROWS` rows.

    Args:
        path: a file that this module wrote.
        ids: the ids expected of the file's rows, in order.
        places: rows that are wanted, in any order; all if absent.

    Raises:
        EmbeddingError: the file's rows are not those of `ids`.
    """
    with safe_open(path, framework="np") as file:
        total, dim = file.get_slice("embeddings").get_shape()
    out = np.empty((total if places is None else len(places), dim), np.float32)
    for part, values in parts(path, ids):
        if places is None:
            out[part] = values
        else:
            goes = np.flatnonzero((places >= part.start) & (places < part.stop))
            out[goes] = values[places[goes] - part.start]
    return out


def parts(path: Path, ids: list[str] | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield `ROWS` rows at a time: where they are in the file, and their embeddings as float32.

    Args:
        path: a file that this module wrote.
        ids: the ids expected of the file's rows, in order.

    Raises:
        EmbeddingError: the file's rows are not those of `ids`.
    """
    if ids is not None and read_ids(path) != list(ids):
        raise EmbeddingError(f"{path}: rows do not match; delete the file and run again")
    with safe_open(path, framework="np") as file:
        whole = file.get_slice("embeddings")
        total = whole.get_shape()[0]
        for start in range(0, total, ROWS):
            part = slice(start, min(start + ROWS, total))
            yield part, whole[part].astype(np.float32)


def read_ids(path: Path) -> list[str]:
    """Return the ids of the rows, in order."""
    with safe_open(path, framework="np") as file:
        return json.loads(file.metadata()[METADATA])["ids"]


def write(path: Path, values: np.ndarray, ids: list[str], key: dict) -> None:
    """Write embeddings (N, D) with the ids of their rows and what made them."""
    # One entry: safetensors writes several in no fixed order, and equal runs must be equal bytes.
    metadata = {METADATA: json.dumps({"key": key, "ids": list(ids)})}
    with whole_file(path) as temporary:
        save_file({"embeddings": np.ascontiguousarray(values)}, temporary, metadata=metadata)


def index_hash(index: pd.DataFrame) -> str:
    """Return a hash of the images an index lists: their ids and, where known, their contents."""
    columns = [name for name in ("image_id", "bytes", PIXELS) if name in index]
    return stable_hash(pd.util.hash_pandas_object(index[columns], index=False).tolist())
