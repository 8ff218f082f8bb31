# ruff: noqa: F821
"""Draw figures of the SCI-PD paper that show metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting.scipd_figures import draw
from replidg.reporting.style import PlotStyle, save_figure


def draw_scipd_figures(
    metrics: Path,
    names: Sequence[str],
    svg: Sequence[Path],
    png: Sequence[Path],
    pages: Mapping[str, str],
    methods: Sequence[str],
    shares: Mapping[str, str],
    style: Mapping[str, Any],
) -> None:
    """Draw several figures from one file of metrics.

    Args:
        metrics: tidy metrics (parquet).
        names: figures, as in `replidg.artefacts`.
        svg: where the vector figures go, one a name.
        png: where the bitmaps go, one a name.
        pages: data sets by their page of the registry, lower case.
        methods: of the main tables, in order.
        shares: arm of the scarcity study -> its method.
        style: fields of `PlotStyle`.
    """
    frame, look = pd.read_parquet(metrics), PlotStyle(**style)
    for name, vector, bitmap in zip(names, svg, png, strict=True):
        figure = draw(name, frame, pages, methods, shares, look)
        save_figure(figure, Path(vector), Path(bitmap), look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_scipd_figures(
        metrics=Path(snakemake.input.metrics),
        names=snakemake.params.names,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        pages=snakemake.params.pages,
        methods=snakemake.params.methods,
        shares=snakemake.params.shares,
        style=snakemake.params.style,
    )
