"""Test trained networks: confusion counts, pictures, submissions; each image once, then kept.

Work is done in shards of images. Finished shards wait in a folder named by a hash of all that
affects them, so a killed job goes on behind the last one.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from replidg.config.street_classes import CLASSES, IGNORED, PALETTE
from replidg.data.embeddings import index_hash
from replidg.data.errors import DatasetError
from replidg.files import sha256_file, stable_hash, whole_file
from replidg.progress import Progress
from replidg.segmentation.predictions import View, predicted

if TYPE_CHECKING:
    from mmseg.models import EncoderDecoder

logger = logging.getLogger(__name__)
Work = Callable[[pd.DataFrame], pd.DataFrame]
#: Sources whose change makes shards of earlier code worthless.
CODE = ("data/perturbations.py", "data/perturbation_fields.py", "segmentation/*.py")


def counted(
    segmentor: EncoderDecoder, rows: pd.DataFrame, view: View, keys: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return how often pixels of each class were taken for which: the confusion of each image.

    Args:
        segmentor: trained network.
        rows: with `image_id`, `path`, `mask_path`, `condition` and `keys`.
        view: how the images are looked at.
        keys: further columns that tell rows apart.

    Returns:
        image_id, condition, keys, truth, pred (train ids) and pixels, without zeros and without
        pixels whose truth is ignored.

    Raises:
        DatasetError: a label has another size than its image, or unknown ids.
    """
    parts = []
    for (_, row), labels in zip(rows.iterrows(), predicted(segmentor, rows, view), strict=True):
        truth = read_labels(row["mask_path"])
        if truth.shape != labels.shape:
            raise DatasetError(
                f"{row['mask_path']} is {truth.shape[1]} x {truth.shape[0]} pixels and its image "
                f"{labels.shape[1]} x {labels.shape[0]}; prepare the data set again"
            )
        pairs = confusion(truth, labels)
        for place, key in enumerate(("image_id", "condition", *keys)):
            pairs.insert(place, key, row[key])
        parts.append(pairs)
    return pd.concat(parts, ignore_index=True)


def confusion(truth: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Return truth, pred (uint8) and pixels (int64) of two label maps, non-zero counts only."""
    number = len(CLASSES)
    kept = truth != IGNORED
    pairs = truth[kept].astype(np.int64) * number + predicted[kept]
    counts = np.bincount(pairs, minlength=number * number)
    found = np.flatnonzero(counts)
    return pd.DataFrame(
        {
            "truth": (found // number).astype(np.uint8),
            "pred": (found % number).astype(np.uint8),
            "pixels": counts[found],
        }
    )


def read_labels(path: str | Path) -> np.ndarray:
    """Return a label map of train ids, (H, W) uint8.

    Raises:
        DatasetError: it is no such map.
    """
    labels = np.asarray(Image.open(path))
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise DatasetError(f"{path} is no map of train ids: {labels.shape}, {labels.dtype}")
    odd = set(np.unique(labels).tolist()) - {*range(len(CLASSES)), IGNORED}
    if odd:
        raise DatasetError(
            f"{path} has ids {sorted(odd)} that are no train ids (0 to {len(CLASSES) - 1}, "
            f"{IGNORED}); prepare the data set again"
        )
    return labels


def pictured(segmentor: EncoderDecoder, rows: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return each image's predicted labels as a palette PNG of train ids, in the column `png`."""
    pictures = [label_png(labels, PALETTE) for labels in predicted(segmentor, rows, view)]
    columns = [name for name in ("image_id", "condition", "path", "mask_path") if name in rows]
    return rows[columns].reset_index(drop=True).assign(png=pictures)


def label_png(labels: np.ndarray, palette: tuple[tuple[int, ...], ...] | None = None) -> bytes:
    """Return a label map (H, W) uint8 as the bytes of a PNG of 8 bits a pixel."""
    image = Image.fromarray(labels)
    if palette is not None:
        image.putpalette([value for colour in palette for value in colour])
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def sharded(rows: pd.DataFrame, work: Work, shard: int, folder: Path, what: str) -> pd.DataFrame:
    """Return `work` of all rows, done in shards of which finished ones are kept in `folder`.

    Args:
        rows: of images.
        work: makes the table of a shard's rows.
        shard: rows in one.
        folder: of unfinished work.
        what: name of the work in the log.
    """
    parts = []
    with Progress(len(rows), what) as progress:
        for start in range(0, len(rows), shard):
            path, part = folder / f"{start:09d}.parquet", rows.iloc[start : start + shard]
            table = _kept(path)
            if table is None:
                table = work(part)
                write_table(table, path)
            parts.append(table)
            progress.add(len(part))
    return pd.concat(parts, ignore_index=True)


def _kept(path: Path) -> pd.DataFrame | None:
    """Return a finished shard, or None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return parquet.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as error:
        logger.warning("%s is damaged (%s); its images are done again", path, error)
        return None


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as parquet, whole or not at all."""
    with whole_file(path) as temporary:
        table.to_parquet(temporary, compression="zstd", index=False)


class Workplace:
    """Where a network's tests keep unfinished work.

    Args:
        checkpoints: folder of unfinished work.
        run: folder of the trained network.
        shard: images between two resume points.
    """

    def __init__(self, checkpoints: Path, run: Path, shard: int) -> None:
        self.shard, self.checkpoints = shard, checkpoints / "segmentor_tests"
        names = ("model.safetensors", "segmentor.json")
        self.folders: list[Path] = []
        self.network = [sha256_file(run / name) for name in names] + [code_version()]

    def table(self, rows: pd.DataFrame, work: Work, view: View, what: str) -> pd.DataFrame:
        """Return `work` of all rows; see `sharded`. `what` names data set and kind of result."""
        view_key = view._replace(workers=0)
        columns = [name for name in ("perturbation", "severity") if name in rows]
        key = [self.network, index_hash(rows), rows[columns].to_numpy().tolist(), what, view_key]
        self.folders.append(self.checkpoints / stable_hash([*key, self.shard]))
        return sharded(rows, work, self.shard, self.folders[-1], what)

    def clear(self) -> None:
        """Delete the shards of all tables, at the end of a job: its outputs stay from then on."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        self.folders = []


def code_version(root: Path = Path(__file__).parents[1]) -> str:
    """Return a hash of the sources that decide what a test computes."""
    files = sorted(path for pattern in CODE for path in root.glob(pattern))
    return stable_hash([[path.name, sha256_file(path)] for path in files])


def corrupted(rows: pd.DataFrame, kinds: list[str], severities: list[int]) -> pd.DataFrame:
    """Return a row for each image, perturbation and severity, images first."""

    def every() -> Iterator[dict[str, Any]]:
        for row in rows.to_dict("records"):
            for kind in kinds:
                for severity in severities:
                    yield {**row, "perturbation": kind, "severity": severity}

    return pd.DataFrame(every())
