"""Give a known share of the images a wrong label and score them: Table 7 without a person."""

from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.labels import LabelNoise
from replidg.data.embeddings import read
from replidg.data.index import read_classes
from replidg.files import whole_file
from replidg.metrics.alignment import alignment_score
from replidg.metrics.labels import exchange_labels


def exchange_alignment_labels(
    index: Path, images: Path, texts: Path, classes: Path, domains: list[str], noise: LabelNoise,
    out: Path,
) -> None:  # fmt: skip
    """Write `image_id`, `domain`, `label`, `class_name`, `true_label` and `score` of each image.

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order; the same as for the AlignmentScore.
        texts: class embeddings in label order.
        classes: JSON list of class names in label order.
        domains: domains to score.
        noise: share of exchanged labels and seed.
        out: parquet file.
    """
    rows, names = pd.read_parquet(index), read_classes(classes)
    values = read(images, rows["image_id"].tolist())
    kept = rows["domain"].isin(domains).to_numpy()
    own = rows.loc[kept, ["image_id", "domain", "label"]].rename(columns={"label": "true_label"})
    labels = exchange_labels(own["true_label"].to_numpy(), len(names), noise)
    table = own.assign(
        label=labels,
        class_name=np.array(names, dtype=object)[labels],
        score=alignment_score(values[kept], read(texts), labels),
    )
    with whole_file(out) as temporary:
        table.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    exchange_alignment_labels(
        index=Path(snakemake.input.index),
        images=Path(snakemake.input.images),
        texts=Path(snakemake.input.texts),
        classes=Path(snakemake.input.classes),
        domains=snakemake.params.domains,
        noise=LabelNoise.model_validate(snakemake.params.noise),
        out=Path(snakemake.output.scores),
    )
