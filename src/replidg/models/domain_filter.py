"""Apply the chosen domain classifiers to many pictures, a source (shard, part of a set) at a time.

Each finished source waits as a whole file in a folder that no rule declares, so that a killed job
goes on behind it. Pictures are decoded once; all networks see the same batch.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from pyarrow import parquet
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from replidg.data import embeddings
from replidg.data.domain_stream import Source, batches
from replidg.data.errors import DatasetError
from replidg.data.images import InputSpec, normalise
from replidg.files import sha256_file, stable_hash, whole_file
from replidg.models import domain_nets, store
from replidg.models.domain_readouts import NATURAL, RENDITION
from replidg.progress import Progress

logger = logging.getLogger(__name__)
SCORES = ["natural_score", "rendition_score", "natural_default", "rendition_default"]


class ChosenClassifiers:
    """The classifier of natural pictures and that of renditions, each loaded once.

    Args:
        chosen: domain: its classifier (`chosen.json`).
        folder: of the classifiers.
        backbone: the CLIP that they were made with.
        spec: its input.
        channels_last: memory format.
        embed: whether CLIP embeddings are wanted besides.
        precision: of the towers: float32, or bf16 (autocast).
    """

    def __init__(
        self, chosen: Mapping[str, Mapping[str, Any]], folder: Path, backbone: store.Backbone,
        spec: InputSpec, channels_last: bool, embed: bool, precision: str = "float32",
    ) -> None:  # fmt: skip
        self.names = {domain: chosen[domain]["classifier"] for domain in ("natural", "rendition")}
        files = {name: folder / name / "model.safetensors" for name in set(self.names.values())}
        self.spec, self.channels_last, self.embed = spec, channels_last, embed
        self.dim, self.bf16 = backbone.dim, precision == "bf16"
        loaded = {
            name: domain_nets.load(path, backbone.visual, backbone.dim, spec.size)
            for name, path in sorted(files.items())
        }
        self.nets = {name: net.to(store.device()) for name, net in loaded.items()}
        shares = any(net.tower is None for net in loaded.values())
        self.visual = backbone.visual.to(store.device()).eval() if shares or embed else None
        hashes = {name: sha256_file(path) for name, path in sorted(files.items())}
        self.key = [hashes, self.names, list(spec), embed, backbone.weights_sha256, precision]

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """Return columns `SCORES` (B, 4) and, if wanted, embeddings (B, D) as float16."""
        device = store.device()
        images = normalise(pixels.to(device, non_blocking=True), self.spec, self.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            clip = None if self.visual is None else self.visual(images).float()
            read = {name: net.features(images, clip) for name, net in self.nets.items()}
        found = {name: net.readout(read[name].float()).cpu() for name, net in self.nets.items()}
        natural, rendition = found[self.names["natural"]], found[self.names["rendition"]]
        columns = [
            natural[:, 0],
            rendition[:, 1],
            (natural[:, 2] == NATURAL).float(),
            (rendition[:, 2] == RENDITION).float(),
        ]
        values = None if not self.embed else clip.to("cpu", torch.float16).numpy()
        return torch.stack(columns, dim=1).numpy(), values


def filter_sources(
    sources: Iterable[Source], classifiers: ChosenClassifiers, size: int, workers: int,
    checkpoints: Path, out: Path, embedded: Path | None,
) -> None:  # fmt: skip
    """Write one row a picture (the source's columns, `SCORES`, `readable`), a row group a source.

    Args:
        sources: in the order of the rows.
        classifiers: that are applied.
        size: pictures a forward pass.
        workers: processes that decode.
        checkpoints: where finished sources wait.
        out: parquet file.
        embedded: file of the CLIP embeddings, if the classifiers give any.

    Raises:
        DatasetError: a shard is damaged. ImageError: a picture of a data set is.
    """
    listed = list(sources)
    if not listed:
        raise DatasetError(f"{out}: no shard is left for this job; lower forgotten.corpus.jobs")
    folder = checkpoints / "filter" / stable_hash([classifiers.key, [s.key for s in listed]])
    total = sum(map(len, listed))
    with Progress(total, f"classifying {out.parent.name}") as progress:
        for source in listed:
            table = folder / f"{source.name}.parquet"
            if not _whole(table, embedded is not None):
                _one(source, classifiers, size, workers, table)
            progress.add(len(source))
    parts = [folder / f"{source.name}.parquet" for source in listed]
    ids = _join(parts, out)
    if embedded is not None:
        values, start = np.empty((len(ids), classifiers.dim), np.float16), 0
        for part in parts:
            own = _values(part)
            values[start : start + len(own)] = own
            start += len(own)
        embeddings.write(embedded, values, ids, {"classifiers": classifiers.key})
    shutil.rmtree(folder, ignore_errors=True)


def _one(
    source: Source, classifiers: ChosenClassifiers, size: int, workers: int, table: Path
) -> None:
    facts: list[tuple] = []
    places, scores, values, readable = [], [], [], []
    for batch in batches(source, classifiers.spec, size, workers):
        found, vectors = classifiers(batch.pixels)
        places += batch.places
        facts += batch.facts
        readable += batch.readable
        scores.append(found)
        if vectors is not None:
            values.append(vectors)
    order = np.argsort(places)
    frame = pd.DataFrame([facts[place] for place in order], columns=list(source.columns))
    seen = np.array(readable)[order]
    numbers = np.concatenate(scores)[order].astype(np.float32)
    for place, name in enumerate(SCORES):
        column = numbers[:, place]
        frame[name] = np.where(seen, column, np.nan) if place < 2 else (column > 0) & seen
    frame["readable"] = seen
    if values:
        with whole_file(table.with_suffix(".safetensors")) as temporary:
            save_file({"embeddings": np.concatenate(values)[order]}, temporary)
    with whole_file(table) as temporary:  # last: its presence says that the source is finished
        frame.to_parquet(temporary, index=False)


def _whole(table: Path, embedded: bool) -> bool:
    """Return whether a source is finished; a damaged file is not."""
    try:
        rows = parquet.read_metadata(table).num_rows if table.is_file() else -1
        return rows >= 0 and (not embedded or len(_values(table)) == rows)
    except (pa.ArrowException, SafetensorError, OSError) as error:
        logger.warning("%s is damaged (%s); classifying its pictures again", table, error)
        return False


def _values(table: Path) -> np.ndarray:
    with safe_open(table.with_suffix(".safetensors"), framework="np") as file:
        return file.get_tensor("embeddings")


def _join(parts: list[Path], out: Path) -> list[str]:
    """Write the parts as row groups of one file and return the ids of its rows."""
    ids: list[str] = []
    with whole_file(out) as temporary:
        writer: parquet.ParquetWriter | None = None
        for part in parts:
            table = parquet.read_table(part)
            writer = writer or parquet.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=max(1, len(table)))
            ids += table.column("image_id").to_pylist()
        if writer is not None:
            writer.close()
    return ids
