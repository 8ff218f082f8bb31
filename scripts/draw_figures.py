"""Draw figures of a paper that show metrics."""

from replidg.log import setup
from replidg.reporting.artefact_files import draw_figures

if "snakemake" in globals():
    setup(snakemake.log[0])
    draw_figures(
        paper=snakemake.params.paper,
        metrics=snakemake.input.metrics,
        names=snakemake.params.names,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
        options=snakemake.params.options,
        style=snakemake.params.style,
    )
