"""Classify every image by the nearest class text; write predictions like a trained method's."""

from pathlib import Path

import numpy as np
import pandas as pd

from replidg.data.embeddings import parts, read
from replidg.files import whole_file, write_json
from replidg.methods.zero_shot import zero_shot


def classify_zero_shot(
    index: Path,
    images: Path,
    texts: Path,
    domains: list[str],
    target_images: str,
    predictions: Path,
    facts: Path,
) -> None:
    """Write zero-shot predictions of the target domains and accuracies by pretraining share.

    Args:
        index: parquet index of the data set.
        images: image embeddings in index order.
        texts: class embeddings in label order.
        domains: target domains.
        target_images: "all" or "test".
        predictions: parquet; columns as of a trained method.
        facts: JSON; accuracy by domain on the pretraining corpus and on held-out instances.
    """
    rows = pd.read_parquet(index)
    classes = read(texts)
    tables = [
        zero_shot(rows.iloc[part], values, classes)
        for part, values in parts(images, rows["image_id"].tolist())
    ]
    table = pd.concat(tables, ignore_index=True)
    write_json(facts, {"dataset": images.parent.name, "rows": by_share(rows, table)})
    kept = table["domain"].isin(domains)
    if target_images == "test":
        kept &= table["split"].isin(["test", ""])
    model, dataset = predictions.parts[-3:-1]
    keys = {"model": model, "dataset": dataset, "method": "zero_shot", "seed": 0}
    chosen = table[kept].assign(**keys)
    with whole_file(predictions) as temporary:
        chosen.assign(target=chosen["domain"]).to_parquet(temporary, index=False)


def by_share(rows: pd.DataFrame, table: pd.DataFrame) -> list[dict]:
    """Return zero-shot accuracy by domain, for images the model saw and for unseen instances.

    Args:
        rows: the index; without a `pretraining` column nothing is known of what the model saw.
        table: predictions of the same rows.
    """
    if "pretraining" in rows:
        unseen = rows["split"].replace("test", "held out")
        shares = np.where(rows["pretraining"], "pretraining", unseen)
    else:
        shares = np.full(len(rows), "unknown")
    grouped = table["correct"].groupby([table["domain"], pd.Series(shares, name="share")])
    return [
        {"domain": domain, "share": share, "n": len(hits), "accuracy": float(hits.mean())}
        for (domain, share), hits in grouped
        if share in ("pretraining", "held out", "unknown")
    ]


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    classify_zero_shot(
        index=Path(snakemake.input.index),
        images=Path(snakemake.input.images),
        texts=Path(snakemake.input.texts),
        domains=snakemake.params.domains,
        target_images=snakemake.params.target_images,
        predictions=Path(snakemake.output.predictions),
        facts=Path(snakemake.output.facts),
    )
