# ruff: noqa: F821
"""Ask this run's numbers what the alignment paper claims."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from replidg.metrics.alignment_claims import alignment_claims
from replidg.metrics.claims import claims_table
from replidg.reporting.alignment_tables import claim_words
from replidg.reporting.plain_table import write_plain

CAPTION = (
    "What the paper claims, asked of this run's numbers. A claim that these are too few or too "
    "noisy for cannot be told."
)


def tabulate_alignment_claims(
    metrics: Iterable[Path], min_images: int, csv: Path, md: Path, tex: Path
) -> None:
    """Write the table of claims.

    Args:
        metrics: files of tidy metrics.
        min_images: score bins with fewer images do not count.
        csv: numbers for programs.
        md: the table in Markdown.
        tex: the table in LaTeX.
    """
    whole = pd.concat([pd.read_parquet(path) for path in metrics], ignore_index=True)
    table = claims_table(alignment_claims(whole, min_images))
    write_plain(claim_words(table), csv, md, tex, CAPTION, "tab:alignment-claims")


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    tabulate_alignment_claims(
        metrics=[Path(path) for path in snakemake.input.metrics],
        min_images=snakemake.params.min_images,
        csv=Path(snakemake.output.csv),
        md=Path(snakemake.output.md),
        tex=Path(snakemake.output.tex),
    )
