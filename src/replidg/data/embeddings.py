"""Embedding files. Needs no torch: a job that only reads them starts in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file

from replidg.files import stable_hash, whole_file

METADATA = "replidg"
#: Column of an index whose images are not those of its files, but changed copies: which ones.
PIXELS = "pixels"


class EmbeddingError(ValueError):
    """An embedding file does not belong to the index or model it is read for."""


def read(path: Path, ids: list[str] | None = None) -> np.ndarray:
    """Return embeddings as float32 (N, D).

    Args:
        path: a file that this module wrote.
        ids: the ids expected of the rows, in order.

    Raises:
        EmbeddingError: the file's rows are not those of `ids`.
    """
    with safe_open(path, framework="np") as file:
        found = json.loads(file.metadata()[METADATA])["ids"]
        if ids is not None and found != list(ids):
            raise EmbeddingError(f"{path}: rows do not match; delete the file and run again")
        return file.get_tensor("embeddings").astype(np.float32)


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
