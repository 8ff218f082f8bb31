"""Accuracy of one method by similarity to source images (Fig 9 of the alignment paper)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.accuracy import bin_counts, curve
from replidg.metrics.scored import read_targets
from replidg.metrics.tidy import tidy


def evaluate_alignment_sources(
    predictions: list[Path], sources: Mapping[str, Path], width: float, out: Path
) -> None:
    """Write tidy rows of `curves_source`.

    Args:
        predictions: prediction files of one method.
        sources: similarity of each target image to its nearest source image, by data set.
        width: of a bin.
        out: parquet file.

    Raises:
        ValueError: a predicted image has no similarity.
    """
    known = pd.concat(
        [
            pd.read_parquet(path, columns=["image_id", "similarity"]).assign(dataset=name)
            for name, path in sources.items()
        ]
    )
    table = pd.concat([read_targets(path) for path in predictions], ignore_index=True)
    keys = ["dataset", "image_id"]
    table = table.merge(known, on=keys, how="left", validate="many_to_one")
    if table["similarity"].isna().any():
        lost = table.loc[table["similarity"].isna(), "image_id"].iloc[0]
        raise ValueError(f"image {lost} has no similarity to sources; rerun the similarity stage")
    points = curve(bin_counts(table.assign(score=table["similarity"]), width))
    rows = tidy(
        points.assign(setting=f"{width:g}"),
        artefact="curves_source",
        paper="alignment",
        metric="accuracy",
    )
    with whole_file(out) as temporary:
        rows.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    evaluate_alignment_sources(
        predictions=[Path(path) for path in snakemake.input.predictions],
        sources=dict(zip(params.datasets, map(Path, snakemake.input.sources), strict=True)),
        width=params.width,
        out=Path(snakemake.output.metrics),
    )
