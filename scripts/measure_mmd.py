"""Write how far target domains are from pretraining, from themselves and from their sources."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.similarity import Mmd
from replidg.data.embeddings import read, read_ids
from replidg.files import whole_file
from replidg.metrics.mmd import median_distance, sample, shuffled, squared_mmd
from replidg.progress import tracked

logger = logging.getLogger(__name__)
#: Images of the data set whose distances give the bandwidth: two million pairs.
MEDIAN_OF = 2000


def measure_mmd(
    index: Path, images: Path, neighbours: Path, domains: list[str], how: Mmd, out: Path
) -> None:
    """Write three squared discrepancies a target domain (Fig 5).

    target_pretraining: its images and their nearest neighbours in the pretraining corpus;
    target_target: two random halves of it; source_target: it and the images of all other domains.
    One bandwidth serves a whole data set, so that its discrepancies can be compared.

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order.
        neighbours: embeddings of the nearest neighbours, with the ids of the target images.
        domains: target domains.
        how: bandwidth and numbers of images.
        out: parquet file: `domain`, `pair`, `value`, `n` and `m` (images on either side),
            `bandwidth`. A pair that cannot be had is NaN with n = 0.
    """
    rows = pd.read_parquet(index, columns=["image_id", "domain"])
    values = read(images, rows["image_id"].tolist())
    ids, domain_of = rows["image_id"].to_numpy(object), rows["domain"].to_numpy(object)
    near, near_ids = read(neighbours), read_ids(neighbours)
    place = {name: position for position, name in enumerate(near_ids)}
    if not near_ids:
        logger.warning("%s has no embedding: no discrepancy from pretraining", neighbours)

    def some(places: np.ndarray, count: int | None) -> np.ndarray:
        return places[sample(ids[places].tolist(), count)]

    every = np.flatnonzero(np.isin(domain_of, domains))
    bandwidth = how.bandwidth or median_distance(values[some(every, MEDIAN_OF)])
    table = []
    for domain in tracked(domains, len(domains), "measuring discrepancies", "domains"):
        whole = every[domain_of[every] == domain]
        own = some(whole, how.max_images)
        searched = np.array([i for i in whole if ids[i] in place], dtype=np.int64)
        searched = some(searched, how.max_images)
        halves = whole[shuffled(ids[whole].tolist())]
        most, middle = how.max_images, len(halves) // 2
        sides = {
            "target_pretraining": (values[searched], near[[place[ids[i]] for i in searched]]),
            "target_target": (values[halves[:middle][:most]], values[halves[middle:][:most]]),
            "source_target": (
                values[own], values[some(every[domain_of[every] != domain], most)]
            ),
        }  # fmt: skip
        for pair, (one, other) in sides.items():
            enough = min(len(one), len(other)) > 1
            value = squared_mmd(one, other, bandwidth) if enough else np.nan
            n, m = (len(one), len(other)) if enough else (0, 0)
            table.append((domain, pair, value, n, m, bandwidth))
    columns = ["domain", "pair", "value", "n", "m", "bandwidth"]
    with whole_file(out) as temporary:
        pd.DataFrame(table, columns=columns).to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    measure_mmd(
        index=Path(snakemake.input.index),
        images=Path(snakemake.input.images),
        neighbours=Path(snakemake.input.neighbours),
        domains=snakemake.params.domains,
        how=Mmd.model_validate(snakemake.params.mmd),
        out=Path(snakemake.output.mmd),
    )
