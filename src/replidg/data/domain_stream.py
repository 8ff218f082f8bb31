"""Decoded pictures of shards or of files, in order, whatever the number of decoding processes."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from replidg.data.domain_shards import Shard, samples
from replidg.data.images import ImageError, InputSpec, decode, resizer

logger = logging.getLogger(__name__)


class Picture(NamedTuple):
    """A picture of a source.

    Attributes:
        place: its row among those of the source, from 0.
        facts: what identifies it, the source's `columns`.
        content: path of its file, or the file's bytes.
    """

    place: int
    facts: tuple
    content: str | bytes


@dataclass(frozen=True)
class ShardSource:
    """The pictures of a shard. One that cannot be decoded is skipped: the web has many.

    Attributes:
        shard: the tar file.
    """

    shard: Shard
    columns = ("shard", "position", "key", "image_id", "url")
    strict = False

    @property
    def name(self) -> str:
        """Return a name for messages and files."""
        return f"{self.shard.number:06d}"

    @property
    def key(self) -> list[object]:
        """Return what tells a changed shard."""
        stat = self.shard.path.stat()
        return [str(self.shard.path), stat.st_size, stat.st_mtime_ns]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return self.shard.samples

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures in their order."""
        for place, one in enumerate(samples(self.shard.path, self.shard.samples)):
            url = str(one.meta.get("url", ""))
            facts = (self.shard.number, one.position, one.key, one.image_id, url)
            yield Picture(place, facts, one.image)


@dataclass(frozen=True)
class FileSource:
    """A part of a data set's index. Every picture must be there and whole.

    Attributes:
        name: for messages and files.
        index: rows with `image_id`, `path`, `domain`, `label` and `bytes`.
    """

    name: str
    index: pd.DataFrame
    columns = ("image_id", "domain", "label")
    strict = True

    @property
    def key(self) -> list[object]:
        """Return what tells changed pictures."""
        return pd.util.hash_pandas_object(self.index[["image_id", "bytes"]], False).tolist()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.index)

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures in their order."""
        columns = self.index[["image_id", "domain", "label", "path"]]
        for place, (*facts, path) in enumerate(columns.itertuples(index=False, name=None)):
            yield Picture(place, tuple(facts), path)


Source = ShardSource | FileSource


class Batch(NamedTuple):
    """Decoded pictures.

    Attributes:
        places: rows of the pictures (B,).
        facts: of each.
        pixels: uint8 (B, 3, S, S); zeros where a picture could not be decoded.
        readable: whether it could (B,).
    """

    places: list[int]
    facts: list[tuple]
    pixels: Tensor
    readable: list[bool]


class _Decoded(IterableDataset):
    """Every worker reads the whole source and decodes each so manyth picture."""

    def __init__(self, source: Source, spec: InputSpec) -> None:
        self.source, self.spec = source, spec

    def __iter__(self) -> Iterator[tuple[int, tuple, Tensor, bool]]:
        worker, resize = get_worker_info(), resizer(self.spec)
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        empty = torch.zeros((3, self.spec.size, self.spec.size), dtype=torch.uint8)
        for place, facts, content in self.source:
            if place % workers != number:
                continue
            try:
                opened = content if isinstance(content, str) else io.BytesIO(content)
                yield place, facts, resize(decode(opened)), True
            except ImageError as error:
                if self.source.strict:
                    raise
                logger.warning("%s, picture %d: %s", self.source.name, place, error)
                yield place, facts, empty, False


def batches(source: Source, spec: InputSpec, size: int, workers: int) -> Iterator[Batch]:
    """Yield the decoded pictures of a source, each once; with workers not in their order.

    Raises:
        ImageError: a picture of a data set cannot be decoded.
    """

    def joined(items: list[tuple[int, tuple, Tensor, bool]]) -> Batch:
        places, facts, pixels, readable = zip(*items, strict=True)
        return Batch(list(places), list(facts), torch.stack(pixels), list(readable))

    yield from DataLoader(
        _Decoded(source, spec), batch_size=size, num_workers=workers, collate_fn=joined
    )
