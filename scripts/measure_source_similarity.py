"""Write the similarity of every target image to the nearest image of the other domains."""

from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.similarity import Search as Budget
from replidg.data.embeddings import read
from replidg.files import whole_file
from replidg.metrics.neighbours import Search, on_torch
from replidg.progress import Progress


def measure_source_similarity(
    index: Path, images: Path, domains: list[str], budget: Budget, out: Path
) -> None:
    """Write `image_id`, `domain`, `similarity` and `neighbour_id` of every target image (Fig 9).

    The source domains of a target are all its data set's other domains, all their images.

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order.
        domains: target domains.
        budget: sizes of the searches.
        out: parquet file.
    """
    rows = pd.read_parquet(index)
    kept = np.flatnonzero(rows["domain"].isin(domains))
    values = read(images, rows["image_id"].tolist(), kept)
    rows = rows.iloc[kept].reset_index(drop=True)
    ids, compare = rows["image_id"].to_numpy(object), on_torch("cuda") if budget.gpu else None
    tables = []
    with Progress(len(rows) * (len(domains) - 1), "searching source images", "rows") as progress:
        for domain in domains:
            own = (rows["domain"] == domain).to_numpy()
            sources = np.flatnonzero(~own)
            search = Search(values[own], 1, query_rows=budget.query_rows, compare=compare)
            for start in range(0, len(sources), budget.block_rows):
                block = sources[start : start + budget.block_rows]
                search.add(values[block])
                progress.add(len(block))
            found = search.result()
            table = rows.loc[own, ["image_id", "domain"]].assign(
                similarity=found.similarity[:, 0].astype(np.float32),
                neighbour_id=ids[sources[found.row[:, 0]]],
            )
            tables.append(table)
    with whole_file(out) as temporary:
        pd.concat(tables).sort_index().to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    measure_source_similarity(
        index=Path(snakemake.input.index),
        images=Path(snakemake.input.images),
        domains=snakemake.params.domains,
        budget=Budget.model_validate(snakemake.config["alignment"]["search"]),
        out=Path(snakemake.output.similarity),
    )
