# ruff: noqa: F821
"""Write one row an image of a data set."""

from pathlib import Path

from replidg.data.index import build

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    build(
        folder=Path(snakemake.input.verified).parent,
        domains=snakemake.params.domains,
        out=Path(snakemake.output.index),
        classes=Path(snakemake.output.classes),
    )
