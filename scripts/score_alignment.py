"""Write the AlignmentScore of every image, and its zero-shot probability."""

from pathlib import Path

import numpy as np
import pandas as pd

from replidg.data.embeddings import parts, read
from replidg.files import whole_file
from replidg.metrics.alignment import alignment_score, true_class_probability


def score_alignment(
    index: Path, images: Path, texts: Path, domains: list[str], scale: float, out: Path
) -> None:
    """Write one row an image: `image_id`, `domain`, `label`, `score`, `probability` ….

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order.
        texts: class embeddings in label order.
        domains: domains to score.
        scale: factor of the cosines in the softmax of `probability`.
        out: parquet file.
    """
    rows = pd.read_parquet(index)
    classes, labels = read(texts), rows["label"].to_numpy()
    score, probability = np.empty((2, len(rows)), np.float32)
    for part, values in parts(images, rows["image_id"].tolist()):
        score[part] = alignment_score(values, classes, labels[part])
        probability[part] = true_class_probability(values, classes, labels[part], scale)
    columns = ["image_id", "domain", "class_name", "label", "split"]
    table = rows[columns].assign(score=score, probability=probability)
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
        scale=snakemake.params.scale,
        out=Path(snakemake.output.scores),
    )
