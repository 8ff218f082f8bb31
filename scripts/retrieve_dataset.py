"""Write, link or download one data set, and check it."""

from pathlib import Path

from replidg.config.inputs import Dataset
from replidg.data.retrieve import Places, retrieve

if "snakemake" in globals():
    from pydantic import TypeAdapter

    from replidg.log import setup

    setup(snakemake.log[0])
    name = snakemake.wildcards.dataset
    # Read from the configuration, not from params: another mirror brings no other data.
    places = Places(
        root=snakemake.params.root,
        mirrors=snakemake.config["data_mirrors"].get(name, []),
        keep_archives=snakemake.config["keep_archives"],
    )
    retrieve(
        name=name,
        dataset=TypeAdapter(Dataset).validate_python(snakemake.params.dataset),
        places=places,
        verified=Path(snakemake.output.verified),
    )
