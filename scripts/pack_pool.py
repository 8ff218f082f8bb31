"""Pack a pool of natural, rendition or random web pictures into shards, in a random order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replidg.config.forgotten_training import Pool
from replidg.data.domain_shards import read_shards
from replidg.data.pools import Order, classified, listed, pack
from replidg.files import sha256_file, stable_hash


def pack_pool(
    name: str,
    pool: Pool,
    shards: Path,
    members: Path,
    packing: Mapping[str, Any],
    out: Path,
    checkpoints: Path,
) -> None:
    """Write the shards of a pool.

    Args:
        name: natural, rendition or random.
        pool: what it takes.
        shards: list of the corpus' shards.
        members: domains of the corpus' pictures, or the index of a released list.
        packing: `shard_images` and `seed`.
        out: folder of the pool.
        checkpoints: root of unfinished work.
    """
    source = read_shards(shards)
    if pool.source == "list":
        places = listed(source, members, None if name == "random" else name)
    else:
        places = classified(members, name, pool.threshold)
    order = Order(places, packing["seed"], name)
    key = [name, pool.model_dump(), dict(packing), sha256_file(shards), sha256_file(members)]
    pack(source, order, packing["shard_images"], out, checkpoints / "pools" / stable_hash(key))


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    pack_pool(
        name=snakemake.wildcards.pool,
        pool=Pool.model_validate(snakemake.params.pool),
        shards=Path(snakemake.input.shards),
        members=Path(snakemake.input.members),
        packing=snakemake.params.packing,
        out=Path(snakemake.output.facts).parent,
        checkpoints=Path(snakemake.params.checkpoints),
    )
