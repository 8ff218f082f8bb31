"""Convert one data set from its official layout to the one that its reader reads."""

from pathlib import Path

from replidg.config.inputs import RegisteredDataset
from replidg.data.retrieve import prepare

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    prepare(
        name=snakemake.wildcards.dataset,
        dataset=RegisteredDataset.model_validate(snakemake.params.dataset),
        source=Path(snakemake.input.verified).parent,
        verified=Path(snakemake.output.verified),
    )
