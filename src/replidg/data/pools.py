"""Pools of image-text pairs in a random order, as webdataset shards; a mix is a prefix of each.

A sample's rank in its pool is that of a keyed hash of its place in the corpus among all members: it
needs nothing but the places, and a smaller set is inside a larger one. The corpus is read once, in
order; what was written up to a shard is noted, so a killed job goes on behind it.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from replidg.data.domain_lists import Ids
from replidg.data.domain_shards import Sample, Shard, samples
from replidg.data.errors import DatasetError
from replidg.files import write_json
from replidg.progress import Progress

logger = logging.getLogger(__name__)

#: What an image's id is called in the table that img2dataset writes beside a shard.
ID_KEYS = ("SAMPLE_ID", "image_id", "sample_id")
STATE, FACTS, SIZES = "state.json", "pool.json", "sizes.json"
Place = tuple[int, int]
BLOCK = tarfile.BLOCKSIZE
#: Bytes of images in memory before they are appended to the unfinished shards.
BUFFERED = 4 << 30


def rank_key(place: Place, seed: int, pool: str) -> int:
    """Return the 64-bit number by which the sample at (shard, position) is sorted into a pool."""
    key = f"{seed}/{pool}".encode()[:64]
    return int.from_bytes(blake2b(b"%d/%d" % place, digest_size=8, key=key).digest(), "big")


class Order:
    """Ranks of a pool's members.

    Args:
        places: (shard, position in it) of each member, each once.
        seed: of the order.
        pool: its name; another pool has another order.

    Raises:
        DatasetError: a member comes twice, or there is none.
    """

    def __init__(self, places: Iterable[Place], seed: int, pool: str) -> None:
        self.seed, self.pool = seed, pool
        self.keys = np.fromiter((rank_key(p, seed, pool) for p in places), np.uint64)
        self.keys.sort()
        if not len(self.keys):
            raise DatasetError(
                f"pool {pool}: the corpus has no image for it; see "
                f"forgotten.training.mixes.pools.{pool} and forgotten.domains"
            )
        if (self.keys[1:] == self.keys[:-1]).any():
            raise DatasetError(f"pool {pool}: a sample comes twice")

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.keys)

    def rank(self, place: Place) -> int | None:
        """Return a sample's rank, from 0, or None if it is no member."""
        key = np.uint64(rank_key(place, self.seed, self.pool))
        at = int(np.searchsorted(self.keys, key))
        return at if at < len(self.keys) and self.keys[at] == key else None


def classified(table: Path, pool: str, threshold: str) -> Iterator[Place]:
    """Yield the places of a pool's members in the corpus that the domain classifiers sorted.

    Args:
        table: `shard`, `position`, `kept`, `domain_strict` and `domain_default` of each sample.
        pool: natural, rendition, or random for all that de-duplication keeps.
        threshold: strict (98 % precision) or default.
    """
    column = f"domain_{threshold}"
    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(columns=["shard", "position", "kept", column]):
            rows = batch.to_pandas()
            chosen = rows["kept"].to_numpy(bool)
            if pool != "random":
                chosen = chosen & (rows[column] == pool).to_numpy(bool)
            yield from rows.loc[chosen, ["shard", "position"]].itertuples(index=False, name=None)


def listed(shards: Iterable[Shard], index: Path, domain: str | None) -> Iterator[Place]:
    """Yield the places of the samples that a released list of ids names.

    Ids are read from the parquet file that img2dataset writes beside a shard, if there is one;
    else from the samples' json. An image that cannot be fetched today is thus no member.

    Args:
        shards: of the corpus.
        index: of the list, with `image_id` and `domain`.
        domain: of the list; None for all.
    """
    wanted = Ids(_of_domain(index, domain))
    for shard in shards:
        positions, ids = _ids(shard)
        for place in np.flatnonzero(wanted.has(ids)):
            yield shard.number, int(positions[place])


def _of_domain(index: Path, domain: str | None) -> Iterator[pd.Series]:
    with parquet.ParquetFile(index) as file:
        for batch in file.iter_batches(columns=["image_id", "domain"]):
            rows = batch.to_pandas()
            yield rows.loc[(rows["domain"] == domain) | (domain is None), "image_id"]


def _ids(shard: Shard) -> tuple[Sequence[int], Sequence[str]]:
    """Return the positions of a shard's samples, and their ids."""
    beside = shard.path.with_suffix(".parquet")
    if not beside.is_file():
        found = [(sample.position, sample.image_id) for sample in samples(shard.path)]
        return [position for position, _ in found], [image_id for _, image_id in found]
    present = parquet.read_schema(beside).names
    name = next((name for name in ID_KEYS if name in present), None)
    if name is None:
        raise DatasetError(f"{beside} has none of the columns {', '.join(ID_KEYS)}")
    columns = [name, "status"] if "status" in present else [name]
    table = parquet.read_table(beside, columns=columns).to_pandas()
    if "status" in table:
        table = table[table["status"] == "success"]
    if len(table) != shard.samples:
        raise DatasetError(f"{beside} has {len(table)} images, {shard.path.name} {shard.samples}")
    return range(len(table)), table[name].astype("str").tolist()


