# ruff: noqa: F821
"""Write tables of the SCI-PD paper that show metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.reporting.scipd_table_files import Options, write


def tabulate_scipd_tables(
    metrics: Path,
    names: Sequence[str],
    csv: Sequence[Path],
    md: Sequence[Path],
    tex: Sequence[Path],
    options: Mapping[str, Any],
) -> None:
    """Write several tables from one file of metrics.

    Args:
        metrics: tidy metrics (parquet).
        names: tables, as in `replidg.artefacts`.
        csv: numbers for programs, one file a name.
        md: Markdown.
        tex: LaTeX.
        options: fields of `Options`.
    """
    frame, chosen = pd.read_parquet(metrics), Options(**options)
    for name, *files in zip(names, csv, md, tex, strict=True):
        write(name, frame, chosen, *files)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    tabulate_scipd_tables(
        metrics=Path(snakemake.input.metrics),
        names=snakemake.params.names,
        csv=snakemake.output.csv,
        md=snakemake.output.md,
        tex=snakemake.output.tex,
        options=snakemake.params.options,
    )
