"""Write one row an image of a data set."""

from pathlib import Path

from replidg.config.inputs import Dataset, RegisteredDataset
from replidg.data.availability import page
from replidg.data.index import build

if "snakemake" in globals():
    from pydantic import TypeAdapter

    from replidg.log import setup

    setup(snakemake.log[0])
    dataset = TypeAdapter(Dataset).validate_python(snakemake.params.dataset)
    registered = isinstance(dataset, RegisteredDataset)
    build(
        folder=Path(snakemake.input.verified).parent,
        domains=snakemake.params.domains,
        out=Path(snakemake.output.index),
        classes=Path(snakemake.output.classes),
        entry=page(snakemake.wildcards.dataset, dataset) if registered else None,
        standin=dataset.source == "standin",
        at_most=getattr(dataset, "index_images", None),
    )
