"""Corpora of image embeddings on disk, read piece by piece: LAION's does not fit into memory.

Rows are numbered through all files, which are taken in the order of the numbers in their names.
"""

from __future__ import annotations

import json
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from replidg.data.embeddings import METADATA, EmbeddingError, read

logger = logging.getLogger(__name__)
Block = tuple[np.ndarray, list[str] | None]


class Corpus(ABC):
    """Embeddings of many images.

    Attributes:
        rows: how many.
        key: what identifies the files; a search of another key is never gone on with.
    """

    rows: int
    key: list[object]

    @abstractmethod
    def blocks(self, start: int, size: int, with_paths: bool) -> Iterator[Block]:
        """Yield the rows from `start` on, at most `size` at a time, and their files if wanted."""

    @abstractmethod
    def describe(self, rows: np.ndarray) -> pd.DataFrame:
        """Return `id`, `path` (empty where it is not here) and `url` of rows, in their order."""

    @abstractmethod
    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return embeddings of rows, in their order, float32."""


class OwnImages(Corpus):
    """Embeddings that this project wrote, whole or only some rows."""

    def __init__(self, path: Path, index: pd.DataFrame | None = None) -> None:
        """Open a file.

        Args:
            path: images.safetensors.
            index: its images in the same order, with `image_id`, `path` and a boolean
                `pretraining`, which says which of them are in the corpus; all if absent.

        Raises:
            EmbeddingError: the file's rows are not those of the index, or none is in the corpus.
        """
        self.path = path
        try:
            with safe_open(path, framework="np") as file:
                self.ids = np.array(json.loads(file.metadata()[METADATA])["ids"], dtype=object)
        except (SafetensorError, KeyError, TypeError, OSError) as error:
            raise EmbeddingError(f"{path} is no file of embeddings: {error!r}") from error
        if index is not None and self.ids.tolist() != index["image_id"].tolist():
            raise EmbeddingError(f"{path}: rows do not match; delete the file and run again")
        kept = np.ones(len(self.ids), bool)
        if index is not None:
            if "pretraining" not in index:
                raise EmbeddingError(
                    f"{path}: the index of its data set does not say which images are in the "
                    "pretraining corpus (column pretraining); correct alignment.corpus.dataset"
                )
            kept = index["pretraining"].to_numpy(bool)
        self.paths = None if index is None else index["path"].to_numpy(object)
        self.places = np.flatnonzero(kept)
        self.rows = len(self.places)
        if not self.rows:
            raise EmbeddingError(f"{path}: no image is in the pretraining corpus")
        stat = path.stat()
        self.key = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, self.rows]

    def blocks(self, start: int, size: int, with_paths: bool) -> Iterator[Block]:
        """Yield the rows from `start` on."""
        with safe_open(self.path, framework="np") as file:
            whole = file.get_slice("embeddings")
            while start < self.rows:
                first = self.places[start]
                stop = int(np.searchsorted(self.places, first + size))
                places = self.places[start:stop]
                values = whole[int(first) : int(places[-1]) + 1][places - first]
                known = with_paths and self.paths is not None
                yield values, self.paths[places].tolist() if known else None
                start = stop

    def describe(self, rows: np.ndarray) -> pd.DataFrame:
        """Return `id`, `path` and `url` of rows."""
        places = self.places[rows]
        paths = "" if self.paths is None else self.paths[places]
        return pd.DataFrame({"id": self.ids[places], "path": paths, "url": ""}, dtype="str")

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return embeddings of rows."""
        return read(self.path, places=self.places[rows])


