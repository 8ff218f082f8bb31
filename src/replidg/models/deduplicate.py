"""Near duplicates among embeddings, as SemDeDup finds them (Abbas et al. 2023, arXiv 2303.09540).

Pictures are clustered by k-means; in each cluster one that is too similar to another that comes
before it is dropped. The corpus is read file by file; what has been assigned waits on disk.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from sklearn.cluster import MiniBatchKMeans

from replidg.config.forgotten import Deduplication
from replidg.data.embeddings import EmbeddingError
from replidg.files import stable_hash, whole_file
from replidg.models.store import device
from replidg.progress import tracked

logger = logging.getLogger(__name__)
BLOCK = 8192
#: Rows of the sample that are gathered at a time.
GATHERED = 1 << 18


def unit_rows(path: Path, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Return rows of a file of embeddings as float32 of unit length; zeros stay zeros."""
    with safe_open(path, framework="np") as file:
        whole = file.get_slice("embeddings")
        rows = whole.get_shape()[0]
        values = whole[start : rows if stop is None else min(stop, rows)].astype(np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.maximum(lengths, 1e-12)


def count_rows(path: Path) -> int:
    """Return the number of rows of a file of embeddings."""
    with safe_open(path, framework="np") as file:
        return file.get_slice("embeddings").get_shape()[0]


def duplicates(
    files: Sequence[Path], options: Deduplication, checkpoints: Path
) -> list[np.ndarray]:
    """Return which rows are dropped, one boolean array a file.

    Args:
        files: embeddings of the corpus; rows are numbered through all files.
        options: clusters, similarity, which of two is kept.
        checkpoints: where assigned files wait.

    Raises:
        EmbeddingError: there are fewer pictures than clusters.
    """
    counts = [count_rows(path) for path in files]
    stats = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    folder = checkpoints / "deduplicate" / stable_hash([options.model_dump(), stats])
    centroids = _centroids(files, counts, options, folder)
    assigned, distances = _assigned(files, centroids, folder)
    dropped = np.zeros(sum(counts), bool)
    order = np.argsort(assigned, kind="stable")
    bounds = np.searchsorted(assigned[order], np.arange(len(centroids) + 1))
    starts = np.concatenate([[0], np.cumsum(counts)])
    for cluster in tracked(range(len(centroids)), len(centroids), "deduplicating", "clusters"):
        rows = order[bounds[cluster] : bounds[cluster + 1]]
        far = distances[rows] if options.keep == "near" else -distances[rows]
        rows = rows[np.lexsort((rows, far))]
        dropped[rows[too_similar(_gather(files, starts, rows), options.similarity)]] = True
    shutil.rmtree(folder, ignore_errors=True)
    return np.split(dropped, starts[1:-1])


def too_similar(values: np.ndarray, similarity: float) -> np.ndarray:
    """Return which rows have a cosine above `similarity` to one that comes before them.

    Also to one that is itself dropped, as SemDeDup's code compares.

    Args:
        values: unit vectors (N, D), those that are rather kept first.
        similarity: bound.
    """
    found = np.zeros(len(values), bool)
    whole = torch.from_numpy(np.ascontiguousarray(values)).to(device())
    for start in range(0, len(values), BLOCK):
        part = whole[start : start + BLOCK]
        near = part @ whole[: start + len(part)].T > similarity
        before = torch.tril(torch.ones_like(near), diagonal=start - 1)
        found[start : start + len(part)] = (near & before).any(1).cpu().numpy()
    return found


def _centroids(
    files: Sequence[Path], counts: Sequence[int], options: Deduplication, folder: Path
) -> np.ndarray:
    """Return unit centroids of k-means on a sample of the pictures (K, D)."""
    path, total = folder / "centroids.npy", sum(counts)
    if path.is_file():
        return np.load(path)
    if total < options.clusters:
        raise EmbeddingError(
            f"{total} pictures, but forgotten.corpus.deduplication.clusters is {options.clusters}"
        )
    size = min(total, options.clusters * options.sample_per_cluster)
    chosen = np.sort(np.random.default_rng(options.seed).permutation(total)[:size])
    starts = np.concatenate([[0], np.cumsum(counts)])
    drawn = folder / "sample.npy"
    _gather_file(files, starts, chosen, drawn)
    found = MiniBatchKMeans(
        options.clusters, random_state=options.seed, n_init=1, batch_size=4096, compute_labels=False
    ).fit(np.load(drawn, mmap_mode="r"))
    drawn.unlink()
    centroids = found.cluster_centers_.astype(np.float32)
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    with whole_file(path) as temporary:
        np.save(temporary, centroids)
    return centroids


def _assigned(
    files: Sequence[Path], centroids: np.ndarray, folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest centroid of every picture, and 1 - cosine to it."""
    centres = torch.from_numpy(centroids).to(device())
    total, begin = sum(map(count_rows, files)), 0
    assigned, distances = np.empty(total, np.int32), np.empty(total, np.float32)
    for number, path in enumerate(tracked(files, len(files), "assigning clusters", "files")):
        done = folder / f"{number:06d}.npz"
        if not done.is_file():
            nearest, cosine = [], []
            for start in range(0, count_rows(path), BLOCK):
                values = torch.from_numpy(unit_rows(path, start, start + BLOCK)).to(device())
                best = (values @ centres.T).max(dim=1)
                nearest.append(best.indices.cpu().numpy().astype(np.int32))
                cosine.append(1 - best.values.cpu().numpy())
            with whole_file(done) as temporary:
                np.savez(temporary, nearest=np.concatenate(nearest), far=np.concatenate(cosine))
        with np.load(done) as saved:
            end = begin + len(saved["nearest"])
            assigned[begin:end], distances[begin:end] = saved["nearest"], saved["far"]
            begin = end
    return assigned, distances


def _gather_file(files: Sequence[Path], starts: np.ndarray, rows: np.ndarray, out: Path) -> None:
    """Write ascending rows of the corpus as unit vectors: five million do not fit into memory."""
    out.parent.mkdir(parents=True, exist_ok=True)
    written: np.ndarray | None = None
    for at in range(0, len(rows), GATHERED):
        values = _gather(files, starts, rows[at : at + GATHERED])
        if written is None:
            shape = (len(rows), values.shape[1])
            written = np.lib.format.open_memmap(out, "w+", np.float32, shape)
        written[at : at + GATHERED] = values


def _gather(files: Sequence[Path], starts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of the corpus in the order asked for, as unit vectors (N, D)."""
    numbers = np.searchsorted(starts, rows, side="right") - 1
    out: np.ndarray | None = None
    for number in np.unique(numbers):
        goes = np.flatnonzero(numbers == number)
        places = rows[goes] - starts[number]
        with safe_open(files[number], framework="np") as file:
            whole = file.get_slice("embeddings")
            # One read from the first to the last where that is not much more than what is wanted.
            low, high = int(places.min()), int(places.max()) + 1
            if high - low <= 64 * len(places):
                values = whole[low:high][places - low]
            else:
                values = np.concatenate([whole[int(p) : int(p) + 1] for p in places])
        values = values.astype(np.float32)
        if out is None:
            out = np.empty((len(rows), values.shape[1]), np.float32)
        out[goes] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return np.empty((0, 1), np.float32) if out is None else out
