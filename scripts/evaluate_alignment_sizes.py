"""Object size against AlignmentScore (Fig 10 of the alignment paper); no training needed."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.object_sizes import size_curve
from replidg.metrics.tidy import tidy


def evaluate_alignment_sizes(
    splits: Mapping[str, Path], sizes: Mapping[str, Path], bin_width: float, out: Path
) -> None:
    """Write tidy rows of `fig10`, for each data set and for all together.

    Args:
        splits: split file by data set.
        sizes: object sizes by data set.
        bin_width: of the score.
        out: parquet file.
    """
    scores = {name: pd.read_parquet(path) for name, path in splits.items()}
    shares = {name: pd.read_parquet(path) for name, path in sizes.items()}
    curves = [
        size_curve(scores[name], shares[name], bin_width).assign(dataset=name) for name in splits
    ]
    # Image ids are unique within a data set only.
    together = [
        pd.concat([table.assign(image_id=name + "/" + table["image_id"]) for name, table in t])
        for t in (scores.items(), shares.items())
    ]
    curves.append(size_curve(*together, bin_width).assign(dataset="all"))
    table = pd.concat(curves, ignore_index=True).assign(setting=f"{bin_width:g}")
    with whole_file(out) as temporary:
        tidy(table, artefact="fig10", paper="alignment").to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.datasets
    evaluate_alignment_sizes(
        splits=dict(zip(names, map(Path, snakemake.input.splits), strict=True)),
        sizes=dict(zip(names, map(Path, snakemake.input.sizes), strict=True)),
        bin_width=snakemake.params.bin_width,
        out=Path(snakemake.output.metrics),
    )