class Sharded(Corpus):
    """Embeddings in many files; what a file holds is left to the subclass."""

    def __init__(self, folder: Path, files: list[Path], counts: list[int]) -> None:
        """Note the files and their numbers of rows."""
        self.folder, self.files = folder, files
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self.rows = int(self.starts[-1])
        stats = [file.stat() for file in files]
        self.key = [
            [str(file.resolve()), stat.st_size, stat.st_mtime_ns]
            for file, stat in zip(files, stats, strict=True)
        ]
        if not self.rows:
            raise EmbeddingError(f"{folder} has files of embeddings, but they have no row")
        logger.info("%s: %d embeddings in %d files", folder, self.rows, len(files))

    @abstractmethod
    def read(self, number: int, start: int, size: int) -> Iterator[np.ndarray]:
        """Yield rows of one file from `start` on, at most `size` at a time."""

    @abstractmethod
    def take(self, number: int, places: np.ndarray) -> np.ndarray:
        """Return rows of one file at ascending places."""

    @abstractmethod
    def facts(self, number: int, places: np.ndarray) -> pd.DataFrame | None:
        """Return the metadata of rows of one file at ascending places, or None."""

    def blocks(self, start: int, size: int, with_paths: bool) -> Iterator[Block]:
        """Yield the rows from `start` on."""
        for number in range(len(self.files)):
            done = max(start - int(self.starts[number]), 0)
            if self.starts[number] + done >= self.starts[number + 1]:
                continue
            for values in self.read(number, done, size):
                places = np.arange(done, done + len(values))
                done += len(values)
                facts = self.facts(number, places) if with_paths else None
                yield values, _own_paths(self.folder, facts)

    def _by_file(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield file, places in it and where they go, for rows in any order, repeated or not."""
        unique, back = np.unique(rows, return_inverse=True)
        if len(unique) and not 0 <= unique[0] <= unique[-1] < self.rows:
            raise EmbeddingError(f"{self.folder} has {self.rows} rows, none numbered {unique[-1]}")
        number = np.searchsorted(self.starts, unique, side="right") - 1
        for each in np.unique(number):
            chosen = np.flatnonzero(number == each)
            yield int(each), unique[chosen] - self.starts[each], np.isin(back, chosen)

    def describe(self, rows: np.ndarray) -> pd.DataFrame:
        """Return `id`, `path` and `url` of rows."""
        columns = {name: np.full(len(rows), "", dtype=object) for name in ("id", "path", "url")}
        for number, places, goes in self._by_file(rows):
            local = rows[goes] - self.starts[number]
            at = np.searchsorted(places, local)
            found = self.facts(number, places)
            columns["id"][goes] = [f"{self.files[number].stem}:{place}" for place in local]
            if found is None:
                continue
            for name, values in _names(self.folder, found).items():
                columns[name][goes] = values[at]
        return pd.DataFrame(columns, dtype="str")

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return embeddings of rows."""
        out: np.ndarray | None = None
        for number, places, goes in self._by_file(rows):
            values = self.take(number, places)
            out = np.empty((len(rows), values.shape[1]), np.float32) if out is None else out
            out[goes] = values[np.searchsorted(places, rows[goes] - self.starts[number])]
        return np.empty((0, 0), np.float32) if out is None else out


def number_of(path: Path) -> tuple[int, str]:
    """Return the last number in a file's name, by which img_emb_10 comes behind img_emb_9."""
    numbers = re.findall(r"\d+", path.stem)
    return (int(numbers[-1]) if numbers else -1), path.name


def _names(folder: Path, facts: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns `id`, `path` and `url` as far as metadata has them."""
    found = {}
    for name in ("image_id", "key", "image_path", "url"):
        if name in facts:
            found["id"] = facts[name].astype("str").to_numpy(object)
            break
    paths = _own_paths(folder, facts)
    if paths is not None:
        # In clip-retrieval's metadata a path may be one in a tar file that is long gone.
        found["path"] = np.array([p if Path(p).is_file() else "" for p in paths], object)
    if "url" in facts:
        found["url"] = facts["url"].fillna("").astype("str").to_numpy(object)
    return found


def _own_paths(folder: Path, facts: pd.DataFrame | None) -> list[str] | None:
    name = next((n for n in ("path", "image_path") if facts is not None and n in facts), None)
    if facts is None or name is None:
        return None
    return [str(folder / path) for path in facts[name].fillna("").astype("str")]
