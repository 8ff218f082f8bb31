# ruff: noqa: F821
"""Draw figures of the robust fine-tuning paper."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting.robust_ft_figures import Options, draw
from replidg.reporting.style import PlotStyle, save_figure


def draw_robust_ft_figures(
    metrics: Iterable[Path],
    names: Sequence[str],
    svg: Sequence[Path],
    png: Sequence[Path],
    options: Mapping[str, Any],
    style: Mapping[str, Any],
) -> None:
    """Draw several figures.

    Args:
        metrics: files of tidy metrics.
        names: figures, as in `replidg.artefacts`.
        svg: where the vector figures go, one a name.
        png: where the bitmaps go, one a name.
        options: fields of `Options`.
        style: fields of `PlotStyle`.
    """
    whole = pd.concat([pd.read_parquet(path) for path in metrics], ignore_index=True)
    look, chosen = PlotStyle(**style), Options(**options)
    for name, vector, bitmap in zip(names, svg, png, strict=True):
        save_figure(draw(name, whole, chosen, look), Path(vector), Path(bitmap), look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_robust_ft_figures(
        metrics=[Path(path) for path in snakemake.input.metrics],
        names=snakemake.params.names,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        options=snakemake.params.options,
        style=snakemake.params.style,
    )
