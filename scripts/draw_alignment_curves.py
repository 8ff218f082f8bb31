# ruff: noqa: F821
"""Draw accuracy against AlignmentScore (Fig 2b, 7 and 11 of the alignment paper)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting import figures
from replidg.reporting.style import PlotStyle, save_figure


def draw_alignment_curves(
    metrics: Path,
    figure: str,
    svg: Path,
    png: Path,
    style: Mapping[str, Any],
    method: str | None = None,
    min_images: int = 5,
) -> None:
    """Draw one of the accuracy curves.

    Args:
        metrics: tidy metrics of the paper (parquet).
        figure: ``fig2b`` (one method over the histogram of images), ``fig7`` (one method by data
            set) or ``fig11`` (every method).
        svg: where the vector figure goes.
        png: where the bitmap goes.
        style: fields of ``PlotStyle``.
        method: which method ``fig2b`` and ``fig7`` show.
        min_images: bins with fewer images are hollow or left out.
    """
    look = PlotStyle(**style)
    frame = pd.read_parquet(metrics)
    if figure == "fig11":
        drawn = figures.accuracy_by_method(frame, look, min_images)
    elif figure in ("fig2b", "fig7"):
        if not method:
            raise ValueError(f"{figure} shows one method; none was named")
        draw = figures.accuracy_vs_score if figure == "fig2b" else figures.accuracy_by_dataset
        drawn = draw(frame, method, look, min_images)
    else:
        raise ValueError(f"figure {figure!r} is none of fig2b, fig7, fig11")
    save_figure(drawn, Path(svg), Path(png), look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_alignment_curves(
        metrics=snakemake.input.metrics,
        figure=snakemake.params.figure,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        style=snakemake.params.style,
        method=snakemake.params.method,
        min_images=snakemake.params.min_images,
    )
