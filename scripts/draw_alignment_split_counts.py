# ruff: noqa: F821
"""Draw how many images of each domain are in and out of pretraining (Fig 17)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting.figures import split_counts
from replidg.reporting.style import PlotStyle, save_figure


def draw_alignment_split_counts(
    metrics: Path, svg: Path, png: Path, style: Mapping[str, Any]
) -> None:
    """Draw the image counts of each data set and domain.

    Args:
        metrics: tidy metrics of the paper (parquet).
        svg: where the vector figure goes.
        png: where the bitmap goes.
        style: fields of ``PlotStyle``.
    """
    look = PlotStyle(**style)
    save_figure(split_counts(pd.read_parquet(metrics), look), Path(svg), Path(png), look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_alignment_split_counts(
        metrics=snakemake.input.metrics,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        style=snakemake.params.style,
    )
