# ruff: noqa: F821
"""Write accuracy by method on one split (Table 1a, b and c of the alignment paper)."""

from pathlib import Path

import pandas as pd

from replidg.reporting.style import label
from replidg.reporting.tables import accuracy_table, write_table
from replidg.reporting.tidy import artefact_rows

SETTINGS = {"table1a": "IP", "table1b": "OOP", "table1c": "All"}
SPLITS = {
    "IP": "the in-pretraining images (IP)",
    "OOP": "the out-of-pretraining images (OOP)",
    "All": "all images",
}


def caption_of(metrics: pd.DataFrame, setting: str) -> str:
    """What the numbers are: split, columns, averaging, seeds."""
    rows = artefact_rows(metrics, "table1", "accuracy", setting=setting)
    datasets = sorted(rows["dataset"].unique())
    columns = f"target domain of {label(datasets[0])}" if len(datasets) == 1 else "data set"
    seeds = int(rows.groupby("method")["seed"].nunique().max())
    spread = f"; mean ± standard deviation over {seeds} seeds" if seeds > 1 else "; one seed"
    return f"Top-1 accuracy (%) on {SPLITS[setting]}, by method and {columns}{spread}."


def tabulate_alignment_accuracy(metrics: Path, table: str, csv: Path, md: Path, tex: Path) -> None:
    """Write one part of Table 1.

    Args:
        metrics: tidy metrics of the paper (parquet).
        table: ``table1a`` (IP), ``table1b`` (OOP) or ``table1c`` (all images).
        csv: numbers for programs.
        md: the table in Markdown.
        tex: the table in LaTeX.
    """
    setting = SETTINGS[table]
    frame = pd.read_parquet(metrics)
    mean, sd = accuracy_table(frame, setting)
    caption = caption_of(frame, setting)
    write_table(mean, sd, Path(csv), Path(md), Path(tex), caption, f"tab:alignment-{table}")


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    tabulate_alignment_accuracy(
        metrics=snakemake.input.metrics,
        table=snakemake.params.table,
        csv=snakemake.output.csv,
        md=snakemake.output.md,
        tex=snakemake.output.tex,
    )
