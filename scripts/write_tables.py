"""Write tables of a paper that show metrics."""

from replidg.log import setup
from replidg.reporting.artefact_files import write_tables

if "snakemake" in globals():
    setup(snakemake.log[0])
    write_tables(
        paper=snakemake.params.paper,
        metrics=snakemake.input.metrics,
        names=snakemake.params.names,
        csv=snakemake.output.csv,
        md=snakemake.output.md,
        tex=snakemake.output.tex,
        options=snakemake.params.options,
    )
