"""Reduce every run's accuracies to the tidy rows of the paper's figures and of Table 2."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.config.forgotten_training import POOLS, Mixes
from replidg.files import whole_file
from replidg.metrics.forgotten import Size, metrics


def sizes(mixes: Mixes, pools: Mapping[str, int]) -> dict[str, Size]:
    """Return how many units of each pool a mix has, as its shards have them."""
    found = {}
    for name, mix in mixes.sets.items():
        images = {}
        for pool in POOLS:
            amount = getattr(mix, pool)
            if amount == "all":
                # A released checkpoint's pool may be nowhere; it is not trained on.
                images[pool] = pools.get(pool, 0) / mixes.unit
            elif amount:
                shards = max(1, round(amount * mixes.unit / mixes.shard_images))
                have = shards * mixes.shard_images
                images[pool] = min(have, pools.get(pool, have)) / mixes.unit
        found[name] = Size(**images)
    return found


def evaluate_forgotten(
    runs: Sequence[tuple[str, int]],
    scores: Sequence[Path],
    mixes: Mixes,
    pools: Sequence[Path],
    resnets: Sequence[Path],
    out: Path,
) -> None:
    """Write the tidy rows.

    Args:
        runs: mix and seed of each file of scores.
        scores: accuracies of every epoch.
        mixes: training sets.
        pools: facts of the pools that were packed.
        resnets: accuracies of ResNets.
        out: parquet file.
    """
    points = pd.concat(
        [
            pd.read_parquet(path).assign(run=name, seed=seed)
            for (name, seed), path in zip(runs, scores, strict=True)
        ],
        ignore_index=True,
    )
    facts = [json.loads(path.read_text()) for path in pools]
    counts = {fact["pool"]: fact["images"] for fact in facts}
    nets = [pd.read_parquet(path) for path in resnets]
    found = metrics(
        points,
        sizes(mixes, counts),
        mixes.series,
        mixes.unit_name,
        pd.concat(nets, ignore_index=True) if nets else None,
    )
    with whole_file(out) as temporary:
        found.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    evaluate_forgotten(
        runs=[tuple(run) for run in snakemake.params.runs],
        scores=[Path(path) for path in snakemake.input.scores],
        mixes=Mixes.model_validate(snakemake.params.mixes),
        pools=[Path(path) for path in snakemake.input.pools],
        resnets=[Path(path) for path in snakemake.input.get("resnets", [])],
        out=Path(snakemake.output.metrics),
    )
