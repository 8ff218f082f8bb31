"""Pictures to be labelled: drawn from the web corpus and from each test set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.forgotten_sets import WEB
from replidg.data.domain_shards import Shard, samples
from replidg.progress import tracked

COLUMNS = ["test_set", "image_id", "path", "url"]


def drawn_positions(
    shards: Sequence[Shard], images: int, most_shards: int, seed: int
) -> dict[int, np.ndarray]:
    """Draw pictures of a corpus without repetition.

    Args:
        shards: of the corpus.
        images: how many; all if there are fewer.
        most_shards: that they are drawn from, themselves drawn; a tar is read from its beginning,
            so that pictures of all shards would take as long as reading the corpus.
        seed: of the draw.

    Returns:
        Shard number: ascending places among its pictures.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(shards))[:most_shards]
    chosen = [shards[place] for place in sorted(order)]
    starts = np.cumsum([0, *(shard.samples for shard in chosen)])
    found = np.sort(random.permutation(int(starts[-1]))[:images])
    parts = np.searchsorted(starts, found, side="right") - 1
    return {
        shard.number: found[parts == place] - starts[place]
        for place, shard in enumerate(chosen)
        if (parts == place).any()
    }


def extract(shards: Sequence[Shard], wanted: dict[int, np.ndarray], folder: Path) -> pd.DataFrame:
    """Write drawn pictures as files and return their rows (`COLUMNS`).

    Raises:
        DatasetError: a shard is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in tracked(wanted, len(wanted), "drawing pictures", "shards"):
        shard, places = shards[number], set(wanted[number].tolist())
        for place, sample in enumerate(samples(shard.path, shard.samples)):
            if place not in places:
                continue
            path = folder / f"{number:05d}_{sample.key.replace('/', '_')}.{sample.suffix}"
            path.write_bytes(sample.image)
            url = str(sample.meta.get("url", ""))
            rows.append((WEB, sample.image_id, str(path), url))
    return pd.DataFrame(rows, columns=COLUMNS)


def of_sets(
    indexes: dict[str, pd.DataFrame], sets: dict[str, tuple[str, str]], images: int, seed: int
) -> Iterator[pd.DataFrame]:
    """Yield the drawn rows (`COLUMNS`) of each test set.

    Args:
        indexes: data set: its index.
        sets: test set: data set, and domain or `all`.
        images: of each; all if there are fewer.
        seed: of the draw.
    """
    for number, (name, (dataset, domain)) in enumerate(sets.items()):
        index = indexes[dataset]
        rows = index if domain == "all" else index[index["domain"] == domain]
        random = np.random.default_rng([seed, number])
        kept = rows.iloc[np.sort(random.permutation(len(rows))[:images])]
        yield kept[["image_id", "path"]].assign(test_set=name, url="")[COLUMNS]
