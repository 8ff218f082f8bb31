# ruff: noqa: F821
"""Write, link and check one data set."""

from pathlib import Path

from replidg.config.inputs import Dataset
from replidg.data.retrieve import retrieve

if "snakemake" in globals():
    from pydantic import TypeAdapter

    from replidg.log import setup

    setup(snakemake.log[0])
    retrieve(
        name=snakemake.wildcards.dataset,
        dataset=TypeAdapter(Dataset).validate_python(snakemake.params.dataset),
        root=snakemake.params.root,
        verified=Path(snakemake.output.verified),
    )