def pack(
    shards: list[Shard], order: Order, shard_images: int, out: Path, scratch: Path
) -> dict[str, object]:
    """Write a pool's shards, `sizes.json` (as open_clip reads it) and `pool.json`.

    Args:
        shards: of the corpus.
        order: the members and their ranks.
        shard_images: images a shard of the pool, but for the last one.
        out: folder of the pool; other shards in it are removed.
        scratch: folder of unfinished shards, on the same file system; gone in the end.

    Returns:
        What `pool.json` has.

    Raises:
        DatasetError: a shard of the corpus is damaged, or a member is in none of them.
    """
    bins = _Bins(scratch, order, shard_images)
    with Progress(len(order), f"packing {order.pool}", "images", bins.total) as progress:
        for shard in shards[bins.done :]:
            before = bins.total
            for sample in samples(shard.path):
                bins.add(sample, order.rank((shard.number, sample.position)))
            bins.finish_source(last=shard is shards[-1])
            progress.add(bins.total - before)
    if bins.total != len(order):
        raise DatasetError(
            f"pool {order.pool}: {bins.total} of {len(order)} images are in the shards; the table "
            "of domains and the shards do not belong together"
        )
    facts: dict[str, object] = {
        "pool": order.pool,
        "images": bins.total,
        "seed": order.seed,
        "shard_images": shard_images,
        "shards": len(bins.counts),
    }
    _publish(bins, out, facts)
    shutil.rmtree(scratch)
    return facts


class _Bins:
    """Unfinished shards: appended to after each source shard, cut back to what was noted."""

    def __init__(self, folder: Path, order: Order, shard_images: int) -> None:
        self.folder, self.shard_images = folder, shard_images
        self.buffers: dict[int, io.BytesIO] = {}
        self.buffered, self.sources = 0, 0
        count = -(-len(order) // shard_images)
        self.done, self.counts, self.lengths = 0, [0] * count, [0] * count
        self.leaving = False
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / STATE).is_file():
            self._resume(json.loads((folder / STATE).read_text()))
        for number, length in self._here(self.lengths):
            with open(self.path(number), "ab") as file:
                file.truncate(length)

    def _here(self, lengths: list[int]) -> list[tuple[int, int]]:
        """Return number and length of the shards that are not yet where they belong."""
        numbered = list(enumerate(lengths))
        return [n for n in numbered if not self.leaving or self.path(n[0]).is_file()]

    def _resume(self, state: dict[str, object]) -> None:
        """Take up noted work, unless a file is shorter than noted: then all begins again."""
        lengths = state["lengths"]
        self.leaving = state.get("leaving", False)
        for number, length in self._here(lengths):
            path = self.path(number)
            if length > (path.stat().st_size if path.is_file() else 0):
                logger.warning("%s is shorter than noted; packing begins again", path)
                self.leaving = False
                return
        self.done, self.counts, self.lengths = state["done"], state["counts"], lengths
        logger.info("going on behind %d shards of the corpus", self.done)

    @property
    def total(self) -> int:
        """Number of samples so far."""
        return sum(self.counts)

    def path(self, number: int) -> Path:
        """Return an unfinished shard."""
        return self.folder / f"{number:05d}.tar"

    def add(self, sample: Sample, rank: int | None) -> None:
        """Put a member into the buffer of its shard."""
        if rank is None:
            return
        number = rank // self.shard_images
        buffer = self.buffers.setdefault(number, io.BytesIO())
        members = {
            sample.suffix: sample.image,
            "txt": sample.caption.encode(),
            "json": json.dumps(sample.meta, sort_keys=True).encode(),
        }
        for suffix, content in members.items():
            info = tarfile.TarInfo(f"{rank:09d}.{suffix}")
            info.size = len(content)
            buffer.write(info.tobuf(tarfile.GNU_FORMAT))
            buffer.write(content + b"\0" * (-info.size % BLOCK))
            self.buffered += len(content)
        self.counts[number] += 1

    def finish_source(self, last: bool) -> None:
        """Append the buffers and note how far everything is, once there is enough to append."""
        self.sources += 1
        if self.buffered < BUFFERED and not last:
            return
        for number, buffer in self.buffers.items():
            with open(self.path(number), "ab") as file:
                file.write(buffer.getvalue())
                self.lengths[number] = file.tell()
        os.sync()  # once, not for thousands of files each
        self.done += self.sources
        self.buffers, self.buffered, self.sources = {}, 0, 0
        self._note()

    def publish(self, out: Path) -> None:
        """Move the finished shards to a folder; a killed job moves those that are left."""
        self.leaving = True
        self._note()
        for number, _ in self._here(self.lengths):
            with open(self.path(number), "ab") as file:
                file.write(b"\0" * 2 * BLOCK)  # the end of a tar file
            self.path(number).replace(out / f"{number:05d}.tar")

    def _note(self) -> None:
        state = {"done": self.done, "counts": self.counts, "lengths": self.lengths}
        write_json(self.folder / STATE, state | {"leaving": self.leaving})


def _publish(bins: _Bins, out: Path, facts: dict[str, object]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    sizes = {f"{number:05d}.tar": count for number, count in enumerate(bins.counts)}
    for old in out.glob("*.tar"):
        if old.name not in sizes:
            old.unlink()
    bins.publish(out)
    write_json(out / SIZES, sizes)
    write_json(out / FACTS, facts)
