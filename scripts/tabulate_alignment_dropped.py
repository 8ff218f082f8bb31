# ruff: noqa: F821
"""Write the share of images that the cleaning drops (Table 8 of the alignment paper)."""

from pathlib import Path

import pandas as pd

from replidg.reporting.tables import dropped_table, write_table

CAPTION = (
    "Images dropped before the split, in percent of the data set: score too low (mislabelled), "
    "and score so high that the class name is written in the picture (OCR)."
)


def tabulate_alignment_dropped(metrics: Path, csv: Path, md: Path, tex: Path) -> None:
    """Write Table 8.

    Args:
        metrics: tidy metrics of the paper (parquet).
        csv: numbers for programs.
        md: the table in Markdown.
        tex: the table in LaTeX.
    """
    write_table(
        dropped_table(pd.read_parquet(metrics)),
        None,
        Path(csv),
        Path(md),
        Path(tex),
        CAPTION,
        "tab:alignment-table8",
        decimals=2,
        bold_best=False,
        corner="Dataset",
    )


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    tabulate_alignment_dropped(
        metrics=snakemake.input.metrics,
        csv=snakemake.output.csv,
        md=snakemake.output.md,
        tex=snakemake.output.tex,
    )
