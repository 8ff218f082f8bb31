# ruff: noqa: F821
"""Write the AlignmentScore of every image."""

from pathlib import Path

import pandas as pd

from replidg.data.embeddings import read
from replidg.files import whole_file
from replidg.metrics.alignment import alignment_score


def score_alignment(index: Path, images: Path, texts: Path, domains: list[str], out: Path) -> None:
    """Write one row an image of the scored domains: `image_id`, `domain`, `label`, `score` ….

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order.
        texts: class embeddings in label order.
        domains: domains to score.
        out: parquet file.
    """
    rows = pd.read_parquet(index)
    values = read(images, rows["image_id"].tolist())
    scores = alignment_score(values, read(texts), rows["label"].to_numpy())
    table = rows[["image_id", "domain", "class_name", "label", "split"]].assign(score=scores)
    with whole_file(out) as temporary:
        table[table["domain"].isin(domains)].to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    score_alignment(
        index=Path(snakemake.input.index),
        images=Path(snakemake.input.images),
        texts=Path(snakemake.input.texts),
        domains=snakemake.params.domains,
        out=Path(snakemake.output.scores),
    )
