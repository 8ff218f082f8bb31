"""Download a checkpoint by name and store it in open_clip's or timm's own format."""

from pathlib import Path

from pydantic import TypeAdapter

from replidg.config.inputs import Model
from replidg.models.store import retrieve

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    retrieve(
        name=snakemake.wildcards.model,
        model=TypeAdapter(Model).validate_python(snakemake.params.model),
        folder=Path(snakemake.output.facts).parent,
        random=snakemake.params.random_weights,
    )
