# ruff: noqa: F821
"""Draw figures of the alignment paper that show metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting.alignment_figures import Options, draw
from replidg.reporting.style import PlotStyle, save_figure


def draw_alignment_figures(
    metrics: Path,
    names: Sequence[str],
    svg: Sequence[Path],
    png: Sequence[Path],
    options: Mapping[str, Any],
    style: Mapping[str, Any],
) -> None:
    """Draw several figures from one file of metrics.

    Args:
        metrics: tidy metrics (parquet).
        names: figures, as in `replidg.artefacts`.
        svg: where the vector figures go, one a name.
        png: where the bitmaps go, one a name.
        options: fields of `Options`.
        style: fields of `PlotStyle`.
    """
    frame, look, chosen = pd.read_parquet(metrics), PlotStyle(**style), Options(**options)
    for name, vector, bitmap in zip(names, svg, png, strict=True):
        save_figure(draw(name, frame, chosen, look), Path(vector), Path(bitmap), look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_alignment_figures(
        metrics=snakemake.input.metrics,
        names=snakemake.params.names,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        options=snakemake.params.options,
        style=snakemake.params.style,
    )
